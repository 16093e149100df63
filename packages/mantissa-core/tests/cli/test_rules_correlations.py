"""Correlations on the command line: tested, tried on the history, measured, explained."""

from __future__ import annotations

import json

import pytest

from .conftest import documents, event, mantissa, write_lines

SPAN = ["--until", "2026-11-21", "--last", "7d"]
KNOCK = """
title: Knock
name: knock
id: 11111111-2f3c-4a53-9d7e-0d9f6f0c1a11
logsource: {product: acme}
detection: {s: {verb: knock}, condition: s}
"""
MANY = """
title: Many knocks
id: 22222222-2f3c-4a53-9d7e-0d9f6f0c1a11
level: high
correlation: {type: event_count, rules: [knock], group-by: [actor], timespan: 10s, condition: {gte: 5}}
"""
TESTS = """
tests:
  - name: five knocks
    match: true
    times: 1
    sequence: [{at: 0s, repeat: 5, every: 2s, event: {verb: knock, actor: alder}}]
"""
LEGACY = """
title: Former
id: 33333333-2f3c-4a53-9d7e-0d9f6f0c1a11
logsource: {product: acme}
detection: {s: {verb: knock}, timeframe: 10s, condition: s | count() by actor > 4}
"""


@pytest.fixture
def stored(home, mantissa_at):
    """Seven knocks in seven seconds by one user, and four by another; rules in two files that nobody has run."""
    (home / "rules" / "knock.yml").write_text(KNOCK)
    (home / "rules" / "many.yml").write_text(MANY)
    others = [event(100 + number, actor="birch") for number in range(4)]
    write_lines(home / "incoming" / "a.log", *(event(number) for number in range(7)), *others)
    assert mantissa_at("collect").exit_code == 0
    return mantissa_at


def test_sequences_are_counted_among_the_tests(home, mantissa_at):
    (home / "rules" / "many.yml").write_text(f"{MANY}---{KNOCK}")
    (home / "rules" / "many.tests.yml").write_text(TESTS)
    result = mantissa_at("rules", "test")
    assert (result.exit_code, result.output) == (0, "2 rules, 1 correlation; 3 tests, 0 failed.\n")
    result = mantissa_at("rules", "test", "--mutate")
    assert "Many knocks: 2 of 5 changes go unnoticed\n  timespan doubled\n  group-by dropped: actor" in result.output


def test_a_wrong_expectation_fails_with_the_sequence_and_what_was_missing(home, mantissa_at):
    (home / "rules" / "former.yml").write_text(LEGACY)
    (home / "rules" / "former.tests.yml").write_text(TESTS.replace("repeat: 5", "repeat: 4"))
    result = mantissa_at("rules", "test", "33333333")
    assert result.exit_code == 1
    assert result.output.splitlines()[1:-2] == [
        "  Former: 'five knocks' must fire 1 time, but it does not",
        "          0s  Former: matches (actor=alder)",
        "          2s  Former: matches (actor=alder)",
        "          4s  Former: matches (actor=alder)",
        "          6s  Former: matches (actor=alder)",
        "    needs more than 4 within 10s by actor",
        "    actor=alder: at best 4 at 6s, needs more than 4",
    ]
    (failed,) = documents(mantissa_at("--json", "rules", "test", "33333333"))["failed"]
    assert (failed["expected"], failed["times"], failed["got"], failed["problem"]) == (True, 1, [], "")


def test_a_file_may_refer_to_rules_of_the_instance_and_without_one_the_reference_is_broken(
    home, stored, tmp_path, monkeypatch
):
    draft = tmp_path / "draft.yml"
    draft.write_text(MANY.replace("22222222", "44444444").replace("gte: 5", "gte: 7"))
    found = documents(stored("--json", "rules", "backtest", str(draft), *SPAN))
    assert {each["title"]: each["matches"] for each in found} == {"Many knocks": 1, "Knock": 11}
    monkeypatch.chdir(tmp_path)
    result = mantissa("rules", "test", str(draft))
    assert (result.exit_code, "'knock' is neither id nor name of a rule that loaded" in result.output) == (1, True)


