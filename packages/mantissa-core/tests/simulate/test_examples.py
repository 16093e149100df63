"""A day of any source, made of the examples of its log type."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from mantissa_core.model import LogType
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.simulate import varied, write_examples
from mantissa_core.testing.log_type import rows_of

DAY = date(2026, 1, 14)
START = datetime(2026, 1, 14, tzinfo=UTC)


def log_type(event, time="at", form="iso8601", **more):
    return LogType.model_validate(
        {
            "name": "acme.audit",
            "title": "Acme",
            "time": {"path": time, "format": form},
            "id": {"native": ["id"]},
            "columns": [{"path": "id"}, {"path": "at"}, {"path": "who"}, {"path": "from.ip"}],
            "overlay": {"user": ["who"], "src_ip": ["from.ip"]},
            "examples": [{"event": event}],
            **more,
        }
    )


EVENT = {"id": "3f2a9c7e", "at": "2025-03-04T09:15:02.25Z", "who": "amara@example.com", "from": {"ip": "203.0.113.17"}}


@pytest.mark.parametrize("each", LogTypes.load(), ids=lambda each: each.name)
def test_events_of_every_installed_log_type_parse_with_their_own_time_and_id(each):
    events = list(varied(each, 7, DAY, 300))
    rows = rows_of(each, events)
    assert len(events) == len({row["m_id"] for row in rows}) == 300
    said = [row["m_time"] for row in rows if "time_missing" not in (row["m_flags"] or ())]
    assert all(START <= time < START + timedelta(days=1) for time in said)
    assert len(set(said)) > 200 or not each.times
    overlay = Counter(row["m_action"] for row in rows)
    assert set(overlay) == {row["m_action"] for row in rows_of(each, [example.event for example in each.examples])}


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    first, second, other = (
        write_examples(log_type(EVENT), seed, DAY, 50, tmp_path / f"{number}").read_bytes()
        for number, seed in enumerate((7, 7, 8))
    )
    assert first == second != other


@pytest.mark.parametrize(
    ("old", "form"),
    [
        ("2025-03-04T09:15:02Z", "iso8601"),
        ("2025-03-04 09:15:02.123", "iso8601"),
        ("2025-03-04T09:15:02.123456789Z", "iso8601"),
        ("2025-03-04T09:15:02+02:00", "iso8601"),
        ("2025-03-04T09:15:02.5-0800", "iso8601"),
        ("1741079702", "epoch_s"),
        ("1741079702113", "epoch_ms"),
    ],
)
def test_times_are_written_as_in_the_example(old, form):
    kind = log_type({**EVENT, "at": old}, form=form)
    events = list(varied(kind, 7, DAY, 20))
    assert {len(each["at"]) for each in events} == {len(old)}
    assert all(START <= row["m_time"] < START + timedelta(days=1) for row in rows_of(kind, events))


def test_people_and_addresses_are_the_companys():
    rows = rows_of(log_type(EVENT), list(varied(log_type(EVENT), 7, DAY, 200)))
    assert len({row["m_user"] for row in rows}) > 50
    assert {row["m_src_ip"].partition(".")[0] for row in rows} == {"198"}


def test_what_is_rare_comes_once():
    kind = log_type(EVENT, examples=[{"event": EVENT}, {"event": {**EVENT, "verb": "steal"}}])
    verbs = Counter(each.get("verb") for each in varied(kind, 7, DAY, 100, lambda event: event.get("verb") == "steal"))
    assert verbs == {None: 99, "steal": 1}


def test_a_log_type_without_examples_makes_nothing():
    with pytest.raises(ValueError, match="has no examples"):
        next(varied(log_type(EVENT, examples=[]), 7, DAY, 1))


def test_numbers_stay_numbers():
    kind = log_type({"id": "1", "at": 1741079702.5}, form="epoch_s", columns=[
        {"path": "id"}, {"path": "at", "type": "double"}, {"path": "who"}, {"path": "from.ip"}])  # fmt: skip
    assert all(isinstance(each["at"], float) for each in varied(kind, 7, DAY, 5))
    assert json.dumps(next(varied(kind, 7, DAY, 1)))
