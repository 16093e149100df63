"""Random events and random rules: the matcher over rows is the evaluator over events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mantissa_core.detect.ir import derive
from mantissa_core.detect.ir.text import fold
from mantissa_core.detect.ir.tree import Op
from mantissa_core.detect.match import lookup
from mantissa_core.detect.match.evaluate import evaluate
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.model import LogType
from mantissa_core.parse.json_text import dumps
from mantissa_core.parse.rows import RowBuilder

from ..strategies import DETECTIONS, EVENTS

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(events=st.lists(EVENTS, min_size=1, max_size=6), detection=DETECTIONS)
@FEW
def test_flattened_events_match_as_the_events_do(
    events: list[dict[str, Any]],
    detection: dict[str, Any],
    decide: Callable[..., list[bool]],
    make_rule: Callable[..., Rule],
) -> None:
    decide(make_rule(detection), events)


@pytest.fixture(scope="module")
def build(log_type: LogType) -> Iterator[Callable[[list[dict[str, Any]]], pa.RecordBatch]]:
    def rows(events: list[dict[str, Any]]) -> pa.RecordBatch:
        parsed = builder.build(
            [dumps(event).encode() for event in events],
            range(len(events)),
            origin="test",
            source="test",
            ingest_time=datetime(2026, 1, 3, tzinfo=UTC),
        )
        assert not parsed.dead
        return parsed.rows.combine_chunks().to_batches()[0]

    with RowBuilder(log_type) as builder:
        yield rows


@given(events=st.lists(EVENTS, min_size=1, max_size=20), detections=st.lists(DETECTIONS, min_size=5, max_size=5))
@settings(FEW, max_examples=12)
def test_stored_rows_match_as_the_events_do(
    events: list[dict[str, Any]],
    detections: list[dict[str, Any]],
    build: Callable[[list[dict[str, Any]]], pa.RecordBatch],
    make_rule: Callable[..., Rule],
    match_rows: Callable[..., set[int]],
    log_type: LogType,
) -> None:
    batch = build(events)
    for detection in detections:
        rule = make_rule(detection)
        expected = {number for number, event in enumerate(events) if evaluate(rule, event, log_type)}
        assert match_rows(rule, batch) == expected


@given(event=EVENTS, detection=DETECTIONS)
@FEW
def test_every_match_has_its_pins_and_a_witness(
    event: dict[str, Any], detection: dict[str, Any], make_rule: Callable[..., Rule], log_type: LogType
) -> None:
    rule = make_rule(detection)
    if not evaluate(rule, event, log_type):
        return
    assert all(_holds(pin, event, log_type) for pin in rule.pins)
    if rule.witnesses is not None:
        assert any(_contains(event, field, literal, log_type) for field, literal in rule.witnesses)


def _holds(pin: Any, event: dict[str, Any], log_type: LogType) -> bool:
    class Pinned:
        ir = pin

    assert pin.op is Op.EQ
    return evaluate(Pinned(), event, log_type)


def _contains(event: dict[str, Any], field: str | None, literal: str, log_type: LogType) -> bool:
    paths = () if field is None else lookup.spellings(field, log_type)
    texts = lookup.texts(event, paths) if paths else list(lookup.leaves(event))
    return any(fold(literal) in fold(text) for text in texts)


def test_derived_facts_do_not_claim_too_much(make_rule: Callable[..., Rule]) -> None:
    rule = make_rule({"a": {"name": "x", "number": 5}, "b": {"name|contains": "y"}, "condition": "a or b"})
    assert rule.pins == ()
    assert derive.witnesses(make_rule({"selection": {"name|contains": ["long", "x"]}}).ir) is None
