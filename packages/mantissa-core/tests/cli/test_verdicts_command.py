"""Verdicts on alerts and the history of rules, on the command line."""

from __future__ import annotations

import pytest
from mantissa_core.alert.verdicts import Verdict
from mantissa_core.detect.rules.attributes import Stage
from mantissa_core.runtime import Runtime

from .conftest import RULE, documents, event, write_lines

VAULT = "6a4a1b8e"
FILTER = """
title: The night watch opens the vault
id: 3f1c2a84-0f41-4b62-8a68-2f6f2f7b9c01
logsource: {product: acme}
filter: {rules: any, watch: {actor: oak}, condition: not watch}
mantissa: {owner: vault-team, reason: It counts the coins., expires: 2999-12-31}
"""


@pytest.fixture
def alerts(home, mantissa_at):
    """The ids of three alerts, newest event first."""
    for number, actor in enumerate(["alder", "birch", "cedar"]):
        write_lines(home / "incoming" / "a.log", event(100 * number, "open_vault", actor=actor))
    assert mantissa_at("collect").exit_code == 0
    assert mantissa_at("detect").exit_code == 0
    return [each["id"] for each in documents(mantissa_at("--json", "alerts", "list"))]


def test_a_verdict_is_shown_with_the_alert_and_summed_up_by_rule(alerts, mantissa_at):
    result = mantissa_at("alerts", "verdict", alerts[0][:10], "true", "--note", "a thief")
    assert result.output == "Vault opened: cedar from 192.0.2.1: true positive.\n"
    mantissa_at("alerts", "verdict", alerts[1], "true")
    mantissa_at("alerts", "verdict", alerts[1], "false", "--note", "the auditor")
    listed = documents(mantissa_at("--json", "alerts", "list"))
    assert [each["verdict"] and each["verdict"]["verdict"] for each in listed] == [
        "true_positive",
        "false_positive",
        None,
    ]
    shown = documents(mantissa_at("--json", "alerts", "show", alerts[1]))
    assert [(each["verdict"], each["note"]) for each in shown["verdicts"]] == [
        ("true_positive", ""),
        ("false_positive", "the auditor"),
    ]
    assert "(false positive)" in mantissa_at("alerts", "list").output
    assert "Verdict: true positive, by " in mantissa_at("alerts", "show", alerts[0]).output
    assert ": a thief" in mantissa_at("alerts", "show", alerts[0]).output
    (found,) = documents(mantissa_at("--json", "rules", "precision"))
    assert (found["alerts"], found["true_positive"], found["false_positive"], found["benign"]) == (3, 1, 1, 0)
    assert (found["no_verdict"], found["precision"]) == (1, 0.5)
    assert "50 % of 2 (9 % to 91 %)" in mantissa_at("rules", "precision", VAULT).output


@pytest.mark.parametrize("words", [["no-such-alert", "true"], ["", "true"]])
def test_a_verdict_needs_one_alert(alerts, mantissa_at, words):
    assert mantissa_at("alerts", "verdict", *words).exit_code == 2


def test_a_verdict_is_one_of_three(alerts, mantissa_at):
    assert mantissa_at("alerts", "verdict", alerts[0], "maybe").exit_code == 2


def test_a_program_that_embeds_the_runtime_judges_alerts_too(home, alerts):
    with Runtime.open(home) as siem:
        alert = siem.alerts.get(alerts[0])
        siem.verdicts.record(alert, Verdict.BENIGN, by="ada", note="the auditor")
        (found,) = siem.verdicts.precision()
        siem.stages.set(siem.rules.get(found.rule), Stage.SHADOW, by="ada")
        assert siem.stages.of(siem.rules.get(found.rule)).stage is Stage.SHADOW
    assert (found.alerts, found.benign, found.share) == (3, 1, None)


def test_precision_of_a_rule_without_alerts_is_refused(alerts, mantissa_at):
    assert mantissa_at("rules", "precision", "nothing").exit_code == 2


def test_the_history_of_a_rule_shows_versions_changes_filters_and_verdicts(home, alerts, mantissa_at):
    (home / "rules" / "vault.yml").write_text(f"{RULE}author: Ada\nmodified: 2026-11-19\n")
    (home / "rules" / "watch.yml").write_text(FILTER)
    mantissa_at("detect")
    mantissa_at("rules", "shadow", VAULT, "--reason", "too loud")
    mantissa_at("rules", "promote", VAULT, "--reason", "tuned")
    mantissa_at("alerts", "verdict", alerts[0], "benign")
    found = documents(mantissa_at("--json", "rules", "history", VAULT))
    assert [(each["author"], each["modified"]) for each in found["versions"]] == [("", ""), ("Ada", "2026-11-19")]
    assert [(each["action"], each["before"], each["after"], each["reason"]) for each in found["changes"]] == [
        ("stage", "active", "shadow", "too loud"),
        ("stage", "shadow", "active", "tuned"),
    ]
    assert [each["title"] for each in found["filters"]] == ["The night watch opens the vault"]
    assert (found["alerts"]["alerts"], found["alerts"]["benign"]) == (3, 1)
    lines = mantissa_at("rules", "history", VAULT).output.splitlines()
    assert lines[0].startswith("Vault opened (6a4a1b8e")
    assert "stage: active to shadow, reason too loud (by " in "\n".join(lines)
    assert lines[-1] == "3 alerts: 0 true, 0 false, 1 benign, 2 without a verdict"
