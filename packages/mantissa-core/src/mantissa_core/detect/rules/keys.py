"""The keys that rules, correlations, filters and SQL rules have in common, each read with its errors and warnings."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from mantissa_core.detect.schedule.timing import Timing, parse_timing
from mantissa_core.errors import RuleError
from mantissa_core.model import Severity
from mantissa_core.model.log_type import LogSource


def identifier(rule: Mapping[str, Any], title: str, warnings: list[str]) -> str:
    """The id, or one made from the title; what is no UUID is accepted with a warning."""
    if (found := text(rule, "id")) == "":
        warnings.append("id: missing, one was made from the title; add an id so that the title may change")
        return str(uuid.uuid5(uuid.NAMESPACE_URL, title))
    try:
        return str(uuid.UUID(found))
    except ValueError:
        warnings.append(f"id: {found!r} is no UUID")
        return found


def severity(rule: Mapping[str, Any]) -> Severity:
    """The level, medium where there is none.

    Raises:
        RuleError: it is none of Sigma's.
    """
    level = text(rule, "level") or Severity.MEDIUM
    try:
        return Severity(level)
    except ValueError:
        raise RuleError(f"level: found {level!r}, expected one of {', '.join(Severity)}") from None


def logsource(rule: Mapping[str, Any]) -> LogSource:
    """The log source.

    Raises:
        RuleError: it is missing or empty.
    """
    section = mapping(rule, "logsource")
    parts = {key: text(section, key) or None for key in ("product", "service", "category")}
    if not any(parts.values()):
        raise RuleError("logsource: empty, expected product, service or category")
    return LogSource(**parts)


def timing(rule: Mapping[str, Any]) -> Timing | None:
    """The schedule and window of the section ``mantissa``, if any.

    Raises:
        RuleError: one of them is malformed.
    """
    try:
        return parse_timing(mapping(rule, "mantissa", {}))
    except RuleError as error:
        raise RuleError(f"mantissa.{error}") from None


def tags(rule: Mapping[str, Any], warnings: list[str]) -> tuple[str, ...]:
    """The tags; those without a namespace are accepted with a warning."""
    tags = texts(rule, "tags")
    if bare := [tag for tag in tags if "." not in tag]:
        warnings.append(f"tags: without a namespace: {', '.join(bare)}")
    return tags


def text(section: Mapping[str, Any], key: str) -> str:
    """The text of a key, empty where it is absent.

    Raises:
        RuleError: it is a list or a mapping.
    """
    value = section.get(key)
    if isinstance(value, (list, dict)):
        raise RuleError(f"{key}: found a {type(value).__name__}, expected a text")
    return "" if value is None else str(value).strip()


def texts(section: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The texts of a key, which may be one or a list.

    Raises:
        RuleError: it is something else.
    """
    value = section.get(key)
    if value is None:
        return ()
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, (list, dict)) for item in items):
        raise RuleError(f"{key}: expected a list of texts")
    return tuple(str(item) for item in items if item is not None)


def mapping(section: Mapping[str, Any], key: str, default: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """The mapping of a key.

    Raises:
        RuleError: it is missing without a default, or no mapping.
    """
    value = section.get(key, default)
    if not isinstance(value, Mapping):
        raise RuleError(f"{key}: found {type(value).__name__}, expected a mapping")
    return value
