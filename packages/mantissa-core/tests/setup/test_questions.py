from __future__ import annotations

import pytest
from mantissa_core.errors import ConfigError, PluginError
from mantissa_core.setup.answer import answer, table_entry
from mantissa_core.setup.question import Question, questions
from mantissa_core.setup.sink_types import matching, new_label, sink_types

SEVERITIES = ("informational", "low", "medium", "high", "critical")


def test_a_question_for_each_setting_the_required_ones_first() -> None:
    asked = questions("acme.tickets")
    assert asked == [
        Question("token", "The API token, as acme gives it.", "text", True, True, variables=("ACME_TOKEN",)),
        Question("project", "Where tickets go.", "text", True),
        Question("size", "How large.", "integer", default=3),
        Question("kind", "What they are.", "choice", default="task", choices=("bug", "task")),
        Question("quick", "Whether they are urgent.", "switch"),
        Question("watchers", "Who hears of them.", "list", default=[]),
        Question("priorities", "By severity.", "table", default={}, keys=SEVERITIES),
        Question("passwords", "Further ones.", "table", secret=True),
        Question("folder", "Where.", "path"),
        Question("factor", "How much.", "number", default=1.5),
        Question(
            "severity_filter",
            "Severities that go there; all by default.",
            "list",
            default=list(SEVERITIES),
            choices=SEVERITIES,
        ),
    ]


@pytest.mark.parametrize("sink", [each.name for each in sink_types() if each.name.startswith("core.")])
def test_every_built_in_sink_explains_each_of_its_settings(sink: str) -> None:
    assert all(each.help for each in questions(sink))


def test_a_sink_that_is_not_installed_has_no_questions() -> None:
    with pytest.raises(PluginError, match="is not installed"):
        questions("acme.unknown")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("project", " SEC ", "SEC"),
        ("token", "env:ACME", "env:ACME"),
        ("size", "12", 12),
        ("size", "env:SIZE", "env:SIZE"),
        ("factor", "2", 2.0),
        ("kind", "BUG", "bug"),
        ("quick", "Yes", True),
        ("quick", "off", False),
        ("watchers", "amara, lin,", ["amara", "lin"]),
        ("severity_filter", "high, Critical", ["high", "critical"]),
        ("priorities", "high=P1, low = P4", {"high": "P1", "low": "P4"}),
    ],
)
def test_an_answer_becomes_the_settings_type(name: str, text: str, value: object) -> None:
    [question] = [each for each in questions("acme.tickets") if each.name == name]
    assert answer(question, text) == value


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("size", "many", "a whole number"),
        ("factor", "", "a number"),
        ("kind", "epic", "one of bug, task"),
        ("quick", "perhaps", "yes or no"),
        ("severity_filter", "high, urgent", "one of informational, low"),
        ("priorities", "P1", "key=value"),
        ("priorities", "urgent=P1", "one of informational, low"),
    ],
)
def test_a_wrong_answer_is_told_with_what_would_be_right(name: str, text: str, expected: str) -> None:
    [question] = [each for each in questions("acme.tickets") if each.name == name]
    with pytest.raises(ConfigError, match=expected):
        answer(question, text)


def test_a_wrong_answer_that_is_a_secret_is_not_repeated() -> None:
    [question] = [each for each in questions("acme.tickets") if each.name == "passwords"]
    with pytest.raises(ConfigError) as caught:
        answer(question, "hunter2")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigError, match="as a whole"):
        table_entry(questions("acme.tickets")[0], "part", "x")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("acme", ["acme.tickets"]),
        ("ACME.Tickets", ["acme.tickets"]),
        ("tickets", ["acme.tickets"]),
        ("webhook", ["core.webhook"]),
        ("core", ["core.console", "core.file", "core.webhook"]),
        ("core.w", ["core.webhook"]),
    ],
)
def test_a_short_name_means_the_sinks_that_it_begins(text: str, names: list[str]) -> None:
    assert set(names) <= {each.name for each in matching(text)}
    if len(names) == 1:
        assert [each.name for each in matching(text)] == names


def test_a_name_that_nobody_has_is_told_with_one_that_comes_close() -> None:
    with pytest.raises(ConfigError, match=r"'acme'\?"):
        matching("acne")
    with pytest.raises(ConfigError, match=r"one of .*core\.webhook"):
        matching("")
    assert matching("acme")[0].about == "Opens a ticket for each alert."


def test_a_new_label_is_short_and_free() -> None:
    assert new_label("core.webhook", []) == "webhook"
    assert new_label("slack.bot", ["slack", "slack-2"]) == "slack-3"
