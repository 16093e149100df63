"""A document with a ``query`` into an SQL rule."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from mantissa_core.detect.rules import keys
from mantissa_core.detect.rules.attributes import attributes
from mantissa_core.detect.schedule.timing import parse_timing
from mantissa_core.errors import RuleError

from .rule import END, MOST_ROWS, START, SqlRule, checked

KEYS = (
    "id", "title", "name", "description", "query", "threshold", "schedule_expression", "window", "severity", "level",
    "enabled", "tags", "author", "references", "falsepositives", "status", "date", "modified", "license", "mantissa",
)  # fmt: skip
"""What such a document may say. ``name`` and ``severity`` are other words for ``title`` and ``level``."""


def is_sql_rule(document: object) -> bool:
    """Whether a rule document is one of these."""
    return isinstance(document, Mapping) and "query" in document and "detection" not in document


def parse_sql_rule(document: Mapping[str, Any], text: str = "", source: str = "<rule>") -> SqlRule:
    """Read one document.

    Raises:
        RuleError: it is malformed, or its query may not run; names the key.
    """
    for key in map(str, document):
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1)
            raise RuleError(f"{key}: unknown{f', did you mean {near[0]}' if near else ''}")
    warnings: list[str] = []
    title = _either(document, "title", "name")
    if not title:
        raise RuleError("title: missing, expected a short text")
    query = document["query"]
    if not isinstance(query, str) or not query.strip():
        raise RuleError("query: expected one SELECT as a text")
    found, timing = checked(query), parse_timing(document)
    if not found.parameters:
        warnings.append(f"query: names neither ${START} nor ${END}: every run finds what the last one found")
    if timing is None:
        warnings.append("schedule_expression: missing, it runs once 'mantissa schedules create' gave it a schedule")
    own = attributes(document, warnings)
    return SqlRule(
        id=keys.identifier(document, title, warnings),
        title=title,
        severity=keys.severity({"level": _either(document, "level", "severity")}),
        query=query,
        threshold=_threshold(document),
        timing=timing,
        enabled=_enabled(document),
        text=text,
        source=source,
        tables=found.tables,
        parameters=found.parameters,
        description=keys.text(document, "description"),
        author=keys.text(document, "author"),
        tags=keys.tags(document, warnings),
        references=keys.texts(document, "references"),
        falsepositives=keys.texts(document, "falsepositives"),
        group_by=keys.texts(keys.mapping(document, "mantissa", {}), "group_by"),
        stage=own.stage,
        alert_window=own.alert_window,
        owner=own.owner,
        modified=own.modified,
        warnings=tuple(warnings),
    )


def _either(document: Mapping[str, Any], key: str, other: str) -> str:
    one, two = keys.text(document, key), keys.text(document, other)
    if one and two and one != two:
        raise RuleError(f"{other}: found {two!r}, and {key} says {one!r}: keep one")
    return one or two


def _threshold(document: Mapping[str, Any]) -> int:
    section = document.get("threshold")
    if section is None:
        return 0
    if not isinstance(section, Mapping) or set(section) - {"type", "value"}:
        raise RuleError("threshold: expected a mapping with type: count and value")
    if (kind := section.get("type", "count")) != "count":
        raise RuleError(f"threshold.type: found {kind!r}, expected count")
    value = section.get("value")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST_ROWS:
        raise RuleError(
            f"threshold.value: found {value!r}, expected a number from 0 to {MOST_ROWS - 1}; count larger ones "
            "in the query (HAVING count(*) > …)"
        )
    return value


def _enabled(document: Mapping[str, Any]) -> bool:
    value = document.get("enabled", True)
    if not isinstance(value, bool):
        raise RuleError(f"enabled: found {value!r}, expected true or false")
    return value
