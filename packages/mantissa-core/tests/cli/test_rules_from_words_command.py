"""``mantissa ask --rule``, ``--playbook``, ``questions save-as-rule``, ``schedule`` and ``unschedule``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import yaml

from .conftest import documents, write_lines

QUESTION = "acme events of amara in the last 24 hours"


def _line(number, actor="amara"):
    at = datetime.now(UTC) - timedelta(minutes=5, seconds=-number)
    return {"key": f"k{number}", "at": at.isoformat(), "verb": "open", "actor": actor, "address": "192.0.2.1"}


@pytest.fixture
def asked(mantissa_at, home):
    """The command line on an instance with an event."""
    write_lines(home / "incoming" / "a.ndjson", _line(0, "lin"))
    assert mantissa_at("collect").exit_code == 0
    return mantissa_at


def _ask_rule(asked, *arguments):
    return asked("ask", "--rule", "acme events of amara more than 2 times in 10 minutes, high severity", *arguments)


def test_a_rule_is_printed_with_what_was_understood_beside_it(asked):
    result = _ask_rule(asked)
    assert result.exit_code == 0, result.output
    main, below = yaml.safe_load_all(result.stdout)
    assert (main["level"], main["correlation"]["condition"]) == ("high", {"gt": 2})
    assert below["logsource"] == {"product": "acme"}
    assert "Fires on more than 2 events within 10m" in result.stderr
    assert "assumed: counted over everybody together" in result.stderr
    assert "tests passed. Save it with its tests: --save NAME." in result.stderr


def test_a_saved_rule_passes_its_tests_and_alerts(asked, home):
    result = _ask_rule(asked, "--save", "amara_often")
    assert result.exit_code == 0, result.output
    assert (home / "rules" / "amara_often.yml").is_file()
    assert "amara_often.yml" in result.stderr
    tests = asked("rules", "test", str(home / "rules" / "amara_often.yml"))
    assert (tests.exit_code, ", 0 failed." in tests.output) == (0, True)
    assert asked("detect").exit_code == 0
    write_lines(home / "incoming" / "b.ndjson", _line(1), _line(2))
    asked("collect")
    assert "0 new alerts" in asked("detect").output
    write_lines(home / "incoming" / "c.ndjson", _line(3))
    asked("collect")
    assert "1 new alert" in asked("detect").output
    (entry,) = [each for each in documents(asked("--json", "audit")) if each["action"] == "saved"]
    assert entry["file"] == "amara_often.yml"
    again = _ask_rule(asked, "--save", "other")
    assert again.exit_code == 2
    assert "is there already" in again.output


def test_a_file_that_is_there_is_not_replaced(asked, home):
    file = home / "mine.yml"
    file.write_text("title: mine\n")
    result = _ask_rule(asked, "--output", str(file))
    assert result.exit_code == 2
    assert file.read_text() == "title: mine\n"


def test_no_rule_ends_with_2_and_says_why(asked):
    result = asked("ask", "--rule", "acme events today compared with yesterday")
    assert result.exit_code == 2
    assert "No rule: a rule does not compare two periods: save it" in result.stderr
    document = documents(asked("--json", "ask", "--rule", "what is the weather"))
    assert (document["status"], "weather" in document["reason"]) == ("abstained", True)


def test_json_has_the_rule_and_its_tests(asked):
    document = documents(asked("--json", "ask", "--rule", "--sql", "acme events of amara"))
    assert (document["status"], document["kind"], document["file"]) == ("succeeded", "sql", None)
    assert "$window_start" in yaml.safe_load(document["rule"])["query"]
    assert yaml.safe_load(document["tests"])["tests"][0]["match"] is True


@pytest.mark.parametrize(
    "arguments",
    [["--rule"], ["--sql", "acme events"], ["--rule", "--playbook", "x"], ["--playbook", "--save", "x", "y"],
     ["--rule", "--save", "a", "-o", "b.yml", "acme events"]],
    ids=["no words", "sql alone", "both", "playbook saved", "two places"],
)  # fmt: skip
def test_options_that_do_not_go_together_are_refused(asked, arguments):
    assert asked("ask", *arguments).exit_code == 2


def test_a_playbook_needs_a_module(asked):
    result = asked("ask", "--playbook", "when acme events of amara happen, notify the team")
    assert result.exit_code == 2
    assert "No playbook: no installed module writes playbooks." in result.stderr


def test_a_saved_question_becomes_a_rule(asked, home):
    assert asked("ask", QUESTION, "--save", "amaras").exit_code == 0
    printed = asked("questions", "save-as-rule", "amaras", "--print")
    assert yaml.safe_load(printed.stdout)["detection"]["condition"]
    assert not (home / "rules" / "amaras.yml").exists()
    saved = asked("questions", "save-as-rule", "amaras", "--schedule", "rate(30 minutes)")
    assert saved.exit_code == 0, saved.output
    assert yaml.safe_load((home / "rules" / "amaras.yml").read_text())["schedule_expression"] == "rate(30 minutes)"
    assert asked("questions", "save-as-rule", "nothing").exit_code == 2


def test_a_saved_question_is_scheduled_shown_and_unscheduled(asked, home):
    asked("ask", QUESTION, "--save", "daily")
    scheduled = asked("questions", "schedule", "daily", "--cron", "0 8 * * *", "--zone", "Europe/Berlin", "--to", "log")
    assert scheduled.exit_code == 0, scheduled.output
    assert "told to log, the first time at" in scheduled.stderr
    (listed,) = documents(asked("--json", "questions", "list"))
    assert (listed["report"]["cron"], listed["report"]["to"]) == ("0 8 * * *", ["log"])
    assert "0 8 * * * Europe/Berlin to log" in " ".join(asked("questions", "list").output.split())
    unknown = asked("questions", "schedule", "daily", "--cron", "0 8 * * *", "--to", "nobody")
    assert unknown.exit_code == 2
    assert "'nobody' is no enabled sink (there are: log)" in unknown.output
    file = home / "mantissa.toml"
    file.write_text(file.read_text().replace("[sinks.log]", "[sinks.renamed]"))
    doctor = asked("doctor")
    assert "no sink log: configure it" in " ".join(doctor.output.split())
    assert asked("questions", "unschedule", "daily").exit_code == 0
    assert documents(asked("--json", "questions", "list"))[0]["report"] is None
    assert asked("questions", "unschedule", "daily").exit_code == 2
