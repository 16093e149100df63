"""The scoring of the benchmark of asking: a score that cannot be wrong says nothing."""

from __future__ import annotations

import importlib
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mantissa_core.ask.schema import Schema
from mantissa_core.parse.log_types import LogTypes

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def asked():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module
    for name in [each for each in sys.modules if each.startswith("ask_")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def same(asked):
    return asked("ask_compare").same


@pytest.fixture(scope="module")
def features(asked):
    return asked("ask_features").features


GOLD = [{"user": "amara", "n": 2}, {"user": "lin", "n": 1}]


def test_a_result_may_have_more_columns_and_another_order(same):
    assert same(GOLD, [{"n": 1, "who": "lin", "more": True}, {"n": 2, "who": "amara", "more": True}])


@pytest.mark.parametrize(
    "found",
    [
        [{"n": 2, "who": "lin"}, {"n": 1, "who": "amara"}],
        [*GOLD, {"user": "noor", "n": 1}],
        GOLD[:1],
        [*GOLD[:1], *GOLD[:1]],
        [{"user": "amara"}, {"user": "lin"}],
        [],
    ],
    ids=["crossed", "one row more", "one row less", "one row twice", "one column less", "nothing"],
)
def test_a_result_with_other_rows_is_not_the_same(same, found):
    assert not same(GOLD, found)


def test_order_counts_where_a_question_ranks_and_ties_may_stand_in_any(same):
    assert not same(GOLD, GOLD[::-1], ranked=True)
    tied = [{"user": "amara", "n": 2}, {"user": "lin", "n": 2}]
    assert same(tied, tied[::-1], ranked=True)


def test_figures_are_the_same_up_to_what_a_machine_rounds(same):
    assert same([{"n": 1 / 3}], [{"share": 0.33333333}])
    assert same([{"n": 4.0}], [{"n": 4}])
    assert not same([{"n": 1 / 3}], [{"share": 0.334}])


def test_nothing_found_is_right_only_where_nothing_is_there(same):
    assert same([], [])
    assert not same([], GOLD)


def test_features_say_tables_conditions_period_and_form(features):
    found = features(
        "SELECT m_user, count(*) AS n FROM auth WHERE m_action = 'login' AND lower(m_user) LIKE '%Lin%' "
        "AND m_time >= date_trunc('day', $now) - INTERVAL 1 DAY AND m_time < $now GROUP BY 1"
    )
    assert found.tables == {"auth"}
    assert found.columns == {"m_action", "m_user"}
    assert found.values == {"login", "lin"}
    assert found.period == (datetime(2026, 1, 19, tzinfo=UTC), datetime(2026, 1, 20, 18, tzinfo=UTC))
    assert found.form == "groups"


@pytest.mark.parametrize(
    ("sql", "form"),
    [
        ("SELECT m_time FROM auth", "rows"),
        ("SELECT count(*) FROM auth", "figures"),
        ("SELECT DISTINCT m_user FROM auth", "groups"),
        ("SELECT date_trunc('hour', m_time) AS t, count(*) FROM auth GROUP BY 1", "course"),
        ("SELECT m_user FROM auth INTERSECT SELECT m_user FROM auth", "groups"),
    ],
)
def test_a_statement_has_a_form(features, sql, form):
    assert features(sql).form == form


def test_an_answer_is_measured_against_the_nearest_of_gold(asked, features):
    today = "m_time >= date_trunc('day', $now) AND m_time < $now"
    near = features(f"SELECT m_time FROM auth WHERE m_action = 'login' AND m_outcome = 'failure' AND {today}")
    far = features(f"SELECT count(*) FROM okta_system WHERE {today}")
    found = features(f"SELECT m_time FROM auth WHERE m_action = 'login' AND {today}")
    measured = asked("ask_features").alike([far, near], found)
    assert measured == {"tables": 1.0, "columns": 0.5, "values": 0.5, "period": 1.0, "form": 1.0}


def test_every_question_has_gold_or_must_not_be_answered_and_every_id_is_one(asked):
    questions = asked("ask_questions")
    found = [each for name in questions.names() for each in questions.read(name)]
    assert [each.id for each in found if bool(each.sql) == bool(each.expect)] == []
    assert len({each.id for each in found}) == len(found)
    assert len({each.question for each in found if not each.follows}) >= 0.99 * len(
        [each for each in found if not each.follows]
    )


@pytest.fixture(scope="module")
def keywords(asked):
    schema = Schema.of(LogTypes.load(), {"aws_cloudtrail", "okta_system", "github_audit"})
    return asked("ask_baseline").Keywords(schema)


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Show failed logins in the last 24 hours", ["FROM auth", "m_outcome = 'failure'", "INTERVAL 24 hour"]),
        ("How many GitHub audit events were there yesterday?", ["count(*)", "FROM github_audit", "INTERVAL 1 DAY"]),
        ("Top 3 users by failed logins this week", ["m_user", "LIMIT 3", "date_trunc('week'"]),
    ],
)
def test_the_reference_answers_what_its_templates_are_for(keywords, question, parts):
    sql = keywords.sql(question)
    assert [each for each in parts if each not in sql] == []


def test_the_reference_changes_nothing(keywords):
    assert keywords.sql("drop the table auth") is None


def test_scores_count_by_set_system_and_shape(asked):
    scores, judging = asked("ask_scores"), asked("ask_judge")
    question = asked("ask_questions").Question
    known = question("x1", "list", "a", ("SELECT 1",), canonical=True)
    missed = question("x2", "count", "b", ("SELECT 1",), canonical=False)
    near = {"valid": 1.0, "tables": 1.0, "columns": 0.5, "values": 0.5, "period": 1.0, "form": 0.0}
    verdicts = [judging.Verdict(known, "right", "", near), judging.Verdict(missed, "abstained", "unknown words")]
    made = scores.Scores("set", {scores.OURS: verdicts})
    assert "| set | parser | 2 | 1 (50 %) | 0 (0 %) | 1 (50 %) |" in scores.table_of_sets([made])
    assert "| set: paraphrases | parser | 1 | 0 (0 %) | 0 (0 %) | 1 (100 %) |" in scores.table_of_sets([made])
    assert "| set | parser | 1 | 100 % | 100 % | 50 % | 50 % | 100 % | 0 % |" in scores.table_of_measures([made])
    assert "| count | 0 | 0 | 1 |" in scores.table_of_parts([made], "shape")
    assert [each["id"] for each in made.as_json()["misses"]] == ["x2"]
    assert list(scores.misses([made])) == ["x2 abstained: b\n      unknown words"]
