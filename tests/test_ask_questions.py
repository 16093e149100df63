"""Questions in plain English over a small simulated lake, compared by result with SQL that was written for them."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest
from mantissa_core import Runtime
from mantissa_core.ask.parse import Abstained, parse

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


def _module(name):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def asked():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield _module("ask_lake"), _module("ask")
        for name in ("ask", "ask_accounts", "ask_draw", "ask_lake", "ask_services", "ask_sources", "record"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def judge(asked, tmp_path_factory):
    lake, ask = asked
    home = tmp_path_factory.mktemp("asked")
    lake.build(home, events=2_000)
    with Runtime.open({"home": str(home), "lake": lake.SETTINGS}) as runtime:
        yield ask.Judge(runtime)


MUST_SHOW = range(6)
"""The first questions of the canonical ones."""


@pytest.mark.parametrize("number", MUST_SHOW)
def test_what_must_be_shown_is_right_by_result(asked, judge, number):
    question = asked[1].read("canonical")[number]
    found = judge.judge(question)
    assert found.verdict == "right", f"{question.question}: {found.why}"
    assert any(judge.gold(sql) for sql in question.sql), "the question is about rows that are there"


@pytest.mark.parametrize("name", ["canonical", "voices", "follow_ups", "abstain"])
def test_a_sample_of_each_set_is_answered_rightly_or_not_at_all(asked, judge, name):
    questions = asked[1].read(name)[::7]
    verdicts = [judge.judge(each) for each in questions]
    assert [(each.question.question, each.why) for each in verdicts if each.verdict == "wrong"] == []
    assert sum(each.verdict == "right" for each in verdicts) >= 0.8 * len(questions)


def test_the_comparison_sees_a_wrong_answer(asked, judge):
    question = asked[1].Question("x", "count", "How many failed logins were there today?", ("SELECT -1 AS n",))
    assert judge.judge(question).verdict == "wrong"


def test_the_comparison_wants_all_rows_and_no_others(asked):
    same = asked[1].same
    gold = [{"user": "amara", "n": 2}, {"user": "lin", "n": 1}]
    assert same(gold, [{"n": 1, "who": "lin", "more": True}, {"n": 2, "who": "amara", "more": True}])
    assert not same(gold, [{"n": 2, "who": "lin"}, {"n": 1, "who": "amara"}])
    assert not same(gold, [*gold, {"user": "noor", "n": 1}])
    assert not same(gold, gold[::-1], ranked=True)


@pytest.mark.parametrize(
    ("question", "column", "value"),
    [
        ("access denied calls in aws today", "errorCode", "AccessDenied"),
        ("flow logs deleted in the last 30 days", "eventName", "DeleteFlowLogs"),
        ("refused pushes this week", "eventType", "user.mfa.okta_verify.deny_push"),
    ],
)
def test_log_types_bring_phrases_of_their_own(asked, judge, question, column, value):
    answer = parse(question, judge.schema, asked[1].NOW)
    assert not isinstance(answer, Abstained), answer.reason
    [condition] = answer.plan.filters
    assert condition.field == column
    assert value == condition.value or value in condition.value


READ_FROM = {"cloudtrail": {"aws_cloudtrail", "cloud_change", "auth"}, "okta": {"okta_system", "auth"}}


@pytest.mark.skipif("MANTISSA_TEST_DATA" not in os.environ, reason="MANTISSA_TEST_DATA is not set")
def test_questions_of_others_are_read_from_their_source_or_not_answered(asked, judge):
    lines = (Path(os.environ["MANTISSA_TEST_DATA"]) / "nl-questions.jsonl").read_text("utf-8").splitlines()
    plans, misread = {}, []
    for each in map(json.loads, lines):
        answer = parse(each["question"], judge.schema, asked[1].NOW, previous=plans.get(each["follows"]))
        if isinstance(answer, Abstained):
            continue
        plans[each["id"]] = answer.plan
        if answer.plan.source not in set().union(*(READ_FROM.get(table, set()) for table in each["tables"])):
            misread.append((each["question"], answer.explanation))
    assert misread == []
    assert len(plans) >= 9
