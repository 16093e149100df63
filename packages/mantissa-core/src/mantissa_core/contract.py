"""Whether a value is what a hook promises: the hookspecs' own annotations, checked at the border."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from . import hookspecs


@cache
def returns(hook: str) -> Any:
    """The annotated return type of ``hook``."""
    for kind in (hookspecs.Plugin, *hookspecs.KINDS):
        if function := vars(kind).get(hook):
            return get_type_hints(function)["return"]
    raise KeyError(hook)


def hooks_of(kind: type) -> tuple[str, ...]:
    """The names of a kind's hooks, in the order of its class."""
    return tuple(name for name, value in vars(kind).items() if not name.startswith("_") and callable(value))


def items_of(hint: Any) -> Any | None:
    """What an iterator hook yields, or ``None`` where the hook returns at once."""
    return get_args(hint)[0] if get_origin(hint) is Iterator else None


def mismatch(value: object, hint: Any) -> str | None:
    """Say how ``value`` differs from ``hint``, or ``None`` where it fits."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is None or hint is type(None):
        return None if value is None else _differs(value, "None")
    if origin in (Union, types.UnionType):
        return None if any(mismatch(value, each) is None for each in arguments) else _differs(value, str(hint))
    if origin is Sequence:
        return _sequence(value, arguments[0])
    if origin is Mapping:
        return _mapping(value, arguments[1])
    if origin is Iterator:
        return None if hasattr(value, "__next__") else _differs(value, "an iterator")
    return None if not isinstance(hint, type) or isinstance(value, hint) else _differs(value, hint.__name__)


def _sequence(value: object, item: Any) -> str | None:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        return _differs(value, "a sequence")
    return next((problem for each in value if (problem := mismatch(each, item))), None)


def _mapping(value: object, item: Any) -> str | None:
    if not isinstance(value, Mapping):
        return _differs(value, "a mapping")
    return next((problem for each in value.values() if (problem := mismatch(each, item))), None)


def _differs(value: object, expected: str) -> str:
    return f"returned {type(value).__name__}, expected {expected}"
