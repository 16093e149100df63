"""Predicates over arrays of texts, with Arrow's kernels. What they must agree with is :mod:`.evaluate`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import cached_property, reduce
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.detect.ir.text import fold, number_in, number_of, time_of
from mantissa_core.detect.ir.tree import Glob, Op, Predicate, Regex, TimePart, Wild

_SEARCHES: Mapping[Op, Callable[..., Any]] = {
    Op.CONTAINS: pc.match_substring,
    Op.STARTSWITH: pc.starts_with,
    Op.ENDSWITH: pc.ends_with,
}
_COMPARISONS: Mapping[Op, Callable[[float, float], bool]] = {
    Op.EQ: operator.eq,
    Op.LT: operator.lt,
    Op.LTE: operator.le,
    Op.GT: operator.gt,
    Op.GTE: operator.ge,
}
_RELATIONS: Mapping[Op, Callable[[str, str], bool]] = {
    Op.EQ: operator.eq,
    Op.CONTAINS: operator.contains,
    Op.STARTSWITH: str.startswith,
    Op.ENDSWITH: str.endswith,
}


class Texts:
    """An array of texts (nulls allowed) and what is worked out from it once."""

    def __init__(self, array: pa.StringArray) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def at(self, numbers: pa.Array) -> Texts:
        """The texts of these numbers (null: none), in lower case as well where these are."""
        chosen = Texts(self.array.take(numbers))
        if "folded" in self.__dict__:
            chosen.__dict__["folded"] = self.folded.take(numbers)
        return chosen

    @cached_property
    def folded(self) -> pa.StringArray:
        """The texts in lower case, by the kernel that also folds a rule's literals."""
        return pc.utf8_lower(self.array)

    @cached_property
    def numbers(self) -> list[int | float | None]:
        """The number that each text spells, if it does."""
        return [None if text is None else number_of(text) for text in self.array.to_pylist()]

    @cached_property
    def addresses(self) -> list[IPv4Address | IPv6Address | None]:
        """The address that each text is, if it is one."""
        return [_address(text) for text in self.array.to_pylist()]


def passing(predicate: Predicate, texts: Texts) -> pa.BooleanArray:
    """Which of ``texts`` satisfy the predicate; a null never does. ``NULL``, ``EXISTS``, ``FIELD``: not here."""
    match predicate.op:
        case Op.EQ:
            return _equal(predicate, texts)
        case Op.CONTAINS | Op.STARTSWITH | Op.ENDSWITH:
            subject, search = _subject(predicate, texts), _SEARCHES[predicate.op]
            return _any(search(subject, literal) for literal in _literals(predicate))
        case Op.WILDCARD:
            subject = _subject(predicate, texts)
            patterns = [_pattern(value, predicate.cased) for value in predicate.values if isinstance(value, Glob)]
            return _any(pc.match_substring_regex(subject, pattern) for pattern in patterns)
        case Op.REGEX:
            patterns = [str(value) for value in predicate.values if isinstance(value, Regex)]
            return _any(pc.match_substring_regex(texts.array, pattern) for pattern in patterns)
        case Op.CIDR:
            return _within(predicate, texts)
        case Op.TIME:
            return _at_time(predicate, texts)
    return _compared(predicate, texts)


def related_pairs(op: Op, texts: pa.Array, others: pa.Array) -> pa.BooleanArray:
    """Row by row, whether any text stands in the relation to any of the other field's, without regard to case."""
    relate = _RELATIONS[op]
    pairs = zip(_folded_lists(texts), _folded_lists(others), strict=True)
    return pa.array([any(relate(one, two) for one in left for two in right) for left, right in pairs], pa.bool_())


def _folded_lists(texts: pa.Array) -> list[list[str]]:
    if pa.types.is_list(texts.type):
        return [[fold(text) for text in each or ()] for each in texts.to_pylist()]
    return [[] if text is None else [text] for text in pc.utf8_lower(texts).to_pylist()]


def _subject(predicate: Predicate, texts: Texts) -> pa.StringArray:
    return texts.array if predicate.cased else texts.folded


def _literals(predicate: Predicate) -> list[str]:
    literals = [value for value in predicate.values if isinstance(value, str)]
    return literals if predicate.cased else [fold(literal) for literal in literals]


def _equal(predicate: Predicate, texts: Texts) -> pa.BooleanArray:
    wanted = pa.array(_literals(predicate), pa.string())
    equal = pc.is_in(_subject(predicate, texts), value_set=wanted)
    if len(wanted) == len(predicate.values):
        return equal
    return pc.or_(equal, _compared(predicate, texts))


def _compared(predicate: Predicate, texts: Texts) -> pa.BooleanArray:
    compare = _COMPARISONS[predicate.op]
    bounds = [value for value in predicate.values if isinstance(value, (int, float))]
    passed = [number is not None and any(compare(number, bound) for bound in bounds) for number in texts.numbers]
    return pa.array(passed, pa.bool_())


def _within(predicate: Predicate, texts: Texts) -> pa.BooleanArray:
    networks = [ip_network(str(value)) for value in predicate.values]
    inside = [address is not None and any(address in each for each in networks) for address in texts.addresses]
    return pa.array(inside, pa.bool_())


def _at_time(predicate: Predicate, texts: Texts) -> pa.BooleanArray:
    parts = [value for value in predicate.values if isinstance(value, TimePart)]
    moments = [None if text is None else time_of(text) for text in texts.array.to_pylist()]
    passed = [
        moment is not None and any(number_in(moment, each.unit) == each.number for each in parts) for moment in moments
    ]
    return pa.array(passed, pa.bool_())


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text or "")
    except ValueError:
        return None


def _any(masks: Any) -> pa.BooleanArray:
    return reduce(pc.or_, masks).fill_null(False)


def _pattern(glob: Glob, cased: bool) -> str:
    """The glob as an anchored RE2 expression; Arrow's own LIKE has no way to write a literal backslash."""
    wilds = {Wild.MANY: ".*", Wild.ONE: "."}
    parts = (wilds[part] if isinstance(part, Wild) else _quoted(part if cased else fold(part)) for part in glob.parts)
    return rf"(?s)\A{''.join(parts)}\z"


def _quoted(text: str) -> str:
    """RE2's QuoteMeta: letters, digits and what is not ASCII as they are, the rest by code point."""
    return "".join(c if c.isalnum() or ord(c) > 127 else rf"\x{{{ord(c):x}}}" for c in text)
