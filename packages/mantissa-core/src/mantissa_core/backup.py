"""A backup of an instance: one archive from which ``restore.py`` makes an instance that continues.

.. code-block:: text

    backup.json         what is in here, and when it was made
    home/…              mantissa.toml, and the rules and log types of its own that lie beside it
    state.sqlite        progress, alerts, deliveries (the store's online copy)
    secrets.json        encrypted credentials;  secrets.key only on request
    lake/…              the marker and every table's _delta_log;  data files only on request

State and log belong together: a progress that is ahead of the log loses rows, a log that is ahead of the progress
repeats them. So the state is copied between two looks at the log that show the same versions, and the log is
copied up to those.
"""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import catalog
from .config import FILE, Settings, _Labelled
from .errors import ConfigError, Retry
from .hookspecs import SecretStore, StateStore
from .settings import configure

if TYPE_CHECKING:
    from .runtime import Runtime

FORMAT = 1
MANIFEST = "backup.json"
STATE, SECRETS, KEY = "state.sqlite", "secrets.json", "secrets.key"
ATTEMPTS = 40
"""How often a quiet moment is looked for, half a second apart at most."""

_NUMBERED = re.compile(r"(\d{20})\.")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds. ``tables`` gives the version of each table's log, ``absent`` what it does not hold."""

    created: str
    core: str
    lake_url: str
    lake_id: str
    tables: Mapping[str, int]
    data: bool
    key: bool
    absent: tuple[str, ...]
    format: int = FORMAT


def back_up(
    runtime: Runtime, target: Path, *, with_key: bool = False, with_data: bool = False, force: bool = False
) -> Manifest:
    """Write an archive of the instance to the new file ``target``, while it may be running.

    ``with_key`` adds the key of the encrypted secrets: whoever has the archive then has the credentials.
    ``with_data`` adds the data files of a local lake. ``force`` replaces an archive that is there.

    Raises:
        ConfigError: ``target`` exists.
        Retry: the instance kept committing, so that no consistent moment was found.
    """
    if target.exists() and not force:
        raise ConfigError("command line", "FILE", f"{target}, which exists", "a new file, or --force")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".mantissa-backup-", dir=target.parent) as folder:
        partial = Path(folder) / "archive"
        manifest = _Backup(runtime, Path(folder)).write(partial, with_key=with_key, with_data=with_data)
        os.chmod(partial, 0o600)  # alerts are in it
        partial.replace(target)
    return manifest


