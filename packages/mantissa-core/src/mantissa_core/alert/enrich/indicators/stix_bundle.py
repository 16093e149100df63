"""Indicators in a STIX 2.1 bundle, or in the envelope of a TAXII server.

Reference: https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html, sections 4.7 (indicator) and 9 (patterns).
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mantissa_core.alert.enrich import values
from mantissa_core.errors import NeedsOperator

from .index import Index, Listed

LARGEST = 256 * 1024 * 1024
"""Bytes of a bundle: JSON is read as a whole, and takes several times as much memory meanwhile."""
_PATTERN = 100_000
"""Characters of a pattern."""
_TEXT = r"'(?:[^'\\]|\\['\\])*'"
_TOKEN = re.compile(
    rf"""\s*(?:
        (?P<mark>[\[\]()])
      | (?P<or>OR\b)
      | (?P<implied>network-traffic:(?:src|dst)_ref\.type\s*=\s*'(?:ipv4-addr|ipv6-addr|domain-name)'\s+AND\b)
      | (?P<path>[a-z0-9-]+:[A-Za-z0-9_]+(?:\.(?:[A-Za-z0-9_-]+|'[^']*'|"[^"]*"))?)
        \s*(?:=|IN|ISSUBSET)\s*(?P<values>{_TEXT}|\(\s*{_TEXT}(?:\s*,\s*{_TEXT})*\s*\))
    )""",
    re.VERBOSE,
)
_PATHS = re.compile(
    r"(?:ipv4-addr|ipv6-addr|domain-name|url|email-addr):value|network-traffic:(?:src|dst)_ref\.value"
    r"|user-account:(?:user_id|account_login)|(?:file|artifact):hashes\.\S+"
)


def read_bundle(path: Path, index: Index) -> None:
    """Read the indicators that are neither revoked nor expired; of several versions of one the latest counts.

    Raises:
        NeedsOperator: the file is too large, or no bundle.
    """
    if path.stat().st_size > LARGEST:
        raise NeedsOperator(f"larger than {LARGEST // 2**20} MB: divide the bundle")
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise NeedsOperator("no complete JSON") from None
    objects = document.get("objects", []) if isinstance(document, dict) else None
    if not isinstance(objects, list):
        raise NeedsOperator("no STIX bundle: it has no list of objects")
    for each in _latest(objects).values():
        if each.get("revoked") is not True:
            _add(each, index)


def pattern_values(pattern: object) -> list[str] | None:
    """The values that a pattern compares with, any of which matches; ``None`` for a pattern that says more than that.

    With nothing but OR between the comparisons, brackets and parentheses change nothing. The type of a network
    traffic's end, as MISP writes it before the value, is implied by the value.
    """
    if not isinstance(pattern, str) or len(pattern) > _PATTERN:
        return None
    found: list[str] = []
    shape, at = "", 0
    text = pattern.strip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or (token["path"] and not _PATHS.fullmatch(token["path"])):
            return None
        shape += token["mark"] or ("|" if token["or"] else "v" if token["path"] else "")
        found += (_unquoted(each) for each in re.findall(_TEXT, token["values"] or ""))
        at = token.end()
    balanced = shape.count("[") == shape.count("]") > 0 and shape.count("(") == shape.count(")")
    return found if balanced and re.fullmatch(r"v(\|v)*", re.sub(r"[\[\]()]", "", shape)) else None


def _latest(objects: Iterable[Any]) -> Mapping[str, Mapping[str, Any]]:
    latest: dict[str, Mapping[str, Any]] = {}
    for each in objects:
        if isinstance(each, dict) and each.get("type") == "indicator":
            known = latest.get(str(each.get("id")), {})
            if str(each.get("modified", "")) >= str(known.get("modified", "")):
                latest[str(each.get("id"))] = each
    return latest


def _add(indicator: Mapping[str, Any], index: Index) -> None:
    found = pattern_values(indicator.get("pattern")) if indicator.get("pattern_type", "stix") == "stix" else None
    begins, ends = _moment(indicator.get("valid_from"), -math.inf), _moment(indicator.get("valid_until"), math.inf)
    if found is None or begins is None or ends is None:
        index.unreadable += 1
    elif ends <= time.time():
        index.expired += 1
    else:
        note = values.text(indicator.get("name")) or values.text(indicator.get("description")) or ""
        for value in found:
            index.add(value, Listed(note, begins, ends))


def _moment(value: object, absent: float) -> float | None:
    """Epoch seconds; ``None`` for what is no timestamp."""
    if value is None:
        return absent
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() if moment else None


def _unquoted(text: str) -> str:
    return re.sub(r"\\(['\\])", r"\1", text[1:-1])
