"""Rows in words: counts, spans, what stands out, and nothing that the rows do not say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from mantissa_core.ask.plan import Compare, Group, Measure, Period, Plan, Sequence
from mantissa_core.ask.summary import summarize

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
DAY = Period(lo=AT - timedelta(days=1), hi=AT)
LIST = Plan(source="auth", period=DAY)
PER_USER = Plan(source="auth", period=DAY, groups=(Group(field="m_user"),), measures=(Measure(),))
COUNT = Plan(source="auth", period=DAY, measures=(Measure(),))
BESIDE = COUNT.model_copy(update={"versus": DAY})


def event(minute, user="amara", outcome="failure"):
    return {"m_time": AT + timedelta(minutes=minute), "m_user": user, "m_outcome": outcome}


@pytest.mark.parametrize(
    ("plan", "rows", "said"),
    [
        (LIST, [], "Nothing was found in this time."),
        (LIST, [event(0)], "One event, at 2026-11-20 08:00 UTC: user amara, outcome failure."),
        (
            LIST,
            [event(0), event(5), event(9, "lin")],
            "3 events, from 2026-11-20 08:00 to 2026-11-20 08:09 UTC. User: amara (2), lin (1)."
            " Every outcome: failure.",
        ),
        (PER_USER, [{"m_user": "amara", "events": 1}], "1 user, 1 event in all. Most: amara (1)."),
        (
            PER_USER,
            [{"m_user": None, "events": 1_200}, {"m_user": "lin", "events": 3}],
            "2 users, 1,203 events in all. Most: (none) (1,200), lin (3).",
        ),
        (COUNT, [{"events": 0}], "0 events."),
        (COUNT, [{"events": 1}], "1 event."),
        (BESIDE, [{"events": 30, "events_before": 20}], "Events: 30, 20 in the time compared with (+50 %)."),
        (BESIDE, [{"events": 3, "events_before": 0}], "Events: 3, 0 in the time compared with."),
    ],
    ids=["nothing", "one", "list", "one group", "groups", "none", "count", "more than before", "none before"],
)
def test_rows_are_told_in_words(plan, rows, said):
    assert summarize(plan, pa.Table.from_pylist(rows)) == said


@pytest.mark.parametrize(("bucket", "said"), [("day", "2 days,"), ("month", "2 months,")])
def test_several_stretches_of_time_are_named_in_the_plural(bucket, said):
    plan = PER_USER.model_copy(update={"groups": (Group(bucket=bucket),)})
    assert summarize(plan, pa.Table.from_pylist([{bucket: AT, "events": 1}] * 2)).startswith(said)


def test_what_was_cut_off_is_not_counted():
    rows = pa.Table.from_pylist([{"m_user": f"u{n}", "events": 1} for n in range(3)])
    assert summarize(PER_USER, rows, truncated=True).startswith("The first 3 users of more. Most:")


def test_a_long_value_is_cut():
    assert len(summarize(LIST, pa.Table.from_pylist([event(0, "a" * 5_000)]))) < 200


def test_shares_are_in_per_cent_and_what_came_after_what_in_words():
    failed = Compare(field="m_outcome", value="failure")
    share = Plan(source="auth", period=DAY, measures=(Measure(function="ratio", where=failed),))
    assert summarize(share, pa.table({"share": [0.0625]})) == "Share: 6.2%."
    later = Plan(source="auth", period=DAY, sequence=Sequence(first=(failed,), then=(failed,)))
    moments = {"first_time": [datetime(2026, 1, 1, 8, 0, 0)], "then_time": [datetime(2026, 1, 1, 8, 3, 5, 400_000)]}
    said = summarize(later, pa.table({"m_user": ["amara"], **moments, "pairs": [2]}))
    assert said.endswith("UTC and then 2026-01-01 08:03:05 UTC, 3 minutes 5 seconds later.")
