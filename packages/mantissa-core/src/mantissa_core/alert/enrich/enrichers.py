"""Asking all enrichers about a new alert, side by side. What they cannot say is noted and holds nothing up."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from mantissa_core.model.alert import Alert

from .source import FACTS, Answer, Source

ALL_FACTS = 4 * FACTS
"""Bytes of JSON that the facts of all enrichers may have together."""


@dataclass(frozen=True, slots=True)
class Enriched:
    """The enrichers' facts by label, and why others had none; the six answers where a language model worded them."""

    facts: Mapping[str, Any]
    failures: Mapping[str, str]
    rewritten: Mapping[str, str] = field(default_factory=dict)


class Enrichers:
    """The configured enrichers. Call it with an alert; it waits for each no longer than its budget."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources = list(sources)

    def __call__(self, alert: Alert) -> Enriched:
        """What is known about the alert's entities."""
        started = time.monotonic()
        asked = [(source, source.ask(alert)) for source in self._sources]
        facts: dict[str, Any] = {}
        failures: dict[str, str] = {}
        left = ALL_FACTS
        for source, future in asked:
            answer = _awaited(source, future, started)
            left -= len(json.dumps(answer.facts)) if answer.facts is not None else 0
            if answer.facts is not None and left >= 0:
                facts[source.label] = answer.facts
            elif answer.facts is not None or answer.failure:
                failures[source.label] = answer.failure or f"beyond the {ALL_FACTS:,} bytes that an alert keeps"
        return Enriched(facts, failures)


def _awaited(source: Source, future: Future[Answer], started: float) -> Answer:
    try:
        return future.result(timeout=max(0.0, started + source.limits.budget - time.monotonic()))
    except TimeoutError:
        return source.late()
