"""``mantissa doctor`` on data on its way: lag, gaps, late events, destinations; each with what to do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from mantissa_core import Runtime
from mantissa_core.alert import keys
from mantissa_core.alert.health import counted, hour_key
from mantissa_core.detect.correlate.correlator import LATE
from mantissa_core.detect.follow.progress import EVERY_RULE, Gap, Progress
from mantissa_core.model import Put

from .conftest import documents, event, write_lines

VAULT = "6a4a1b8e-2f3c-4a53-9d7e-0d9f6f0c1a11"


def opened(home):
    return Runtime.open(home / "mantissa.toml")


def found(mantissa_at, part, code):
    """What the doctor says of a part: status and detail by subject."""
    result = mantissa_at("--json", "doctor")
    assert result.exit_code == code, result.output
    return {each["subject"]: (each["status"], each["detail"]) for each in documents(result) if each["part"] == part}


def test_it_says_how_far_each_table_was_evaluated(home, mantissa_at):
    write_lines(home / "incoming" / "a.log", event(1, "open_vault"))
    assert mantissa_at("collect").exit_code == 0
    status, detail = found(mantissa_at, "detection", 0)["acme_audit"]
    assert status == "warning"
    assert detail.startswith("nothing was evaluated yet, ")
    assert detail.endswith("behind: run 'mantissa detect', or keep 'mantissa run' going")
    assert mantissa_at("detect").exit_code == 0
    after = found(mantissa_at, "detection", 0)
    assert {name: status for name, (status, _) in after.items()} == {"acme_audit": "ok", "signals": "ok"}
    write_lines(home / "incoming" / "b.log", event(2))
    assert mantissa_at("collect").exit_code == 0
    assert "1 version behind" in found(mantissa_at, "detection", 0)["acme_audit"][1]


def test_it_names_rules_that_failed_and_those_that_were_mended_since(home, mantissa_at):
    with opened(home) as siem:
        rule = siem.rules.get(VAULT)
        progress = Progress(siem.state)
        progress.record(Gap("acme_audit", VAULT, rule.version, 3, 4, "ValueError: no"))
        progress.record(Gap("acme_audit", VAULT, "former", 1, 1, "ValueError: no"))
        progress.record(Gap("acme_audit", EVERY_RULE, "", 7, 9, "the log is gone"))
    lines = [each for each in documents(mantissa_at("--json", "doctor")) if each["part"] == "gap"]
    assert sorted((each["status"], each["detail"].partition(";")[0]) for each in lines) == [
        ("problem", "failed on events of versions 3 to 4: ValueError: no"),
        ("warning", "failed on events of version 1: ValueError: no"),
        ("warning", "not evaluated by any rule: versions 7 to 9: the log is gone"),
    ]
    assert any("then 'mantissa detect --replay --rule 6a4a1b8e'" in each["detail"] for each in lines)
    assert mantissa_at("doctor").exit_code == 1


def test_it_counts_matches_that_came_too_late(home, mantissa_at):
    with opened(home) as siem:
        siem.state.update(LATE, VAULT, lambda old: {"count": 3})
    status, detail = found(mantissa_at, "late events", 0)["Vault opened"]
    assert (status, detail.partition(" came")[0]) == ("warning", "3 matches")


@pytest.mark.parametrize(
    ("delivered", "failed", "status", "told"),
    [
        (0, 0, "ok", "no attempts in 24 hours"),
        (19, 1, "ok", "19 of 20 attempts in 24 hours delivered"),
        (9, 1, "warning", "9 of 10 attempts in 24 hours delivered, degraded: "),
        (1, 9, "warning", "1 of 10 attempts in 24 hours delivered, unhealthy: "),
    ],
)
def test_it_says_what_each_destination_took(home, mantissa_at, delivered, failed, status, told):
    now = datetime.now(UTC)
    with opened(home) as siem:
        key = hour_key("log", now)
        for good in [True] * delivered + [False] * failed:
            stored = siem.state.get(keys.PARTITION, key)
            put = counted(stored, key, good, now)
            siem.state.commit(keys.PARTITION, [put], {key: stored.version if stored else 0})
    got, detail = found(mantissa_at, "deliveries", 0)["log"]
    assert (got, detail.startswith(told)) == (status, True)


def test_it_says_how_to_deliver_what_was_given_up(home, mantissa_at):
    with opened(home) as siem:
        siem.state.commit(keys.PARTITION, [Put("dead/a/1/log", {"destination": "log"})], {})
    status, detail = found(mantissa_at, "deliveries", 0)["outbox"]
    assert (status, detail) == (
        "warning",
        "0 waiting, 1 given up: mend the destination, then run 'mantissa alerts redeliver'",
    )
