"""Tuning rules on the command line: on events of a file, and on those of a lake."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .conftest import RULE, RULE_TESTS, documents, event, mantissa, write_lines

VAULT = "6a4a1b8e"
UNTIL = ["--until", "2026-11-21", "--last", "7d"]
MUTE = RULE.replace("6a4a1b8e", "7b5b2c9f").replace("Vault opened", "Never seen").replace("open_vault", "never")


@pytest.fixture
def stored(home, mantissa_at):
    """An instance with stored events that no rule has seen: 40 knocks, and three opened vaults of two users."""
    noise = [event(number) for number in range(40)]
    opened = [event(100, "open_vault"), event(101, "open_vault"), event(900, "open_vault", actor="birch")]
    write_lines(home / "incoming" / "a.log", *noise, *opened)
    assert mantissa_at("collect").exit_code == 0
    return mantissa_at


def _event_file(path: Path, **fields: object) -> str:
    path.write_text(json.dumps(event(1, **fields)))
    return str(path)


def test_explain_shows_the_tree_for_an_event_of_a_file_or_of_standard_input(home, mantissa_at, tmp_path):
    result = mantissa_at("rules", "explain", VAULT, "--event", _event_file(tmp_path / "e.json", verb="open_vault"))
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "Vault opened: matches (acme.audit)",
        "  ✓ verb eq open_vault: the event has open_vault",
    ]
    result = mantissa_at("--json", "rules", "explain", VAULT, "--event", "-", input=json.dumps(event(1)))
    assert result.exit_code == 1
    document = documents(result)
    assert (document["matched"], document["log_types"]["acme.audit"]["values"]) == (False, ["knock"])


def test_explain_finds_a_stored_event(stored):
    (row,) = documents(stored("--json", "query", "SELECT m_id FROM acme_audit WHERE actor = 'birch'"))["rows"]
    result = stored("rules", "explain", VAULT, "--id", row["m_id"])
    assert (result.exit_code, "✓ verb eq open_vault" in result.output) == (0, True)
    assert stored("rules", "explain", VAULT, "--id", "no-such-id").exit_code == 2


@pytest.mark.parametrize("words", [[], ["--event", "-", "--id", "x"]])
def test_explain_wants_exactly_one_event(mantissa_at, words):
    assert mantissa_at("rules", "explain", VAULT, *words).exit_code == 2


@pytest.mark.parametrize("text", ["{", "[]", '"x"'])
def test_explain_refuses_what_is_no_event(mantissa_at, text):
    assert mantissa_at("rules", "explain", VAULT, "--event", "-", input=text).exit_code == 2


def test_lint_reports_file_and_line_and_fails_where_asked(home, mantissa_at, monkeypatch):
    monkeypatch.chdir(home)
    result = mantissa_at("rules", "lint")
    assert result.exit_code == 0
    assert result.output.splitlines()[0] == (
        "rules/vault.yml:2: hint: no false positives: say who does this legitimately [no-falsepositives]"
    )
    assert mantissa_at("rules", "lint", "--fail-on", "hint").exit_code == 1
    assert documents(mantissa_at("--json", "rules", "lint", "--level", "warning")) == []


def test_lint_reports_what_one_check_finds(home, mantissa_at):
    assert documents(mantissa_at("--json", "rules", "lint", "--check", "no-tests")) == []
    [found] = documents(mantissa_at("--json", "rules", "lint", "--check", "no-falsepositives"))
    assert found["check"] == "no-falsepositives"


def test_a_long_list_of_problems_ends_with_a_tally(home, mantissa_at):
    for number in range(25):
        (home / "rules" / f"bad{number}.yml").write_text("title: [")
    lines = mantissa_at("rules", "lint").output.splitlines()
    tally = lines[lines.index("") + 1 :]
    assert any(line.split() == ["does-not-load", "error", "25"] for line in tally), tally


def test_lint_needs_no_instance_for_paths(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = documents(mantissa("--json", "rules", "lint", str(home / "rules")))
    assert {each["check"] for each in found} == {"no-log-type", "no-falsepositives"}
    (home / "rules" / "bad.yml").write_text("title: [")
    result = mantissa("rules", "lint", str(home / "rules"))
    assert (result.exit_code, "bad.yml:2: error: broken YAML" in result.output) == (1, True), result.output


def test_mutants_that_survive_are_listed_and_fail_the_command(home, mantissa_at):
    result = mantissa_at("rules", "test", "--mutate")
    assert (result.exit_code, "1 change to 1 rule, 0 that no test notices." in result.output) == (0, True)
    (home / "rules" / "vault.yml").write_text(RULE.replace("{verb: open_vault}", "{verb: open_vault, actor: alder}"))
    tests = RULE_TESTS.replace("verb: open_vault", "verb: open_vault, actor: alder")
    (home / "rules" / "vault.tests.yml").write_text(tests)
    result = mantissa_at("rules", "test", "--mutate")
    assert result.exit_code == 1
    for part in ("2 of 5 changes go unnoticed", "dropped: verb eq open_vault", "dropped: actor eq alder"):
        assert part in result.output
    (mutation,) = documents(mantissa_at("--json", "rules", "test", "--mutate"))["mutations"]
    assert (mutation["tried"], len(mutation["survivors"])) == (5, 2)


def test_a_backtest_counts_what_detection_then_finds(home, stored):
    (home / "rules" / "mute.yml").write_text(MUTE)
    first, second = documents(stored("--json", "rules", "backtest", *UNTIL))
    assert (first["matches"], first["alerts"], first["days"]) == (3, 2, {"2026-11-20": 3})
    assert (first["users"], first["addresses"]) == ({"alder": 2, "birch": 1}, {"192.0.2.1": 3})
    assert (second["title"], second["matches"], second["alerts"]) == ("Never seen", 0, 0)
    detected = documents(stored("--json", "detect"))
    assert (detected["signals"], len(detected["opened"])) == (3, 2)


def test_a_backtest_stores_nothing_and_draws_days(stored):
    result = stored("rules", "backtest", VAULT, *UNTIL)
    for part in ("Vault opened: 3 matches, 2 alerts", "2026-11-20  ██", "alder (2), birch (1)"):
        assert part in result.output
    tables = [each["name"] for each in documents(stored("--json", "lake", "info"))["tables"]]
    assert tables == ["acme_audit"]
    assert "1 rule" not in stored("rules", "backtest", VAULT, "--until", "2026-11-20").output
    assert "0 matches" in stored("rules", "backtest", VAULT, "--until", "2026-11-20").output


def test_a_backtest_takes_rules_that_do_not_run_yet(home, stored, tmp_path):
    (tmp_path / "draft.yml").write_text(RULE.replace("6a4a", "6b4a").replace("open_vault", "knock"))
    (found,) = documents(stored("--json", "rules", "backtest", str(tmp_path / "draft.yml"), *UNTIL))
    assert found["matches"] == 40


@pytest.mark.parametrize("length", ["30", "d", "0d", "-1d", "1y"])
def test_lengths_of_time_are_checked(mantissa_at, length):
    assert mantissa_at("rules", "backtest", "--last", length).exit_code == 2


def test_a_difference_of_two_rule_sets_names_events(home, stored, tmp_path):
    shutil.copytree(home / "rules", tmp_path / "new")
    rule = tmp_path / "new" / "vault.yml"
    rule.write_text(RULE.replace("{verb: open_vault}", "{verb: open_vault, actor: birch}"))
    (found,) = documents(stored("--json", "rules", "diff", str(home / "rules"), str(tmp_path / "new"), *UNTIL))
    assert (found["change"], found["before"], found["after"], found["disappear"]) == ("changed", 3, 1, 2)
    result = stored("rules", "diff", str(home / "rules"), str(tmp_path / "new"), *UNTIL)
    assert "1 with other matches: 0 matches appear, 2 disappear." in result.output
    assert result.output.count("  - 6a4a1b8e ") == 2
    result = stored("rules", "diff", str(home / "rules"), str(home / "rules"), *UNTIL)
    assert "0 with other matches" in result.output


def test_profiles_count_events_and_give_reasons(home, stored):
    (home / "rules" / "slow.yml").write_text(MUTE.replace("{verb: never}", "{undeclared|re: n.ver}"))
    document = documents(stored("--json", "rules", "profile", *UNTIL))
    costs = {each["title"]: each for each in document["rules"]}
    assert (costs["Vault opened"]["events"], costs["Vault opened"]["matches"]) == (43, 3)
    assert (costs["Vault opened"]["pins"], costs["Vault opened"]["reasons"]) == (["verb eq open_vault"], [])
    assert (costs["Never seen"]["witness"], len(costs["Never seen"]["reasons"])) == (False, 3)
    result = stored("rules", "profile", *UNTIL)
    for part in ("2 rules on 43 events", "not declared, read from JSON text: undeclared", "NS/EVENT"):
        assert part in result.output


def test_a_profile_of_a_file_stores_nothing(mantissa_at, tmp_path):
    file = str(write_lines(tmp_path / "a.log", event(1), event(2, "open_vault"), "no event"))
    words = ["rules", "profile", "--file", file]
    (cost,) = documents(mantissa_at("--json", *words, "--type", "acme.audit"))["rules"]
    assert (cost["events"], cost["matches"]) == (2, 1)
    assert mantissa_at(*words).exit_code == 2
    assert mantissa_at(*words, "--type", "no.such").exit_code == 2
    assert documents(mantissa_at("--json", "lake", "info"))["tables"] == []


def test_coverage_is_printed_and_written(home, stored, tmp_path):
    files = ["--html", str(tmp_path / "c.html"), "--navigator", str(tmp_path / "n.json")]
    result = stored("rules", "coverage", "--last", "9999w", *files)
    assert "1 technique with rules, 1 with events too." in result.output
    assert "T1555" in (tmp_path / "c.html").read_text()
    assert json.loads((tmp_path / "n.json").read_text())["techniques"][0]["score"] == 1
    document = documents(stored("--json", "rules", "coverage", "--last", "9999w"))
    assert document["sources"] == [{"name": "acme.audit", "state": "live", "events": 43, "newest": "2026-11-20"}]


def test_a_source_without_events_is_told(mantissa_at):
    result = mantissa_at("rules", "coverage")
    assert "1 technique with rules, 0 with events too." in result.output
    assert "no events" in result.output


def test_rules_are_imported_shown_and_run(home, mantissa_at, tmp_path):
    tree = tmp_path / "theirs"
    write_lines(tree / "LICENSE", "MIT License")
    write_lines(tree / "rules" / "one.yml", RULE.replace("6a4a", "6b4a").replace("level", "status: stable\nlevel"))
    write_lines(tree / "rules" / "two.yml", RULE.replace("6a4a", "6c4a").replace("acme", "elsewhere"))
    into = home / "rules" / "theirs"
    result = mantissa_at("rules", "import", str(tree), "--into", str(into))
    assert result.exit_code == 0, result.output
    for part in ("+ rules/one.yml", "left out: 1 rule, log source not installed", "licence: MIT License"):
        assert part in result.output
    assert len(documents(mantissa_at("--json", "rules", "list"))) == 2
    again = documents(mantissa_at("--json", "rules", "import", str(tree), "--into", str(into), "--all"))
    assert (again["added"], again["unchanged"]) == (["rules/two.yml"], 2)
    only = documents(
        mantissa_at("--json", "rules", "import", str(tree), "--into", str(into), "--status", "test", "--dry-run")
    )
    assert only["removed"] == ["rules/one.yml", "rules/two.yml"]
    assert (into / "rules" / "one.yml").exists()
