"""What a rule's field name means in an event: the texts of its values.

Within a log type a name may be an alias, a spelling of a declared column, or differ from a declared path in case
alone; otherwise, and without a log type, it is a path in the event as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mantissa_core.detect.ir.text import text_of
from mantissa_core.model import LogType
from mantissa_core.model.log_type import Path, parse_path
from mantissa_core.model.values import values


def spellings(field: str, log_type: LogType | None) -> tuple[Path, ...]:
    """The paths at which a field's values may stand: the first one that has any is the field."""
    name = log_type.sigma.aliases.get(field, field) if log_type else field
    path = _path(name)
    if log_type is None:
        return (path,)
    column = log_type.by_path.get(path) or log_type.by_path.get((name,))
    if column is None and len(same := [each for each in log_type.by_path if _lower(each) == _lower(path)]) == 1:
        column = log_type.by_path[same[0]]
    return (column.keys, *column.alternates) if column else (path,)


def texts(event: Mapping[str, Any], paths: tuple[Path, ...]) -> list[str]:
    """The texts of the values at the first of ``paths`` that has values."""
    for path in paths:
        if found := values(event, path):
            return [text_of(value) for value in found]
    return []


def leaves(value: Any) -> Iterator[str]:
    """The texts of every scalar below ``value``, whatever its name; nulls have none."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
        elif each is not None:
            yield text_of(each)


def _path(name: str) -> Path:
    try:
        return parse_path(name)
    except ValueError:  # an empty key: no path, but perhaps a key as it stands
        return (name,)


def _lower(path: Path) -> str:
    return "\0".join(path).lower()
