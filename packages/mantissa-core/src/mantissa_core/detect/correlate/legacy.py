"""Sigma's former aggregations, ``condition: selection | count() by user > 5``, as a rule and a correlation.

There is no official converter. ``count`` of a field always counted different values (SigmaHQ/sigma#308); ``min`` and
``max`` have no successor.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mantissa_core.errors import RuleError

TIMESPAN = "1h"
"""What is taken where a rule has no ``timeframe``, and said in a warning."""

_AGGREGATION = re.compile(
    r"(?P<function>[a-z]+)\s*\(\s*(?P<field>[^()]*?)\s*\)(\s+by\s+(?P<by>.+?))?\s*"
    r"(?P<operator>>=|<=|!=|==|=|>|<)\s*(?P<value>[0-9]+(\.[0-9]+)?)",
    re.IGNORECASE,
)
_NEAR = re.compile(r"near\s+(?P<terms>.+)", re.IGNORECASE | re.DOTALL)
_STATEFUL = re.compile(r"\bthen\s+if\b", re.IGNORECASE)
_BARE = re.compile(r"^\s*(count|sum|avg|min|max)\s*\(", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[()]|\S")
_OPERATORS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "=": "eq", "==": "eq", "!=": "neq"}
_TYPES = {"count": "value_count", "sum": "value_sum", "avg": "value_avg"}

_SHARED = ("status", "description", "references", "author", "date", "modified", "license", "level")
"""What both documents say."""
_RULE = ("logsource", "fields")
_CORRELATION = ("related", "tags", "falsepositives", "scope")

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Converted:
    """The documents that one became, the correlation last, and what its author should look at."""

    documents: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...] = ()


def is_legacy(document: Any) -> bool:
    """Whether the document's condition aggregates in the former way (or tries to)."""
    condition = _detection(document).get("condition")
    conditions = condition if isinstance(condition, list) else [condition]
    return any(
        isinstance(each, str) and ("|" in each or bool(_STATEFUL.search(each) or _BARE.search(each)))
        for each in conditions
    )


def merged(documents: Sequence[Any]) -> list[Any]:
    """The documents, where ``action: global`` shares a ``near`` among several: one, with each selection's log source.

    Others of their kind are left as they are.
    """
    first = documents[0]
    if len(documents) < 2 or not is_legacy(first) or first.get("action") != "global":
        return list(documents)
    whole: dict[str, Any] = {key: value for key, value in first.items() if key != "action"}
    sources = dict.fromkeys(_sections(first), first.get("logsource"))
    for document in documents[1:]:
        if not isinstance(document, Mapping):
            raise RuleError(f"found {type(document).__name__}, expected a mapping")
        sources |= dict.fromkeys(_sections(document), document.get("logsource", first.get("logsource")))
        whole["detection"] = {**_detection(whole), **_detection(document)}
        whole |= {key: value for key, value in document.items() if key not in {"detection", "logsource"}}
    whole[_SOURCES] = sources
    return [whole]


_SOURCES = "_logsources"


def convert(document: Document, timespan: str = TIMESPAN) -> Converted:
    """Convert one legacy document. ``timespan`` is taken where it has no ``timeframe``.

    Raises:
        RuleError: it has no equivalent; says what is in the way.
    """
    condition = _detection(document)["condition"]
    if not isinstance(condition, str):
        raise RuleError("detection.condition: several conditions with aggregations; write a rule for each")
    if _STATEFUL.search(condition):
        raise RuleError("detection.condition: 'write … then if …' keeps a list between events; no correlation does")
    selection, _, aggregation = (part.strip() for part in condition.partition("|"))
    if not aggregation or "|" in aggregation:
        raise RuleError(f"detection.condition: found {condition!r}, expected 'selection | count() by field > 5'")
    if not selection:
        raise RuleError("detection.condition: selects nothing before '|'")
    writer = _Writer(document, timespan)
    if near := _NEAR.fullmatch(aggregation):
        return writer.near(selection, near["terms"])
    if found := _AGGREGATION.fullmatch(aggregation):
        return writer.aggregation(selection, found)
    raise RuleError(
        f"detection.condition: cannot read {aggregation!r} behind '|', expected such as 'count() by field > 5', "
        "'count(field) by other > 5', 'sum(field) by other > 5' or 'near selection'"
    )


