"""Questions in plain English over small simulated lakes, compared by result with SQL that was written for them."""

from __future__ import annotations

import importlib
import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from mantissa_core.ask.compile import compile_plan
from mantissa_core.ask.parse import Abstained, Understood, parse

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
EVENTS = 2_000


@pytest.fixture(scope="module")
def asked():
    """Imports modules of the benchmark, whose names are nobody else's afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module
    for name in [each for each in sys.modules if each.startswith("ask_") or each == "ask"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def questions(asked):
    return asked("ask_questions")


@pytest.fixture(scope="module")
def judge(asked):
    with asked("ask_judge").judge(wide=False, events=EVENTS) as judge:
        yield judge


@pytest.fixture(scope="module")
def wide(asked):
    with asked("ask_judge").judge(wide=True, events=EVENTS) as judge:
        yield judge


MUST_SHOW = range(6)
"""The first questions of the canonical ones."""


@pytest.mark.parametrize("number", MUST_SHOW)
def test_what_must_be_shown_is_right_by_result(questions, judge, number):
    question = questions.read("canonical")[number]
    found = judge.judge(question)
    assert found.verdict == "right", f"{question.question}: {found.why}"
    assert any(judge.gold_rows(sql) for sql in question.sql), "the question is about rows that are there"


def mistaken(plan, shape):
    """Plans that differ from this one by one mistake that must show in the result."""
    for each in plan.filters:
        yield f"without {each}", plan.model_copy(update={"filters": tuple(x for x in plan.filters if x != each)})
    if plan.baseline:
        yield "without what was before", plan.model_copy(update={"baseline": None})
    if shape != "last":
        wider = plan.period.model_copy(update={"lo": plan.period.lo - timedelta(days=400)})
        yield "from ever", plan.model_copy(update={"period": wider})
    later = plan.period.model_copy(update={"hi": plan.period.hi + timedelta(days=1)})
    if shape not in ("last", "new"):  # nobody is root, or at a new address, in the hours that are left of the day
        yield "until tomorrow", plan.model_copy(update={"period": later})


@pytest.mark.parametrize("number", MUST_SHOW)
def test_what_must_be_shown_would_be_wrong_with_one_mistake(asked, questions, judge, number):
    question = questions.read("canonical")[number]
    understood = parse(question.question, judge.schema, asked("ask_draw").NOW)
    assert isinstance(understood, Understood)
    reading = asked("ask_judge").Reading
    made = list(mistaken(understood.plan, question.shape))
    assert made
    unseen = []
    for what, plan in made:
        sql = compile_plan(plan, judge.schema.table(plan.source))
        if judge.judge(question, lambda _, sql=sql: reading(sql)).verdict == "right":
            unseen.append(what)
    assert unseen == []


@pytest.mark.parametrize("name", ["canonical", "voices", "follow_ups", "abstain"])
def test_a_sample_of_each_set_is_answered_rightly_or_not_at_all(questions, judge, name):
    sample = questions.read(name)[::7]
    verdicts = [judge.judge(each) for each in sample]
    assert [(each.question.question, each.why) for each in verdicts if each.verdict == "wrong"] == []
    assert sum(each.verdict == "right" for each in verdicts) >= 0.8 * len(sample)


@pytest.mark.parametrize("name", ["everyday", "abstain"])
def test_what_must_not_be_answered_is_not_with_more_sources_either(questions, wide, name):
    # What the narrow lake does not have the wide one may.
    must_not = [each for each in questions.read(name) if each.expect and (name, each.shape) != ("abstain", "absent")]
    assert must_not
    verdicts = [wide.judge(each) for each in must_not]
    assert [(each.question.question, each.why) for each in verdicts if each.verdict == "wrong"] == []


def test_the_gold_of_everyday_questions_finds_rows_that_not_every_question_finds(questions, wide):
    known = [each for each in questions.read("everyday") if each.sql][::3]
    found = {each.id: [wide.gold_rows(sql) for sql in each.sql] for each in known}
    assert [number for number, results in found.items() if not all(results)] == []
    assert len({str(results[0]) for results in found.values()}) >= 0.9 * len(known)


@pytest.mark.parametrize(
    ("question", "column", "value"),
    [
        ("access denied calls in aws today", "errorCode", "AccessDenied"),
        ("flow logs deleted in the last 30 days", "eventName", "DeleteFlowLogs"),
        ("refused pushes this week", "eventType", "user.mfa.okta_verify.deny_push"),
    ],
)
def test_log_types_bring_phrases_of_their_own(asked, judge, question, column, value):
    answer = parse(question, judge.schema, asked("ask_draw").NOW)
    assert not isinstance(answer, Abstained), answer.reason
    [condition] = answer.plan.filters
    assert condition.field == column
    assert value == condition.value or value in condition.value


WRONG_OF_OTHERS = 6
"""How many there were when this was written; less is better."""


@pytest.mark.skipif("MANTISSA_TEST_DATA" not in os.environ, reason="MANTISSA_TEST_DATA is not set")
def test_questions_of_others_are_answered_rightly_or_not_at_all(questions, wide):
    verdicts = [wide.judge(each) for each in questions.others(Path(os.environ["MANTISSA_TEST_DATA"]))]
    wrong = [(each.question.question, each.why) for each in verdicts if each.verdict == "wrong"]
    assert len(wrong) <= WRONG_OF_OTHERS, wrong
    assert sum(each.verdict == "right" for each in verdicts) >= 15