def test_a_backtest_counts_what_detection_then_finds(stored):
    found = {each["title"]: each for each in documents(stored("--json", "rules", "backtest", *SPAN))}
    many = found["Many knocks"]
    assert (many["matches"], many["alerts"], many["days"], many["users"]) == (3, 1, {"2026-11-20": 3}, {"alder": 3})
    assert (found["Knock"]["matches"], found["Knock"]["alerts"]) == (11, 0)
    result = stored("rules", "backtest", "22222222", *SPAN)
    assert result.output.splitlines()[0] == "Many knocks: 3 matches, 1 alert"
    assert result.output.splitlines()[-1] == "rests on Knock: 11 matches"
    detected = documents(stored("--json", "detect"))
    assert (detected["signals"], len(detected["opened"])) == (14, 1)


def test_a_diff_names_the_events_that_complete_a_correlation(home, stored, tmp_path):
    new = tmp_path / "new"
    new.mkdir()
    (new / "knock.yml").write_text(KNOCK)
    (new / "many.yml").write_text(MANY.replace("gte: 5", "gte: 6"))
    result = stored("--json", "rules", "diff", str(home / "rules"), str(new), *SPAN)
    found = {each["title"]: each for each in documents(result)}
    many = found["Many knocks"]
    assert (many["change"], many["before"], many["after"], many["disappear"]) == ("changed", 3, 2, 1)
    (gone,) = many["disappearing"]
    rows = documents(stored("--json", "query", f"SELECT key FROM acme_audit WHERE m_id = '{gone}'"))["rows"]
    assert rows == [{"key": "k4"}]


def test_a_profile_has_time_and_matches_of_correlations(home, stored):
    costs = {each["title"]: each for each in documents(stored("--json", "rules", "profile", *SPAN))["rules"]}
    assert (costs["Many knocks"]["events"], costs["Many knocks"]["matches"]) == (11, 3)
    assert costs["Many knocks"]["seconds"] > 0
    file = write_lines(home / "some.log", *(event(number) for number in range(5)))
    result = stored("--json", "rules", "profile", "--file", str(file), "--type", "acme.audit")
    costs = {each["title"]: each for each in documents(result)["rules"]}
    assert (costs["Many knocks"]["events"], costs["Many knocks"]["matches"]) == (5, 1)


def test_explain_says_how_near_each_group_came_in_the_stored_events(stored):
    result = stored("rules", "explain", "22222222", *SPAN)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "Many knocks: fires 3 times",
        "  needs at least 5 within 10s by actor",
        "  actor=alder: fires at 2026-11-20 10:00:04, 2026-11-20 10:00:05, 2026-11-20 10:00:06",
        "  actor=birch: at best 4 at 2026-11-20 10:01:43, needs at least 5",
    ]
    found = documents(stored("--json", "rules", "explain", "22222222", *SPAN))
    assert (found["matched"], found["results"], found["needs"], found["timespan"]) == (True, 3, "at least 5", 10)
    assert [(each["group"], each["measure"], len(each["fired"])) for each in found["groups"]] == [
        ({"actor": "alder"}, 7, 3),
        ({"actor": "birch"}, 4, 0),
    ]


@pytest.mark.parametrize("whole", [True, False])
def test_explain_takes_events_of_a_file(stored, whole):
    events = [event(number) for number in range(4)]
    text = json.dumps(events) if whole else "\n".join(map(json.dumps, events))
    result = stored("rules", "explain", "22222222", "--event", "-", input=text)
    assert result.exit_code == 1
    assert "actor=alder: at best 4 at 2026-11-20 10:00:03, needs at least 5" in result.output
    assert stored("rules", "explain", "22222222", "--event", "-", input="[1]").exit_code == 2
    assert stored("rules", "explain", "22222222", "--event", "-", input="{").exit_code == 2
    assert stored("rules", "explain", "22222222", "--id", "x").exit_code == 2