class _Writer:
    """Writes the documents that one legacy document becomes."""

    def __init__(self, document: Document, timespan: str) -> None:
        self._document = document
        self._title = str(document.get("title") or "").strip()
        if not self._title:
            raise RuleError("title: missing, expected a short text")
        self._id = str(document.get("id") or uuid.uuid5(uuid.NAMESPACE_URL, self._title))
        self._warnings: list[str] = []
        found = _detection(document).get("timeframe")
        if found is None:
            self._warnings.append(f"detection.timeframe: missing, {timespan} is taken; set one")
        self._timespan = timespan if found is None else str(found)

    def aggregation(self, selection: str, found: re.Match[str]) -> Converted:
        """``count``, ``sum`` and ``avg``."""
        function, field = found["function"].lower(), re.sub(r"(?i)^distinct\s+", "", found["field"])
        if function not in _TYPES:
            raise RuleError(f"detection.condition: {function}() has no correlation type; use count, sum or avg")
        if not field and function != "count":
            raise RuleError(f"detection.condition: {function}() needs a field")
        value = float(found["value"])
        condition: dict[str, Any] = {_OPERATORS[found["operator"]]: int(value) if value.is_integer() else value}
        if field:
            condition["field"] = field
        base = self._base(selection, list(_sections(self._document)), "")
        section = {"type": _TYPES[function] if field else "event_count", "rules": [base["name"]]}
        if found["by"]:
            section["group-by"] = [name for name in re.split(r"[\s,]+", found["by"].strip()) if name]
        return self._converted([base], {**section, "timespan": self._timespan, "condition": condition})

    def near(self, selection: str, terms: str) -> Converted:
        """Every selection that ``near`` names becomes a rule of its own."""
        words = _WORD.findall(terms)
        known = _sections(self._document)
        named = list(dict.fromkeys(word for word in words if word.lower() not in {"and", "or", "not", "(", ")"}))
        if unknown := [name for name in named if name not in known]:
            raise RuleError(f"detection.condition: near {unknown[0]!r}: no selection of that name")
        mentioned = set(_WORD.findall(selection))
        own = [name for name in known if name not in named or name in mentioned]
        first = self._base(selection, own, "first")
        others = {name: self._base(name, [name], name) for name in named}
        section: dict[str, Any] = {"type": "temporal", "timespan": self._timespan}
        section["rules"] = [first["name"], *(each["name"] for each in others.values())]
        if {"not", "or"} & {word.lower() for word in words}:
            mapped = " ".join(others[word]["name"] if word in others else word.lower() for word in words)
            section["condition"] = f"{first['name']} and ({mapped})"
        self._warnings.append("near: matches of all hosts and users are taken together; add group-by")
        return self._converted([first, *others.values()], section)

    def _base(self, condition: str, sections: Sequence[str], part: str) -> dict[str, Any]:
        """A plain rule with some of the selections. Its id follows from the document's."""
        rule_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._id}/{part}"))
        slug = re.sub(r"[^a-z0-9]+", "_", f"{self._title} {part}".lower()).strip("_")
        detection = {name: _detection(self._document)[name] for name in sections}
        source = self._source(sections)
        return {
            "title": f"{self._title}: {part or 'matches'}",
            "id": rule_id,
            "name": f"m_{slug}_{rule_id[:8]}",
            **self._copied(_SHARED),
            **{**self._copied(_RULE), **({"logsource": source} if source else {})},
            "detection": {**detection, "condition": condition},
        }

    def _source(self, sections: Sequence[str]) -> Any:
        sources: Mapping[str, Any] = self._document.get(_SOURCES, {})
        return next((sources[name] for name in sections if name in sources), None)

    def _converted(self, bases: Sequence[dict[str, Any]], section: Mapping[str, Any]) -> Converted:
        named = {"name": self._document["name"]} if "name" in self._document else {}
        own = {"title": self._title, "id": self._id, **named, **self._copied((*_SHARED, *_CORRELATION))}
        return Converted((*bases, {**own, "correlation": dict(section)}), tuple(self._warnings))

    def _copied(self, keys: Sequence[str]) -> dict[str, Any]:
        return {key: self._document[key] for key in keys if key in self._document}


def _detection(document: Any) -> Mapping[str, Any]:
    found = document.get("detection") if isinstance(document, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _sections(document: Any) -> list[str]:
    """The names of the selections."""
    return [name for name in _detection(document) if name not in {"condition", "timeframe"}]
