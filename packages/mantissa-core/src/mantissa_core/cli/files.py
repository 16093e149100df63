"""Files that were named on the command line, as a collector: each is read once, however often it is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mantissa_core.collect.file import MAX_FINISHED, PAGE_BYTES, PAGE_FILES, FileCollector
from mantissa_core.errors import ConfigError, LogTypeError, NeedsOperator
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import LogType, Page, Stream, Window


@dataclass
class Sorted:
    """Files by log type and folder, and why others are left out."""

    files: dict[str, dict[Path, list[Path]]] = field(default_factory=dict)
    skipped: dict[Path, str] = field(default_factory=dict)

    def add(self, log_type: str, file: Path) -> None:
        """Count a file to a log type."""
        self.files.setdefault(log_type, {}).setdefault(file.parent, []).append(file)

    def __iter__(self) -> Iterator[Path]:
        return (file for folders in self.files.values() for files in folders.values() for file in files)


def below(path: Path) -> list[Path]:
    """The file, or every file at any depth below the folder, by name; hidden ones are left out.

    Raises:
        ConfigError: there is nothing at ``path``, or no file in it.
    """
    root = path.expanduser().resolve()
    if root.is_file():
        return [root]
    found = sorted(each for each in root.rglob("*") if each.is_file() and not _hidden(each, root))
    if not found:
        what = "an empty folder" if root.is_dir() else "nothing"
        raise ConfigError("command line", "PATH", f"{what} at {root}", "a log file, or a folder with log files")
    return found


def _hidden(file: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(root).parts)


def sort(files: Sequence[Path], guess: Callable[[Path], LogType], tick: Callable[[float], None]) -> Sorted:
    """Guess every file's log type. What cannot be told is left out with the reason, unless it is all there is.

    Raises:
        LogTypeError: no file's log type can be told.
    """
    result = Sorted()
    for number, file in enumerate(files, start=1):
        try:
            result.add(guess(file).name, file)
        except LogTypeError as error:
            result.skipped[file] = str(error)
        tick(number)
    if not result.files:
        raise LogTypeError(next(iter(result.skipped.values())))
    return result


class ChosenFiles:
    """A collector over chosen files. Streams are named by log type and absolute folder.

    That makes reading the same folder again, under whatever root, continue the stream: nothing is stored twice.
    """

    def __init__(self, files: Mapping[str, Mapping[Path, Sequence[Path]]]) -> None:
        self._files = {
            f"{log_type}:{folder}": (log_type, listed)
            for log_type, folders in files.items()
            for folder, listed in folders.items()
        }
        self.read_bytes = 0

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """One stream per log type and folder."""
        return [Stream(name, log_type, windowed=False) for name, (log_type, _) in self._files.items()]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, Any]) -> Iterator[Page]:
        """Pages of files that were not read before, filled up to the file collector's page size."""
        log_type, files = self._files[stream.name]
        if len(files) > MAX_FINISHED:
            raise NeedsOperator(
                f"{files[0].parent} holds {len(files)} files, more than {MAX_FINISHED}: use dated subfolders"
            )
        page, size = Page(state), 0
        for file in files:
            self.read_bytes += file.stat().st_size
            for step in FileCollector(FileCollector.Config(path=file, log_type=log_type)).read(
                Stream(".", log_type, windowed=False), window, page.next_state
            ):
                page = Page(step.next_state, blobs=(*page.blobs, *step.blobs), more=True)
                size += file.stat().st_size
            if len(page.blobs) >= PAGE_FILES or size >= PAGE_BYTES:
                yield page
                page, size = Page(page.next_state), 0
        if page.blobs:
            yield Page(page.next_state, blobs=page.blobs)
