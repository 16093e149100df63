"""The overlay's rules as SQL expressions over a log type's columns."""

from __future__ import annotations

from collections.abc import Mapping

from mantissa_core.model import Column, LogType
from mantissa_core.model.log_type import Case, MappedValue, OverlayRule, parse_path

from .addresses import ADDRESS_WITH_PORT, IP_ADDRESS
from .sql import identifier, literal
from .texts import text_of, texts_of

ADDRESSES = frozenset({"src_ip", "dst_ip", "any_ip"})
"""Overlay columns that keep IP addresses only."""

_LARGEST_CASE = 8
_LARGEST_COMPARISON = 6


class Rules:
    """Compiles one log type's overlay rules.

    ``addresses`` are expressions that must be there under their names: the IP address that is a column's text, perhaps
    with a port behind it.
    ``maps`` are the tables (``value``, ``meaning``) that the expressions look into: a join costs next to nothing,
    where a CASE of hundreds of branches takes longer to plan than a batch to parse.
    """

    def __init__(self, log_type: LogType) -> None:
        self._log_type = log_type
        self.addresses: dict[str, str] = {}
        self.maps: dict[str, Mapping[str, str]] = {}

    def scalar(self, name: str) -> str:
        """Return the expression of ``user``, ``src_ip``…: the first rule that yields wins."""
        rules = [self._rule(rule, addresses=name in ADDRESSES) for rule in getattr(self._log_type.overlay, name)]
        return f"coalesce({', '.join(rules)})" if rules else "NULL::VARCHAR"

    def indicators(self, name: str) -> str:
        """Return the expression of ``any_ip``, ``any_user``…: distinct values, NULL where there are none."""
        columns = [self._column(path) for path in getattr(self._log_type.overlay, name)]
        if not columns:
            return "NULL::VARCHAR[]"
        if any(column.type == "list<string>" for column in columns):
            return _from_lists(columns, addresses=name in ADDRESSES)
        texts = [self._address(column) if name in ADDRESSES else text_of(column) for column in columns]
        return f"CASE WHEN coalesce({', '.join(texts)}) IS NOT NULL THEN {_distinct(texts)} END"

    def _column(self, path: str) -> Column:
        return self._log_type.by_path[parse_path(path)]

    def _rule(self, rule: OverlayRule, *, addresses: bool) -> str:
        if isinstance(rule, str):
            column = self._column(rule)
            return self._address(column) if addresses else text_of(column)
        if isinstance(rule, MappedValue):
            return self._mapped(text_of(self._column(rule.path)), rule)
        return self._case(rule)

    def _address(self, column: Column) -> str:
        alias = identifier(f"m_address_{column.column}")
        text = text_of(column)
        self.addresses[alias] = f"CASE WHEN {_is_address(text)} THEN {text} ELSE {_before_port(text)} END"
        return alias

    def _mapped(self, text: str, rule: MappedValue) -> str:
        if len(rule.map) > _LARGEST_CASE:
            table = f"m_map{len(self.maps)}"
            self.maps[table] = rule.map
            meaning = f"(SELECT meaning FROM {table} WHERE value = {text})"
        else:
            branches = "".join(f" WHEN {literal(value)} THEN {literal(to)}" for value, to in rule.map.items())
            meaning = f"CASE {text}{branches} END" if branches else "NULL::VARCHAR"
        if rule.default is None:
            return meaning
        return f"coalesce({meaning}, CASE WHEN {text} IS NOT NULL THEN {literal(rule.default)} END)"

    def _case(self, rule: Case) -> str:
        conditions = [_condition(self._column(path), wanted) for path, wanted in rule.when.items()]
        if not conditions:
            return literal(rule.then)
        return f"CASE WHEN {' AND '.join(conditions)} THEN {literal(rule.then)} END"


def _distinct(texts: list[str]) -> str:
    """A list of those that are not null. A few are compared with each other, which beats hashing three times over.

    Of many mostly one is there: then the least is the greatest, which costs a tenth of the hashing.
    """
    if len(texts) > _LARGEST_COMPARISON:
        several = f"list_sort(list_distinct([{', '.join(texts)}]))"
        least, greatest = (f"{which}({', '.join(texts)})" for which in ("least", "greatest"))
        return f"CASE WHEN {least} = {greatest} THEN [{least}] ELSE {several} END"
    if len(texts) == 1:
        return f"[{texts[0]}]"
    unlike = list(texts)
    for number in range(1, len(texts)):
        for earlier in texts[:number]:
            unlike[number] = f"nullif({unlike[number]}, {earlier})"
    return f"list_filter([{', '.join(unlike)}], lambda x: x IS NOT NULL)"


def _is_address(text: str) -> str:
    return f"regexp_full_match({text}, {literal(IP_ADDRESS)})"


def _before_port(text: str) -> str:
    """The address in front of a port, as Exchange and Azure write it; NULL where there is none."""
    pattern = literal(f"^(?:{ADDRESS_WITH_PORT})$")
    parts = ", ".join(f"regexp_extract({text}, {pattern}, {group})" for group in (1, 2))
    return f"CASE WHEN {text} LIKE '%:%' THEN nullif(concat({parts}), '') END"


def _condition(column: Column, wanted: str | bool | int | tuple[str, ...] | None) -> str:
    name = identifier(column.column)
    if wanted is None:
        return f"{name} IS NULL"
    if wanted == "*":
        return f"{name} IS NOT NULL"
    if isinstance(wanted, tuple):
        return "(" + (" OR ".join(_equals(column, each) for each in wanted) or "false") + ")"
    return _equals(column, wanted)


def _equals(column: Column, wanted: str | bool | int) -> str:
    if isinstance(wanted, int) and not isinstance(wanted, bool) and column.type in {"int32", "int64", "double"}:
        return f"{identifier(column.column)} = {literal(wanted)}"
    text = wanted if isinstance(wanted, str) else literal(wanted)
    if column.type == "list<string>":
        return f"list_contains({identifier(column.column)}, {literal(text)})"
    return f"{text_of(column)} = {literal(text)}"


def _from_lists(columns: list[Column], *, addresses: bool) -> str:
    joined = " || ".join(texts_of(column) for column in columns)
    wanted = _is_address("x") if addresses else "x IS NOT NULL"
    found = f"list_sort(list_distinct(list_filter({joined}, lambda x: {wanted})))"
    return f"CASE WHEN len({found}) > 0 THEN {found} END"
