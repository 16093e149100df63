"""A rule file with former aggregations as a file with correlations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import yaml

from mantissa_core.detect.rules.yaml_text import documents
from mantissa_core.errors import RuleError

from .legacy import TIMESPAN, convert, is_legacy, merged
from .parse import parse_correlation


def migrated(text: str, timespan: str = TIMESPAN) -> tuple[str, tuple[str, ...]] | None:
    """The file's text with every former aggregation converted, and what to look at; ``None`` where there is none.

    Its other documents stay as they are but for comments and layout. ``timespan`` is taken where a rule has none.

    Raises:
        RuleError: broken YAML, or an aggregation without an equivalent.
    """
    parsed = merged(documents(text))
    if not any(map(is_legacy, parsed)):
        return None
    written: list[Any] = []
    warnings: list[str] = []
    for number, document in enumerate(parsed, start=1):
        if not is_legacy(document):
            written.append(document)
            continue
        try:
            converted = convert(cast(Mapping[str, Any], document), timespan)
            parse_correlation(converted.documents[-1])
        except RuleError as error:
            raise RuleError(f"document {number}: {error}" if len(parsed) > 1 else str(error)) from error
        written += converted.documents
        warnings += converted.warnings
    dumped = yaml.safe_dump_all(written, sort_keys=False, allow_unicode=True, width=120, explicit_start=False)
    return dumped, tuple(warnings)
