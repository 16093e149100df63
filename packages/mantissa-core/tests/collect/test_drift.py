"""What is not as declared is counted by field, said once, and told apart from data."""

import json
from datetime import timedelta

import pytest
import structlog
from mantissa_core.collect.drift import MOST_FIELDS, drift_of, fields_of, wider
from mantissa_core.model import LogType, Page

from .conftest import LOG_TYPE, START


def _ingest(world, *events):
    records = [{"id": f"d{number}-{world.clock()}", "at": str(START), **each} for number, each in enumerate(events)]
    return world.ingester().ingest(Page({}, records), "fake.audit", {})


def _found(world):
    world.restart()
    return {each.path: (each.kind, each.type, each.events) for each in drift_of(world.state, "fake")}


def test_unknown_fields_are_counted_with_a_type_that_would_hold_them(world):
    _ingest(world, {"new": 1}, {"new": 2.5, "deep": {"er": "x"}}, {"list": ["a"]}, {"mixed": [1, {"a": 2}]})
    assert _found(world) == {
        "new": ("unknown", "double", 2),
        "deep.er": ("unknown", "string", 1),
        "list": ("unknown", "list<string>", 1),
        "mixed": ("unknown", "json", 1),
    }


def test_a_declared_field_of_another_type_is_told_apart(world):
    _ingest(world, {"verb": {"name": "go"}}, {"verb": "go"})
    assert _found(world) == {"verb": ("type", "json", 1)}


def test_a_field_is_said_once_ever(world):
    structlog.reset_defaults()
    with structlog.testing.capture_logs() as logged:
        _ingest(world, {"new": 1})
        _ingest(world, {"new": 1})
        world.restart()
        world.clock.forward(hours=1)
        _ingest(world, {"new": 1}, {"newer": True})
    said = [each["field"] for each in logged if each["event"] == "field not as declared"]
    assert said == ["new", "newer"]


def test_counts_add_up_over_restarts_and_times_are_kept(world):
    _ingest(world, {"new": 1})
    world.restart()
    world.clock.forward(hours=5)
    _ingest(world, {"new": 1}, {"new": 1})
    world.restart()
    (drift,) = drift_of(world.state, "fake")
    assert (drift.events, drift.last - drift.first) == (3, timedelta(hours=5))


def test_keys_that_are_data_are_one_field(world):
    _ingest(world, *({"by_user": {f"{number}00000": 1}} for number in range(20)))
    assert _found(world) == {"by_user.*": ("unknown", "json", 20)}


def test_a_strange_key_at_the_top_does_not_hide_the_others(world):
    _ingest(world, {"1234567": 1, "a b": 2, "": 3, "new": 1})
    assert _found(world) == {"*": ("unknown", "json", 1), "new": ("unknown", "int64", 1)}


def test_the_number_of_fields_is_bounded(world):
    _ingest(world, {f"field_{number}": 1 for number in range(MOST_FIELDS + 50)})
    assert len(_found(world)) == MOST_FIELDS


def test_events_as_declared_leave_no_trace(world):
    _ingest(world, {"verb": "go"}, {"verb": None})
    assert _found(world) == {}


def test_a_key_with_a_dot_is_written_as_a_log_type_spells_it():
    (seen,) = fields_of({"a.b": {"c": "VARCHAR"}}, LOG_TYPE)
    assert seen.path == "a\\.b.c"
    proposed = {**json.loads(LOG_TYPE.model_dump_json(exclude_defaults=True)), "columns": [{"path": seen.path}]}
    assert LogType.model_validate({**proposed, "id": "position", "time": None}).columns[0].keys == ("a.b", "c")


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [("int64", "double", "double"), ("int64", "string", "string"), ("bool", "json", "json"), ("bool", "bool", "bool")],
)
def test_a_wider_type_holds_both(one, other, both):
    assert wider(one, other) == wider(other, one) == both
