"""Completed correlations as signals, with the events that made them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from typing import Any

from mantissa_core.model import Signal

from .correlation import TEMPORAL, Correlation, Threshold
from .hits import Group, Hit, Match, grouped, moment
from .sliding import Found, sliding
from .temporal import temporal

FEWEST, MOST = 100, 1000
"""Contributing events that a result names: the newest hundred, or as many as the threshold asks for, to a thousand."""

SIGNALS = 20
"""Contributing signals that its evidence names."""

LONGEST = 1000
"""Characters of a group's values in the summary."""


def results(correlation: Correlation, hits: Iterable[Hit], within: Callable[[int], bool]) -> Iterator[Signal]:
    """The signals of a correlation over ``hits``, one for each match that completes it at a time ``within``."""
    evaluate = temporal if correlation.kind in TEMPORAL else sliding
    for group, matches in grouped(correlation, hits).items():
        for found in evaluate(correlation, matches):
            if within(found.match.hit.time):
                yield _signal(correlation, group, found)


def result_id(correlation: str, group: Group, key: str) -> str:
    """The id of one correlation completed by one event (or lower result) in one group."""
    text = json.dumps([correlation, group, key], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _signal(correlation: Correlation, group: Group, found: Found) -> Signal:
    hit = found.match.hit
    named = dict(zip(correlation.group_by, group, strict=True))
    who = ", ".join(group)
    return Signal(
        id=result_id(correlation.id, group, hit.key),
        rule_id=correlation.id,
        rule_name=correlation.title,
        severity=correlation.severity,
        summary=f"{correlation.title}: {who[:LONGEST]}" if who else correlation.title,
        time=moment(hit.time),
        table=hit.table,
        event_ids=_events(correlation, found.window),
        tags=correlation.tags,
        # Without a group every result would open an alert of its own.
        group={name.removeprefix("m_"): value for name, value in named.items()} or {"rule": correlation.id},
        entities=json.loads(hit.entities),
        evidence={**named, **_evidence(correlation, found)},
        fields={name: (value,) for name, value in named.items()},
        silent=correlation.silent,
    )


def _events(correlation: Correlation, window: Sequence[Match]) -> tuple[str, ...]:
    """The newest of the contributing events, oldest first."""
    most = FEWEST
    if isinstance(correlation.condition, Threshold):
        most = min(max(FEWEST, int(min(correlation.condition.value, MOST)) + 1), MOST)
    newest_first = (event for match in reversed(window) for event in reversed(match.hit.events))
    return tuple(dict.fromkeys(islice(newest_first, most)))[::-1]


def _evidence(correlation: Correlation, found: Found) -> dict[str, Any]:
    told: dict[str, Any] = {"correlation": str(correlation.kind)}
    if found.measure is not None:
        told["measure"] = _plain(found.measure)
    window = found.window
    told |= {
        "from": moment(window[0].hit.time).isoformat(),
        "to": moment(window[-1].hit.time).isoformat(),
        "matches": len(window),
        "rules": list(dict.fromkeys(each.rule for each in window)),
        "signals": [each.hit.signal for each in window[-SIGNALS:]],
    }
    return told


def _plain(measure: float | Fraction) -> int | float:
    number = float(measure)
    return int(number) if number.is_integer() else number
