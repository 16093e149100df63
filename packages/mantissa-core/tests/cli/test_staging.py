"""Rules on trial and filters, on the command line: what is recorded, what alerts, and what people are told of it."""

from __future__ import annotations

import json

import pytest
from mantissa_core.runtime import Runtime

from .conftest import RULE, documents, event, write_lines

VAULT = "6a4a1b8e"
FILTER_ID = "3f1c2a84-0f41-4b62-8a68-2f6f2f7b9c01"
VAULT_ID = "6a4a1b8e-2f3c-4a53-9d7e-0d9f6f0c1a11"
FILTER = """
title: The night watch opens the vault
id: 3f1c2a84-0f41-4b62-8a68-2f6f2f7b9c01
logsource: {product: acme}
filter:
  rules: [6a4a1b8e-2f3c-4a53-9d7e-0d9f6f0c1a11]
  watch: {actor: birch}
  condition: not watch
mantissa: {owner: vault-team, reason: It counts the coins., expires: 2999-12-31}
"""
CORRELATION = """
title: Vault opened twice
id: 7b5b2c9f-2f3c-4a53-9d7e-0d9f6f0c1a12
correlation:
  type: event_count
  rules: [6a4a1b8e-2f3c-4a53-9d7e-0d9f6f0c1a11]
  generate: true
  group-by: [verb]
  timespan: 1h
  condition: {gte: 2}
"""


@pytest.fixture
def opened(home):
    """Three opened vaults wait to be collected: one by birch."""
    write_lines(
        home / "incoming" / "a.log",
        event(100, "open_vault"),
        event(101, "open_vault"),
        event(900, "open_vault", actor="birch"),
    )
    return home


def detected(mantissa_at):
    assert mantissa_at("collect").exit_code == 0
    return documents(mantissa_at("--json", "detect"))


def signals(mantissa_at):
    rows = documents(mantissa_at("--json", "query", "SELECT disposition, suppressed_by FROM signals ORDER BY m_time"))
    return [(each["disposition"], each["suppressed_by"]) for each in rows["rows"]]


def test_a_rule_on_trial_records_signals_and_alerts_once_it_is_promoted(opened, mantissa_at):
    result = mantissa_at("rules", "shadow", VAULT, "--reason", "new here")
    assert result.output == "Vault opened: on trial from now on. It records signals and opens no alerts.\n"
    found = detected(mantissa_at)
    assert (found["signals"], found["opened"]) == (3, [])
    assert signals(mantissa_at) == [("shadow", None)] * 3
    result = mantissa_at("rules", "promote", VAULT)
    assert result.exit_code == 0, result.output
    assert "3 signals that would have been 2 alerts" in result.output
    write_lines(opened / "incoming" / "a.log", event(2000, "open_vault"))
    assert [each["count"] for each in detected(mantissa_at)["opened"]] == [1]


def test_a_second_trial_counts_from_its_own_beginning(opened, mantissa_at):
    mantissa_at("rules", "shadow", VAULT)
    detected(mantissa_at)
    mantissa_at("rules", "promote", VAULT)
    mantissa_at("rules", "shadow", VAULT)
    assert documents(mantissa_at("--json", "rules", "show", VAULT))["trial"]["signals"] == 0
    write_lines(opened / "incoming" / "a.log", event(2000, "open_vault"))
    assert detected(mantissa_at)["shadow"] == 1
    assert documents(mantissa_at("--json", "rules", "promote", VAULT))["trial"]["signals"] == 1


def test_the_file_may_put_a_rule_on_trial_and_a_command_wins_over_it(opened, mantissa_at):
    (opened / "rules" / "vault.yml").write_text(f"{RULE}mantissa: {{stage: shadow, owner: vault-team}}\n")
    shown = documents(mantissa_at("--json", "rules", "show", VAULT))
    assert (shown["stage"], shown["stage_set"], shown["owner"]) == ("shadow", None, "vault-team")
    assert detected(mantissa_at)["opened"] == []
    promoted = documents(mantissa_at("--json", "rules", "promote", VAULT, "--reason", "precise"))
    assert (promoted["stage"], promoted["stage_set"]["reason"]) == ("active", "precise")
    assert (promoted["trial"]["signals"], promoted["trial"]["alerts"]) == (3, 2)
    (listed,) = documents(mantissa_at("--json", "rules", "list"))
    assert (listed["stage"], listed["stage_set"]["reason"]) == ("active", "precise")
    write_lines(opened / "incoming" / "a.log", event(2000, "open_vault"))
    assert len(detected(mantissa_at)["opened"]) == 1


def test_a_running_instance_follows_a_command_of_another_process(opened, mantissa_at):
    with Runtime.open(opened) as runtime:
        assert len(list(runtime.collect())) == 1
        assert len(runtime.detect().opened) == 2
        assert mantissa_at("rules", "shadow", VAULT).exit_code == 0
        write_lines(opened / "incoming" / "a.log", event(2000, "open_vault"))
        assert len(list(runtime.collect())) == 1
        found = runtime.detect()
    assert ([each.disposition for each in found.signals], found.opened) == (["shadow"], [])


def test_lists_and_pages_say_which_rules_are_on_trial_and_why(home, mantissa_at):
    mantissa_at("rules", "shadow", VAULT, "--reason", "too loud")
    assert "(shadow)" in mantissa_at("rules", "list").output
    assert "1 rule, 1 on trial" in mantissa_at("rules", "list").output
    assert ": too loud" in mantissa_at("rules", "show", VAULT).output
    assert documents(mantissa_at("--json", "rules", "list", "--stage", "active")) == []
    assert len(documents(mantissa_at("--json", "rules", "list", "--stage", "shadow"))) == 1


