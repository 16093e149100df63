"""The words of every installed log type together: no phrase means another log's event, and none breaks the others."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import pytest
from mantissa_core.ask.parse import Abstained, Understood, parse
from mantissa_core.ask.parse.tokens import stem
from mantissa_core.ask.plan import Compare
from mantissa_core.ask.schema import Schema
from mantissa_core.model.log_type import Column, LogType
from mantissa_core.parse.log_types import LogTypes

NOW = datetime(2026, 1, 20, 18, tzinfo=UTC)
CODE = LogType(
    name="acme.code",
    title="Acme code",
    columns=(Column(path="action"), Column(path="level", type="int64"), Column(path="repo", synonyms=("repository",))),
    asked=(
        {"phrases": ["repository created"], "when": {"action": "repo.create"}},
        {"phrases": ["repository deleted"], "when": {"action": "repo.destroy"}},
        {"phrases": ["branch protection disabled"], "when": {"action": "protection.off"}},
        {"phrases": ["protection event"], "when": {"action": "protection.*"}},
        {"phrases": ["anything about organizations"], "when": {"action": "*org*"}},
        {"phrases": ["ended event"], "when": {"action": "*.end"}},
    ),
)
SCHEMA = Schema.of([CODE], {CODE.table})


@cache
def everything() -> Schema:
    log_types = list(LogTypes.load())
    return Schema.of(log_types, {each.table for each in log_types})


def conditions(question: str) -> list[tuple[str, str, object]]:
    answer = parse(question, SCHEMA, NOW)
    assert isinstance(answer, Understood), answer
    return [(each.field, each.op, each.value) for each in answer.plan.filters if isinstance(each, Compare)]


def test_among_all_logs_a_phrase_means_its_own_event_or_the_question_must_name_the_log() -> None:
    wrong = []
    for table in everything().tables.values():
        for asked in table.asked:
            for phrase in asked.phrases:
                answer = parse(f"show {phrase} today", everything(), NOW)
                if isinstance(answer, Abstained):
                    if "name one" not in answer.reason:
                        wrong.append((table.name, phrase, answer.reason))
                elif (answer.plan.source, answer.plan.filters) != (table.name, asked.filters):
                    wrong.append((table.name, phrase, answer.explanation))
    assert not wrong


def test_a_phrase_that_several_logs_have_is_answered_from_the_one_that_is_named() -> None:
    titles = {name: each.title for name, each in everything().tables.items()}
    wrong = []
    for table in everything().tables.values():
        for phrase in (phrase for asked in table.asked for phrase in asked.phrases):
            answer = parse(f"show {phrase} today", everything(), NOW)
            if isinstance(answer, Abstained):
                named = parse(f"show {phrase} today in {titles[table.name]}", everything(), NOW)
                if not isinstance(named, Understood) or named.plan.source != table.name:
                    wrong.append((table.name, phrase, named))
    assert not wrong


@pytest.mark.parametrize(
    "said",
    [
        "repositories deleted", "deleted repos", "repositories that were wiped", "who nuked the repository",
        "removal of the repo", "did anyone get rid of a repository", "repos being torn down", "destroying repositories",
        "was any repository erased",
    ],
)  # fmt: skip
def test_every_verb_for_deleting_deletes(said: str) -> None:
    assert conditions(f"{said} today") == [("action", "eq", "repo.destroy")]


@pytest.mark.parametrize(
    "said",
    [
        "branch protection turned off", "turned off branch protection", "turned branch protection off",
        "switching branch protection off",
    ],
)  # fmt: skip
def test_split_verbs_are_put_together(said: str) -> None:
    assert conditions(f"{said} today") == [("action", "eq", "protection.off")]


def test_a_star_is_a_beginning_an_end_or_a_part() -> None:
    assert conditions("protection events today") == [("action", "starts", "protection.")]
    assert conditions("anything about organisations today") == [("action", "contains", "org")]
    assert conditions("ended events today") == [("action", "ends", ".end")]


def test_words_are_spelled_as_in_america_and_promises_are_left_alone() -> None:
    assert [stem(each) for each in ("organisations", "authorised", "promised", "precise", "exercise")] == [
        "organization", "authorized", "promised", "precise", "exercise",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "question",
    [
        "repositories wyped today",
        "did the interns wipe something",
        "repository adoption this week",
        "frobnicated repos",
    ],
)
def test_suggestions_can_be_asked(question: str) -> None:
    answer = parse(question, SCHEMA, NOW)
    assert isinstance(answer, Abstained)
    assert answer.suggestions
    for each in answer.suggestions:
        assert isinstance(parse(each, SCHEMA, NOW), Understood), each


def test_suggestions_keep_the_time_and_the_nouns_of_the_question() -> None:
    answer = parse("repository adoption last month", SCHEMA, NOW)
    assert isinstance(answer, Abstained)
    assert "repository created last month" in answer.suggestions


def test_of_several_logs_each_is_suggested() -> None:
    other = CODE.model_copy(update={"name": "acme.forge", "title": "Acme forge"})
    answer = parse("repositories deleted today", Schema.of([CODE, other], {CODE.table, other.table}), NOW)
    assert isinstance(answer, Abstained)
    assert answer.suggestions[:2] == (
        "repositories deleted today in Acme code",
        "repositories deleted today in Acme forge",
    )


def test_somebody_s_things_are_theirs() -> None:
    answer = parse("rowan's repositories created today", SCHEMA, NOW)
    assert isinstance(answer, Understood)
    assert "rowan" in answer.explanation


def test_what_somebody_did_is_theirs() -> None:
    answer = parse("everything that rowan did today", SCHEMA, NOW)
    assert isinstance(answer, Understood)
    assert "rowan" in answer.explanation


def test_a_name_behind_a_word_is_the_column_s_value() -> None:
    assert ("repo", "eq", "kettle/site") in conditions("events of the repository kettle/site today")


def test_a_log_s_name_may_stand_within_a_phrase() -> None:
    assert conditions("deleted Acme code repositories today") == [("action", "eq", "repo.destroy")]


@pytest.mark.parametrize("said", ["sign-ins", "signins", "logons", "signing in", "log-ons"])
def test_signing_in_is_logging_in(said: str) -> None:
    log_type = LogType(name="acme.door", title="Acme door", columns=(Column(path="x"),), views=("auth",))
    answer = parse(f"show {said} today", Schema.of([log_type], {log_type.table}), NOW)
    assert isinstance(answer, Understood)
    assert answer.plan.filters == (Compare(field="m_action", value="login"),)


def test_bounds_of_numbers_are_conditions() -> None:
    asked = ({"phrases": ["medium thing"], "when": {"level": ">=4 <7"}},)
    log_type = LogType.model_validate({**CODE.model_dump(), "asked": asked})
    answer = parse("medium things today", Schema.of([log_type], {log_type.table}), NOW)
    assert isinstance(answer, Understood)
    assert answer.plan.filters == (
        Compare(field="level", op="ge", value=4),
        Compare(field="level", op="lt", value=7),
    )


def test_a_second_verb_is_about_the_same_noun() -> None:
    answer = parse("show repositories created or deleted today", SCHEMA, NOW)
    assert isinstance(answer, Understood)
    assert "'repo.create' or action is 'repo.destroy'" in answer.explanation


def test_what_was_changed_by_users_is_what_is_asked_for() -> None:
    answer = parse("which repositories were deleted by users today?", SCHEMA, NOW)
    assert isinstance(answer, Understood)
    assert [each.field for each in answer.plan.groups] == ["repo"]


def test_a_log_is_narrower_than_the_view_that_holds_it() -> None:
    pytest.importorskip("mantissa_aws")  # its flow logs are below the view "network"
    answer = parse("rejected VPC connections per hour today", everything(), NOW)
    assert isinstance(answer, Understood), answer
    assert answer.plan.source == "aws_vpc_flow"
