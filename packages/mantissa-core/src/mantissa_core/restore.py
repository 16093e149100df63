"""From an archive of ``backup.py`` to an instance that continues where the backup was made."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from .backup import FORMAT, KEY, MANIFEST, SECRETS, STATE, Manifest, configured, lake_folder
from .config import FILE, load
from .errors import ConfigError, LakeError
from .hookspecs import SecretStore, StateStore

if TYPE_CHECKING:
    from .runtime import Runtime

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. ``missing`` are data files that the lake's log names and that are not there."""

    manifest: Manifest
    files: int
    missing: tuple[str, ...]


def read_manifest(archive: Path) -> Manifest:
    """What an archive holds.

    Raises:
        ConfigError: it is no archive of ours, is damaged, or is of a newer format.
    """
    try:
        with tarfile.open(archive, "r:gz") as source:
            first = source.next()
            if first is None or first.name != MANIFEST or (content := source.extractfile(first)) is None:
                raise _no_backup(archive, f"without {MANIFEST}")
            values = json.loads(content.read())
        if int(values["format"]) > FORMAT:
            raise _no_backup(archive, f"of format {values['format']}, newer than {FORMAT}: upgrade mantissa-core")
        return Manifest(**{**values, "absent": tuple(values["absent"])})
    except (tarfile.TarError, EOFError, ValueError, TypeError, KeyError) as error:
        raise _no_backup(archive, f"a file that cannot be read as one ({error})") from error


def restore(archive: Path, home: Path) -> Restored:
    """Make ``home`` the instance that ``archive`` was made of. The lake's data may be there already.

    Raises:
        ConfigError: ``archive`` is no backup, or ``home`` holds an instance.
        LakeError: the lake's place holds another lake.
    """
    manifest = read_manifest(archive)
    home = home.resolve()
    if (home / FILE).exists():
        raise ConfigError(str(home), "folder", "an instance", "a folder without mantissa.toml: nothing is overwritten")
    home.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "r:gz") as source:
        files = _Restore(source, home, manifest).run()
    return Restored(manifest, files, tuple(_continue(home)))


class _Restore:
    """Writes an archive's members to where the restored configuration wants them."""

    def __init__(self, source: tarfile.TarFile, home: Path, manifest: Manifest) -> None:
        self._source, self._home, self._manifest = source, home, manifest

    def run(self) -> int:
        members = {each.name: each for each in self._source.getmembers() if each.isreg() and each.name != MANIFEST}
        own = [name for name in members if name.startswith("home/")]
        for name in own:
            self._write(members[name], self._home / _relative(name, "home/"), 0o644)
        written = len(own)
        for name, place, mode in self._places(sorted(set(members) - set(own))):
            self._write(members[name], place, mode)
            written += 1
        return written

    def _places(self, names: list[str]) -> Iterator[tuple[str, Path, int]]:
        """Where members go, and with which permissions."""
        settings, home = load(self._home / FILE, {})
        private = {STATE: configured(StateStore, settings.state, home, "state")[1]}
        private |= dict.fromkeys((SECRETS, KEY), configured(SecretStore, settings.secrets, home, "secrets")[1])
        lake = lake_folder(settings, home)
        keeps_its_log = lake is not None and self._has_log(lake)
        for name in names:
            if name in private:
                yield name, private[name].key_file if name == KEY else private[name].path, 0o600
            elif lake is not None and not keeps_its_log:
                yield name, lake / _relative(name, "lake/"), 0o444 if name.endswith(".parquet") else 0o644

    def _has_log(self, lake: Path) -> bool:
        """Whether the lake outlived the instance: then its own log is the newer one, and stays.

        Raises:
            LakeError: it is another lake.
        """
        from .lake.lake import MARKER

        if not (marker := lake / MARKER).exists():
            return False
        if json.loads(marker.read_text())["id"] != self._manifest.lake_id:
            raise LakeError(f"{lake} is another lake than the one in the backup: move it away first")
        return True

    def _write(self, member: tarfile.TarInfo, place: Path, mode: int) -> None:
        if (content := self._source.extractfile(member)) is None:
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as target:
            shutil.copyfileobj(content, target, _CHUNK)
            target.flush()
            os.fsync(target.fileno())


def _relative(name: str, prefix: str) -> PurePosixPath:
    """The rest of a member's name, which must stay below the folder that it is put into."""
    path = PurePosixPath(name.removeprefix(prefix))
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ConfigError("backup", name, "a path that leads out of its folder", "a backup made by 'mantissa backup'")
    return path


def _continue(home: Path) -> Iterator[str]:
    """Bring the streams up to the lake, and yield the data files that are missing."""
    from .runtime import Runtime

    with Runtime.open(home) as runtime:
        _catch_up(runtime)
        for name in runtime.lake.tables():
            table = runtime.lake.table(name)
            for file in table.live():
                place = f"{table.place.folder}/{file.path}"
                if runtime.lake.storage.local and not Path(runtime.lake.storage.path(place)).exists():
                    yield place


def _catch_up(runtime: Runtime) -> None:
    """Count on from what the lake remembers of each stream.

    A lake that outlived the instance knows later commits than the state. Their numbers are taken: a stream that
    reused one would be told that its rows are stored already. What they held is read again and recognised by id.
    """
    from .lake.intent import PROGRESS, STREAMS, partition
    from .lake.stream_log import StreamLog

    tables = [runtime.lake.table(name) for name in runtime.lake.tables()]
    for stream in [document.key for document in runtime.state.scan(STREAMS)]:
        log = StreamLog(runtime.lake, runtime.state, stream)
        log.recover()
        committed = max((table.committed(stream) for table in tables), default=-1)
        if committed > log.seq:
            progress = {"seq": committed, "value": dict(log.value)}
            runtime.state.update(partition(stream), PROGRESS, lambda _old, new=progress: new)  # type: ignore[misc]


def _no_backup(archive: Path, found: str) -> ConfigError:
    return ConfigError(str(archive), "file", found, "an archive that 'mantissa backup' wrote")
