"""The registry of log types: YAML files of installed packages and of folders that the operator names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from mantissa_core import catalog
from mantissa_core.errors import LogTypeError
from mantissa_core.model import LogType

from .layout import Layout

if TYPE_CHECKING:
    from yaml import SafeLoader as Loader
else:
    Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

SUFFIXES = (".yaml", ".yml")


class LogTypes:
    """Log types by name. Names and table names are unique: of two that clash neither is used.

    ``broken`` maps the file (or clashing name) of each log type that could not be used to the reason.
    """

    def __init__(self, log_types: Iterable[LogType] = ()) -> None:
        self.broken: dict[str, LogTypeError] = {}
        self._by_name: dict[str, LogType] = {}
        self._by_table: dict[str, LogType] = {}
        for log_type in log_types:
            self.add(log_type)

    @classmethod
    def load(cls, extra: Sequence[Path] = ()) -> LogTypes:
        """Read every ``*.yaml`` of the installed packages and of the folders in ``extra``.

        What is wrong with one file never stops the others: it is listed in ``broken``.
        """
        registry = cls()
        found: list[tuple[str, LogType]] = []
        for file in _files([folder for _, folder in catalog.data(catalog.LOG_TYPES)] + list(extra)):
            try:
                found.append((str(file), read(file)))
            except LogTypeError as error:
                registry.broken[str(file)] = error
        registry._add_unique(found)
        return registry

    def add(self, log_type: LogType) -> None:
        """Add one.

        Raises:
            LogTypeError: its name or table is taken, or two of its columns contradict each other.
        """
        if (other := self._by_table.get(log_type.table)) is not None:
            raise LogTypeError(f"{log_type.name}: the table {log_type.table!r} already belongs to {other.name!r}")
        Layout(log_type)
        self._by_name[log_type.name] = self._by_table[log_type.table] = log_type

    def get(self, name: str) -> LogType:
        """Return the log type of that name.

        Raises:
            LogTypeError: there is none; the message lists those there are.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise LogTypeError(f"there is no log type {name!r} (known: {', '.join(self._by_name) or 'none'})") from None

    def by_table(self, table: str) -> LogType | None:
        """Return the log type that fills ``table``, if any does."""
        return self._by_table.get(table)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[LogType]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def _add_unique(self, found: Sequence[tuple[str, LogType]]) -> None:
        claims = Counter(log_type.table for _, log_type in found)
        for file, log_type in sorted(found, key=lambda each: each[1].name):
            if claims[log_type.table] == 1:
                self.add(log_type)
                continue
            files = " and ".join(other for other, each in found if each.table == log_type.table)
            self.broken[file] = LogTypeError(
                f"the log type {log_type.name!r} (table {log_type.table!r}) is defined by {files}: "
                "all are refused, keep one"
            )


def read(file: Path | Traversable) -> LogType:
    """Read one log type.

    Raises:
        LogTypeError: the file cannot be read, is no YAML or does not fit; names the file and each key.
    """
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), Loader)  # noqa: S506  # a safe loader, in C if possible
        log_type = LogType.model_validate(document)
        Layout(log_type)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise LogTypeError(f"{file}: cannot be read as YAML: {error}") from error
    except ValidationError as error:
        raise LogTypeError(f"{file}: {_explain(error)}") from error
    except LogTypeError as error:
        raise LogTypeError(f"{file}: {error}") from error
    return log_type


def _explain(error: ValidationError) -> str:
    places = ((".".join(map(str, each["loc"])) or "the whole file", each["msg"]) for each in error.errors())
    return "; ".join(f"{place}: {message}" for place, message in places)


def _files(folders: Iterable[Path | Traversable]) -> Iterator[Path | Traversable]:
    for folder in folders:
        if folder.is_dir():
            yield from sorted((file for file in folder.iterdir() if file.name.endswith(SUFFIXES)), key=str)
