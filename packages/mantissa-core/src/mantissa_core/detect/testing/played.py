"""A sequence of events run through rows and the matcher: which rules match which of them, as signals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from mantissa_core.detect.correlate.hits import Hit
from mantissa_core.detect.correlate.replay import match_hit
from mantissa_core.detect.ir.tree import Node
from mantissa_core.detect.match.evaluate import Lookup, field_texts, holds
from mantissa_core.detect.match.evidence import SignalMaker
from mantissa_core.detect.match.field import Batch
from mantissa_core.detect.match.matcher import Hits, Matcher
from mantissa_core.detect.match.route import log_types_of
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.signals import signal_id
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType, Signal
from mantissa_core.parse.rows import RowBuilder

from .sequence_tests import SequenceTest, Step

START = datetime(2026, 1, 1, tzinfo=UTC)
"""When a sequence begins; its events' own times are not asked."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """One rule and one event (by number, from 0) of a sequence: whether it matches, and the match if it does."""

    rule: Rule
    number: int
    matched: bool
    signal: Signal
    look: Lookup


def play(test: SequenceTest, rules: Sequence[Rule], log_types: Sequence[LogType]) -> list[Meeting]:
    """Let every rule meet every event of its log types. Rules without an installed one are run by the evaluator alone.

    Raises:
        RuleError: an event does not say which log type it is of, or is none of it; matcher and evaluator differ.
    """
    readers: dict[str, list[Rule]] = {}
    known = {each.name: each for each in log_types}
    for rule in rules:
        for name in [each.name for each in log_types_of(rule, known.values())] or [""]:
            readers.setdefault(name, []).append(rule)
    events: dict[str, dict[int, Step]] = {}
    for number, step in enumerate(test.steps):
        events.setdefault(_place(test, number, step, readers), {})[number] = step
    return [each for name, steps in events.items() for each in _met(test, readers[name], known.get(name), steps)]


def hits_of(meetings: Iterable[Meeting], rule_id: str = "", tree: Node | None = None) -> list[Hit]:
    """The matches, as correlations see them; those of ``rule_id`` are what ``tree`` says instead of the rule's own."""
    return [
        match_hit(each.signal)
        for each in meetings
        if (holds(tree, each.look) if tree is not None and each.rule.id == rule_id else each.matched)
    ]


def _place(test: SequenceTest, number: int, step: Step, readers: dict[str, list[Rule]]) -> str:
    if step.log_type in readers:
        return step.log_type
    if not step.log_type and len(readers) == 1:
        return next(iter(readers))
    if step.log_type and "" in readers:
        return ""  # the rule's source is not installed
    names = ", ".join(name for name in readers if name) or "none, no log source of the rules is installed"
    raise RuleError(f"{test.name}: event {number + 1}: log_type: found {step.log_type!r}, expected one of {names}")


def _met(
    test: SequenceTest, rules: Sequence[Rule], log_type: LogType | None, steps: dict[int, Step]
) -> Iterator[Meeting]:
    looks = {number: field_texts(step.event, log_type) for number, step in steps.items()}
    if log_type is None:
        for rule in rules:
            for number, look in looks.items():
                yield Meeting(rule, number, holds(rule.ir, look), _bare(rule, number, steps[number], look), look)
        return
    rows = _rows(test, log_type, steps)
    numbers = list(steps)
    matched: dict[str, set[int]] = {}
    for hits in Matcher(rules, log_type).match(rows):
        if hits.error is not None:
            raise RuleError(f"{hits.rule.source}: {hits.error}") from hits.error
        matched[hits.rule.id] = {numbers[row] for row in hits.rows.to_pylist()}
    maker, batch = SignalMaker(rules, log_type), Batch(rows)
    fields = maker.fields(batch)
    every = pa.array(range(len(rows)), pa.uint64())
    for rule in rules:
        for number, signal in zip(numbers, maker.signals(Hits(rule, every), batch, fields), strict=True):
            got = number in matched.get(rule.id, ())
            if got is not holds(rule.ir, looks[number]):
                place = f"{test.name}: event {number + 1}"
                raise RuleError(f"{place}: the evaluator says {not got}, the matcher {got}: please report this")
            yield Meeting(rule, number, got, signal, looks[number])


def _rows(test: SequenceTest, log_type: LogType, steps: dict[int, Step]) -> pa.RecordBatch:
    """The events as rows, with the sequence's times and ids of their own: two may say the same."""
    records = [json.dumps(step.event).encode() for step in steps.values()]
    with RowBuilder(log_type) as builder:
        parsed = builder.build(
            records,
            range(len(records)),
            origin="rule tests",
            source="rule-tests",
            ingest_time=datetime.now(UTC),
            retention_days=36_500,
        )
    for letter in parsed.dead:
        number = list(steps)[letter.position]
        raise RuleError(f"{test.name}: event {number + 1} is no {log_type.name} record: {letter.reason}")
    own = {
        "m_time": [START + step.at for step in steps.values()],
        "m_id": [f"event {number + 1:05}" for number in steps],
    }
    rows = parsed.rows
    for name, values in own.items():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(place), pa.array(values, rows.schema.field(place).type))
    (batch,) = rows.combine_chunks().to_batches()
    return batch


def _bare(rule: Rule, number: int, step: Step, look: Lookup) -> Signal:
    event_id = f"event {number + 1:05}"
    kept = {name: tuple(look(name)) for name in rule.keeps}
    return Signal(
        id=signal_id(rule.id, event_id),
        rule_id=rule.id,
        rule_name=rule.title,
        severity=rule.severity,
        summary=rule.title,
        time=START + step.at,
        table="",
        event_ids=(event_id,),
        tags=rule.tags,
        group={"event": event_id},
        entities={},
        evidence={},
        fields={name: values for name, values in kept.items() if values},
        silent=rule.silent,
    )