@pytest.mark.parametrize("words", [["promote", VAULT], ["shadow", "nothing"], ["promote", "nothing"]])
def test_a_change_of_stage_that_changes_nothing_is_refused(home, mantissa_at, words):
    assert mantissa_at("rules", *words).exit_code == 2


def test_rules_on_trial_count_for_correlations_and_suppressed_matches_do_not(opened, mantissa_at):
    (opened / "rules" / "twice.yml").write_text(CORRELATION)
    (opened / "rules" / "watch.yml").write_text(FILTER)
    mantissa_at("rules", "shadow", VAULT)
    found = detected(mantissa_at)
    assert [each["rule_name"] for each in found["opened"]] == ["Vault opened twice"]
    wanted = [("shadow", None), ("shadow", None), (None, None), ("suppressed", FILTER_ID)]
    assert sorted(map(str, signals(mantissa_at))) == sorted(map(str, wanted))


def test_a_correlation_on_trial_records_its_results(opened, mantissa_at):
    (opened / "rules" / "twice.yml").write_text(f"{CORRELATION}mantissa: {{stage: shadow}}\n")
    found = detected(mantissa_at)
    assert {each["rule_name"] for each in found["opened"]} == {"Vault opened"}
    assert sorted(map(str, signals(mantissa_at))) == ["('shadow', None)"] * 2 + ["(None, None)"] * 3


def test_a_suppressed_signal_is_stored_counted_and_opens_no_alert(opened, mantissa_at):
    (opened / "rules" / "watch.yml").write_text(FILTER)
    found = detected(mantissa_at)
    assert [each["count"] for each in found["opened"]] == [2]
    assert signals(mantissa_at) == [(None, None), (None, None), ("suppressed", FILTER_ID)]
    (listed,) = documents(mantissa_at("--json", "rules", "filters"))
    assert (listed["owner"], listed["reason"], listed["expires"]) == (
        "vault-team",
        "It counts the coins.",
        "2999-12-31",
    )
    assert (listed["rules"], listed["applies"]) == ([VAULT_ID], True)
    assert listed["suppressed"]["all"] == 1
    assert listed["suppressed"]["rules"] == {VAULT_ID: 1}
    shown = mantissa_at("rules", "filters", FILTER_ID[:8]).output
    assert "It counts the coins." in shown
    assert "Vault opened: 1 suppressed" in shown
    assert "1 filter, 1 suppressed signal" in mantissa_at("rules", "filters").output
    assert mantissa_at("rules", "filters", "nothing").exit_code == 2


def test_an_expired_filter_is_not_applied_and_reported(opened, mantissa_at):
    (opened / "rules" / "watch.yml").write_text(FILTER.replace("2999-12-31", "2020-01-01"))
    assert len(detected(mantissa_at)["opened"]) == 2
    assert "(expired)" in mantissa_at("rules", "filters").output
    found = documents(mantissa_at("--json", "rules", "lint", "--level", "warning"))
    assert [(each["check"], each["line"]) for each in found] == [("filter-expired", 9)]
    checks = documents(mantissa_at("--json", "doctor"))
    assert ["expired on 2020-01-01" in each["detail"] for each in checks if each["subject"] == "filter"] == [True]


def test_explain_shows_the_filter_that_suppresses(opened, mantissa_at, tmp_path):
    (opened / "rules" / "watch.yml").write_text(FILTER)
    (tmp_path / "e.json").write_text(json.dumps(event(1, "open_vault", actor="birch")))
    result = mantissa_at("rules", "explain", VAULT, "--event", str(tmp_path / "e.json"))
    assert result.output.splitlines() == [
        "Vault opened: matches (acme.audit)",
        "  ✓ verb eq open_vault: the event has open_vault",
        "Filter 'The night watch opens the vault' suppresses it (vault-team: It counts the coins., until 2999-12-31)",
        "  ✗ not",
        "    ✓ actor eq birch: the event has birch",
    ]
    document = documents(mantissa_at("--json", "rules", "explain", VAULT, "--event", str(tmp_path / "e.json")))
    assert document["filters"]["acme.audit"][FILTER_ID]["held"] is False


def test_backtest_says_how_often_it_would_alert_with_and_without_filters(opened, mantissa_at):
    (opened / "rules" / "watch.yml").write_text(FILTER)
    assert mantissa_at("collect").exit_code == 0
    span = ["--until", "2026-11-21", "--last", "7d"]
    (found,) = documents(mantissa_at("--json", "rules", "backtest", *span))
    assert (found["matches"], found["alerts"], found["alerts_without_filters"]) == (3, 1, 2)
    assert found["suppressed"] == {FILTER_ID: 1}
    assert "Filters suppress 1 match; without them 2 alerts." in mantissa_at("rules", "backtest", VAULT, *span).output


def test_convert_puts_the_filter_into_the_condition(opened, mantissa_at):
    (opened / "rules" / "watch.yml").write_text(FILTER)
    assert "birch" in mantissa_at("rules", "convert", "--to", "duckdb").output
    (opened / "rules" / "watch.yml").write_text(FILTER.replace("2999-12-31", "2020-01-01"))
    assert "birch" not in mantissa_at("rules", "convert", "--to", "duckdb").output


def test_rules_are_listed_by_tag_and_log_source(home, mantissa_at):
    def ids(*words):
        return [each["id"][:8] for each in documents(mantissa_at("--json", "rules", "list", *words))]

    assert ids("--tag", "ATTACK.t1555") == ids("--logsource", "product=acme") == [VAULT]
    assert ids("--tag", "attack.t15") == ids("--logsource", "product=acme", "--logsource", "service=x") == []
    assert mantissa_at("rules", "list", "--logsource", "acme").exit_code == 2
