"""Field lookup: the one function by which rules, overlays and people's questions find a field in an event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .log_type import Path, parse_path


def values(event: Mapping[str, Any], path: str | Path) -> list[Any]:
    """Return every value at ``path``: it walks objects and fans out arrays, at the end of the path too.

    Nulls are left out. Where an object lacks a key, a literal dotted key counts (``{"a.b": 1}`` has a value at
    ``a.b``). A path given as text is split at its dots; a backslash keeps a dot in a key.
    """
    return list(_walk(event, parse_path(path) if isinstance(path, str) else path))


def _walk(value: Any, keys: Path) -> Iterator[Any]:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for each in value:
            yield from _walk(each, keys)
    elif not keys:
        if value is not None:
            yield value
    elif isinstance(value, Mapping):
        yield from _members(value, keys)


def _members(members: Mapping[str, Any], keys: Path) -> Iterator[Any]:
    """Follow the shortest run of keys, joined by dots, that leads to a value."""
    for length in range(1, len(keys) + 1):
        key = keys[0] if length == 1 else ".".join(keys[:length])
        if key in members:
            found = list(_walk(members[key], keys[length:]))
            if found:
                yield from found
                return
