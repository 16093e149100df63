"""Random events and random rules: the matcher over rows is the evaluator over events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mantissa_core.detect import derive, lookup
from mantissa_core.detect.evaluate import evaluate
from mantissa_core.detect.ir import Op
from mantissa_core.detect.rules import Rule
from mantissa_core.detect.text import fold
from mantissa_core.model import LogType
from mantissa_core.parse.json_text import dumps
from mantissa_core.parse.rows import RowBuilder

TEXTS = st.sampled_from(
    ["", "alice", "ALICE", "al_ce", "al%ce", "İ", "É", "é", "a\nb", "a*b", "a\\b", "[a]", '"', "10.0.0.1", "5", "5.0",
     "true", "False", "1", "2026-01-02T03:04:05Z", "null", "{", "-0", "1e3", "x" * 40, "\U0001f600"]
)  # fmt: skip
NUMBERS = st.sampled_from([0, 1, 5, -5, 5.0, 0.5, 1e3, 1e22, 2**53 + 1, 2**70, -0.0])
SCALARS = st.one_of(TEXTS, TEXTS, NUMBERS, st.booleans(), st.none())
BOUNDS = st.sampled_from([0, 1, 5, -5, 0.5, 1e3, 1e15])
KEYS = ["city", "name", "user", "type", "userName", "items", "key", "na\u00efve", 'quo"te']
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3), inner
    ),
    max_leaves=6,
)
TOP = ["name", "user", "address", "number", "flag", "ratio", "when", "tags", "params", "color", "colour", "dotted.key",
       "city", "place.city", "place",
       "user.name", "params.userName", "other", "dotted"]  # fmt: skip
EVENTS = st.dictionaries(st.sampled_from(TOP), VALUES, max_size=6)

FIELDS = [*TOP, "user.type", "params.items.name", "params.items", "other.name", "other.user.name", "hue", "source.ip",
          "Number", "user.items.key", "other.na\u00efve", 'params.quo"te', "absent"]  # fmt: skip
TESTED = st.sampled_from(
    ["alice", "ALICE", "al_ce", "al*", "a?b", "*", "", "5", 5, 5.0, 1, True, False, None, "a\\*b", "İ", "é", "{",
     '"name":"alice"', "10.0.0.1", 2**53 + 1, "1e22", "-0", 0, "x*x"]
)  # fmt: skip
SELECTIONS = st.one_of(
    st.tuples(st.sampled_from(FIELDS), st.lists(TESTED, min_size=1, max_size=3)),
    st.tuples(
        st.sampled_from([f"{field}|{way}" for field in FIELDS for way in ("contains", "startswith", "endswith|cased")]),
        st.sampled_from(["a", "AL", "5", "_", "%", "\\", '"', "true", "b", "1", "é"]),
    ),
    st.tuples(st.sampled_from([f"{field}|re" for field in FIELDS]), st.sampled_from(["^a", "[A-Z]", "5$", "(?i)É"])),
    st.tuples(st.sampled_from([f"{field}|cidr" for field in FIELDS]), st.just("10.0.0.0/8")),
    st.tuples(st.sampled_from([f"{field}|exists" for field in FIELDS]), st.booleans()),
    st.tuples(st.sampled_from([f"{field}|{way}" for field in FIELDS for way in ("lt", "lte", "gt", "gte")]), BOUNDS),
    st.tuples(st.sampled_from([f"{field}|{part}" for field in FIELDS for part in ("hour", "week")]), st.integers(1, 3)),
    st.tuples(st.sampled_from([f"{field}|fieldref" for field in FIELDS]), st.sampled_from(FIELDS)),
)  # fmt: skip
DETECTIONS = st.fixed_dictionaries(
    {
        "one": st.lists(SELECTIONS, min_size=1, max_size=2).map(dict),
        "two": st.one_of(
            st.lists(SELECTIONS, min_size=1, max_size=2).map(dict),
            st.lists(st.sampled_from(["alice", "5", "a*b", "true", '"']), min_size=1, max_size=2),
        ),
        "condition": st.sampled_from(
            [
                "one",
                "not one",
                "one and two",
                "one or two",
                "one and not two",
                "not one or not two",
                "not (one and two)",
            ]
        ),
    }
)
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
