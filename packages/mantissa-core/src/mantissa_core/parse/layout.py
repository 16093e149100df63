"""Where each declared field of a log type goes: the tree of its paths, made once and walked per event."""

from __future__ import annotations

from dataclasses import dataclass, field

from mantissa_core.errors import LogTypeError
from mantissa_core.model import Column, LogType
from mantissa_core.model.log_type import Path


@dataclass(frozen=True, slots=True)
class Leaf:
    """A declared field. ``primary`` is false at the alternate spellings of a column."""

    column: Column
    primary: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """A declared object: one that has declared fields below it."""

    members: dict[str, Branch | Leaf] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Promoted:
    """A column that repeats the scalar at ``keys`` inside the ``json`` column ``parent``."""

    column: Column
    parent: Column
    keys: Path


class Layout:
    """The tree of a log type's paths.

    Raises:
        LogTypeError: one path is declared twice, or an alternate spelling lies inside a ``json`` column.
    """

    def __init__(self, log_type: LogType) -> None:
        self.log_type = log_type
        self.root = Branch()
        self.promoted: list[Promoted] = []
        self.stored: list[Column] = []
        """Columns that hold a part of the event; the promoted ones only repeat it."""
        for column in log_type.columns:
            parent = log_type.json_parent(column)
            if parent is not None:
                self.promoted.append(Promoted(column, parent, column.keys[len(parent.keys) :]))
            else:
                self._declare(column)
        self.alternated: list[Column] = [column for column in self.stored if column.alternates]

    def _declare(self, column: Column) -> None:
        self.stored.append(column)
        for number, keys in enumerate((column.keys, *column.alternates)):
            branch = self.root
            for key in keys[:-1]:
                inner = branch.members.setdefault(key, Branch())
                if isinstance(inner, Leaf):
                    raise LogTypeError(
                        f"{self.log_type.name}: {'.'.join(keys)!r} lies inside {inner.column.spellings[0]!r}, "
                        "where only a column of its own path can be declared"
                    )
                branch = inner
            if branch.members.setdefault(keys[-1], Leaf(column, primary=number == 0)) != Leaf(column, number == 0):
                raise LogTypeError(f"{self.log_type.name}: the path {'.'.join(keys)!r} is declared twice")
