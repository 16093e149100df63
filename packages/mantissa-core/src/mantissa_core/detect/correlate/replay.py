"""Correlations over matches at hand: nothing waits, nothing is stored, and the end of the matches is the end of time.

What the :class:`.correlator.Correlator` finds once the watermark has passed everything, if nothing came late.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from mantissa_core.model import Signal

from .correlation import Correlation
from .hits import Hit, micros
from .results import results


def replayed(correlations: Sequence[Correlation], hits: Iterable[Hit]) -> Iterator[tuple[Correlation, Signal]]:
    """Yield the results of linked correlations, each behind those that it refers to. The hits are held in memory."""
    by_rule: dict[str, list[Hit]] = {rule_id: [] for each in correlations for rule_id in each.ids.values()}
    for hit in hits:
        if hit.rule in by_rule:
            by_rule[hit.rule].append(hit)
    for each in correlations:
        below = [hit for rule_id in dict.fromkeys(each.ids.values()) for hit in by_rule[rule_id]]
        made = {signal.id: signal for signal in results(each, below, lambda _: True)}
        if each.id in by_rule:
            by_rule[each.id] += [result_hit(signal) for signal in made.values()]
        for signal in made.values():
            yield each, signal


def match_hit(signal: Signal) -> Hit:
    """A rule's signal as correlations see it."""
    return _hit(signal, signal.event_ids[0] if len(signal.event_ids) == 1 else signal.id)


def result_hit(signal: Signal) -> Hit:
    """A correlation's result as the correlations above it see it."""
    return _hit(signal, signal.id)


def _hit(signal: Signal, key: str) -> Hit:
    entities = json.dumps(signal.entities, ensure_ascii=False)
    return Hit(
        micros(signal.time), key, signal.id, signal.rule_id, signal.table, signal.event_ids, entities, signal.fields
    )
