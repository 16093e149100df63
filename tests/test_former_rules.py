"""The two rules of the former format that everybody has copied: as written, from the log to the alert."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from mantissa_core import Runtime
from mantissa_core.cli.app import cli
from mantissa_core.detect.rules.rule_set import RuleSet

OKTA = """\
title: Brute Force Login Attempts
id: abc123-def456-...
status: stable
level: high
description: Detects multiple failed login attempts
logsource:
  product: okta
  service: authentication
detection:
  selection:
    outcome: FAILURE
  condition: selection | count() by user_email > 5
  timeframe: 10m
"""
APM = """\
title: High Error Rate - Payment Service
id: apm-error-payment-001
status: stable
level: high
logsource:
  product: apm
  service: traces
detection:
  selection:
    service_name: "payment-service"
    status_code: "ERROR"
  condition: selection | count() > 100
  timeframe: 5m
tags:
  - apm
  - error-rate
"""
# Stands in for the log type of the APM module.
TRACES = """\
name: apm.traces
title: Spans
time: {path: start}
id: {native: [span_id]}
columns: [{path: span_id}, {path: start}, {path: service_name}, {path: status_code}]
overlay: {any_resource: [service_name]}
sigma: {logsources: [{product: apm, service: traces}]}
"""
ENGINES = ("athena", "bigquery", "duckdb", "synapse")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, text in {
        "rules/okta.yml": OKTA,
        "rules/apm.yml": APM,
        "log_types/apm.yml": TRACES,
        "mantissa.toml": '[rules]\npacks = false\npaths = ["rules"]\n[log_types]\npaths = ["log_types"]\n',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def opened(home: Path) -> Runtime:
    return Runtime.open(
        {"home": str(home), "rules": {"packs": False, "paths": ["rules"]}, "log_types": {"paths": ["log_types"]}}
    )


def mantissa(home: Path, *words: str) -> str:
    result = CliRunner().invoke(cli, ["-C", str(home), *words], prog_name="mantissa")
    assert result.exit_code == 0, result.output
    return result.stdout


def sign_in(number: int, user: str, outcome: str = "FAILURE") -> str:
    """An event of the Okta System Log, ninety seconds after the one before."""
    event = {
        "uuid": f"{user}-{number}",
        "published": f"2026-01-02T03:{number * 90 // 60:02}:{number * 90 % 60:02}.000Z",
        "eventType": "user.session.start",
        "outcome": {"result": outcome},
        "actor": {"type": "User", "alternateId": user},
    }
    return json.dumps(event)


def test_six_failed_sign_ins_of_one_okta_user_within_ten_minutes_raise_one_alert(home: Path) -> None:
    with opened(home) as siem:
        siem.ingest("okta.system", [sign_in(number, "ann@example.com") for number in range(5)])
        siem.ingest("okta.system", [sign_in(number, f"user{number}@example.com") for number in range(9)])
        siem.ingest("okta.system", [sign_in(5, "ann@example.com", "SUCCESS")])
        assert siem.detect().opened == []
        siem.ingest("okta.system", [sign_in(6, "ann@example.com")])
        assert len(siem.detect().opened) == 1
        (alert,) = siem.alerts.list()
        assert (alert.rule_id, str(alert.severity)) == ("abc123-def456-...", "high")
        assert alert.description == "Detects multiple failed login attempts"
        assert alert.entities["user"] == ("ann@example.com",)
        assert len(alert.event_ids) == 6


def test_more_than_a_hundred_errors_of_the_payment_service_within_five_minutes_raise_one_alert(home: Path) -> None:
    def span(number: int) -> str:
        at = f"2026-01-02T03:0{number // 60}:{number % 60:02}Z"
        return json.dumps(
            {"span_id": str(number), "start": at, "service_name": "payment-service", "status_code": "ERROR"}
        )

    with opened(home) as siem:
        siem.ingest("apm.traces", [span(number) for number in range(100)])
        assert siem.detect().opened == []
        siem.ingest("apm.traces", [span(100)])
        assert len(siem.detect().opened) == 1
        (alert,) = siem.alerts.list()
        assert (alert.rule_id, alert.tags, alert.count) == ("apm-error-payment-001", ("apm", "error-rate"), 1)


def test_both_load_with_warnings_alone_and_their_conversion_means_the_same(home: Path, tmp_path: Path) -> None:
    loaded = RuleSet.load(packs=False, paths=[home / "rules"])
    assert loaded.broken == {}
    mantissa(home, "rules", "migrate", str(home / "rules"), "--output", str(tmp_path / "new"))
    converted = RuleSet.load(packs=False, paths=[tmp_path / "new"])
    assert converted.broken == {}
    before, after = (
        {each.id: (each.kind, each.condition, each.timespan, each.group_by, each.tags) for each in found.correlations}
        for found in (loaded, converted)
    )
    assert before == after
    assert {rule.id: rule.ir for rule in loaded.rules} == {rule.id: rule.ir for rule in converted.rules}


@pytest.mark.parametrize("engine", ENGINES)
def test_both_become_sql_for_what_is_counted_and_a_word_on_who_counts(home: Path, engine: str) -> None:
    found = map(json.loads, mantissa(home, "--json", "rules", "convert", "--to", engine).splitlines())
    (errors, failures, payment, brute) = found
    for each, parts in ((errors, ("payment-service", "apm_traces")), (failures, ("'failure'", "okta_system"))):
        (statement,) = each["statements"]
        assert [part for part in parts if part not in statement["sql"]] == []
    assert payment["correlator"].endswith("more than 100 within 5m")
    assert brute["correlator"].endswith("more than 5 within 10m by user_email")
    assert (payment["rules"], brute["rules"]) == ([errors["id"]], [failures["id"]])
    text = mantissa(home, "rules", "convert", "--to", engine)
    assert "-- Brute Force Login Attempts (abc123-def456-...)\n-- evaluated by the correlator: event_count" in text
