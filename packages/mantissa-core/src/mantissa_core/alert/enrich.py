"""Asking the enrichers about a new alert. What they cannot say does not hold the alert up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import structlog

from mantissa_core.errors import MantissaError
from mantissa_core.hookspecs import Enricher
from mantissa_core.model.alert import Alert

from .codec import to_json

FACTS = 16 * 1024
"""Bytes of JSON that one enricher's facts may have, and a quarter of what all of them may."""

_log = structlog.get_logger(__name__)


class Enrichers:
    """The configured enrichers, by label. Call it with an alert to get their facts, by label too."""

    def __init__(self, enrichers: Mapping[str, Enricher]) -> None:
        self._enrichers = enrichers

    def __call__(self, alert: Alert) -> dict[str, Any]:
        """Ask each in turn; one that fails, or says too much, is left out and logged."""
        facts: dict[str, Any] = {}
        for label, enricher in self._enrichers.items():
            found = self._ask(label, enricher, alert)
            if found is not None and len(json.dumps(facts)) + len(json.dumps(found)) <= 4 * FACTS:
                facts[label] = found
        return facts

    def _ask(self, label: str, enricher: Enricher, alert: Alert) -> Any:
        try:
            found = enricher.enrich(alert)
        except MantissaError as error:
            _log.warning("enricher failed", enricher=label, alert=alert.id, error=str(error))
            return None
        facts = to_json(found.facts) if found else None
        if facts is not None and len(json.dumps(facts)) > FACTS:
            _log.warning("enricher said too much", enricher=label, alert=alert.id, limit=FACTS)
            return None
        return facts