class _Backup:
    """One run. ``scratch`` holds the copy of the state."""

    def __init__(self, runtime: Runtime, scratch: Path) -> None:
        self._runtime, self._scratch = runtime, scratch
        self._lake = runtime.lake
        self._absent: list[str] = []

    def write(self, target: Path, *, with_key: bool, with_data: bool) -> Manifest:
        versions, live = self._quiet_moment()
        files = [*self._own_files(), *self._secret_files(with_key)]
        if self._lake.storage.local:
            files += self._log_files(versions)
            files += self._data_files(live) if with_data else []
            self._absent += [] if with_data else ["the lake's data files"]
        else:
            self._absent.append(f"the lake's log and data, which are safe at {self._lake.url}")
        manifest = self._manifest(versions, key=with_key, data=with_data and self._lake.storage.local)
        _write(target, manifest, files)
        return manifest

    def _manifest(self, versions: Mapping[str, int], *, key: bool, data: bool) -> Manifest:
        return Manifest(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            core=version("mantissa-core"),
            lake_url=self._runtime.settings.lake.url,
            lake_id=self._lake.id,
            tables=versions,
            data=data,
            key=key,
            absent=tuple(dict.fromkeys(self._absent)),
        )

    def _quiet_moment(self) -> tuple[dict[str, int], dict[str, list[str]]]:
        """Copy the state while no table changes; return the tables' versions and live files at that moment."""
        for attempt in range(ATTEMPTS):
            before = self._versions()
            self._copy_state()
            live = {name: [file.path for file in self._lake.table(name).live()] for name in before}
            if self._versions() == before:
                return before, live
            time.sleep(min(0.5, 0.02 * 2**attempt))
        raise Retry("the instance commits without a pause, so no consistent moment was found: try again, or stop it")

    def _versions(self) -> dict[str, int]:
        return {name: self._lake.table(name).version() for name in self._lake.tables()}

    def _copy_state(self) -> None:
        store = configured(StateStore, self._runtime.settings.state, self._runtime.home, "state")[0]
        copy = getattr(store, "backup", None)
        if copy is None:
            plugin = self._runtime.settings.state.plugin
            self._absent.append(f"the state, which {plugin} keeps: back it up with the tools of that store")
            return
        (self._scratch / STATE).unlink(missing_ok=True)
        copy(self._scratch / STATE)
        store.close()

    def _own_files(self) -> Iterator[tuple[str, Path]]:
        """The configuration, what it refers to beside it, and the copy of the state."""
        from .detect.rules.checkouts import FOLDER

        home, settings = self._runtime.home, self._runtime.settings
        yield f"home/{FILE}", home / FILE
        for path in (*settings.rules.paths, *settings.log_types.paths, Path(FOLDER)):
            place = (home / path).resolve()
            if not place.is_relative_to(home):
                self._absent.append(f"{place}, which lies outside of the home folder")
                continue
            for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
                if file.is_file():
                    yield f"home/{file.relative_to(home).as_posix()}", file
        if (self._scratch / STATE).exists():
            yield STATE, self._scratch / STATE

    def _secret_files(self, with_key: bool) -> Iterator[tuple[str, Path]]:
        _, config = configured(SecretStore, self._runtime.settings.secrets, self._runtime.home, "secrets")
        path, key = getattr(config, "path", None), getattr(config, "key_file", None)
        if path is None:
            self._absent.append(f"the secrets, which {self._runtime.settings.secrets.plugin} keeps")
        elif path.exists():
            yield SECRETS, path
            if with_key and key is not None and key.exists():
                yield KEY, key
            else:
                self._absent.append(f"the key of the secrets ({key}): keep a copy of it somewhere else")

    def _log_files(self, versions: Mapping[str, int]) -> Iterator[tuple[str, Path]]:
        from .lake.lake import MARKER, TABLES

        root = Path(self._lake.url)
        yield f"lake/{MARKER}", root / MARKER
        for name, newest in versions.items():
            folder = root / TABLES / name / "_delta_log"
            for file in sorted(each for each in folder.iterdir() if _is_within(each, newest)):
                yield f"lake/{TABLES}/{name}/_delta_log/{file.name}", file

    def _data_files(self, live: Mapping[str, list[str]]) -> Iterator[tuple[str, Path]]:
        from .lake.lake import TABLES

        root = Path(self._lake.url)
        for name in sorted({f"{TABLES}/{table}/{path}" for table, paths in live.items() for path in paths}):
            yield f"lake/{name}", root / name
        for name in self._waiting_files():
            yield f"lake/{TABLES}/{name}", root / TABLES / name

    def _waiting_files(self) -> Iterator[str]:
        """Files that an open intent names: the restored instance will commit them."""
        from .lake.intent import open_intents
        from .state.documents import State
        from .state.sqlite import SQLite

        if not (self._scratch / STATE).exists():
            return
        store = SQLite(SQLite.Config(path=self._scratch / STATE))
        try:
            for _, intent in open_intents(State(store)):
                yield from (f"{table}/{file.path}" for table, files in intent.files.items() for file in files)
        finally:
            store.close()


def configured(kind: type, section: _Labelled, home: Path, key: str) -> tuple[Any, Any]:
    """A plugin of the instance besides the running one, and its configuration."""
    plugin = catalog.load(kind.group, section.plugin)  # type: ignore[attr-defined]  # every kind has a group
    settings = {name: value for name, value in section.settings.items() if name != "deadline"}
    config, _ = configure(plugin.Config, settings, None, str(home / FILE), key)
    return plugin(config), config


def lake_folder(settings: Settings, home: Path) -> Path | None:
    """The folder of a local lake; ``None`` where it is remote."""
    return None if "://" in settings.lake.url else (home / settings.lake.url).resolve()


def _is_within(file: Path, newest: int) -> bool:
    """Whether a file of a Delta log belongs to the versions up to ``newest``."""
    if file.name == "_last_checkpoint":
        return int(json.loads(file.read_text())["version"]) <= newest
    numbered = _NUMBERED.match(file.name)
    return file.is_file() and numbered is not None and int(numbered[1]) <= newest


def _write(target: Path, manifest: Manifest, files: list[tuple[str, Path]]) -> None:
    with tarfile.open(target, "w:gz", compresslevel=6) as archive:
        text = json.dumps(asdict(manifest), indent=2).encode()
        entry = tarfile.TarInfo(MANIFEST)
        entry.size, entry.mtime = len(text), int(time.time())
        archive.addfile(entry, io.BytesIO(text))
        for name, path in files:
            archive.add(path, name, recursive=False)
