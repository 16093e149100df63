"""How destinations are, in the terminal, for programs, for the doctor and for Prometheus."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from mantissa_core import Runtime
from mantissa_core.alert import keys
from mantissa_core.alert.health import counted, hour_key
from mantissa_core.alert.metrics import sink_metrics
from mantissa_core.alert.outbox.circuit import Circuit

NOW = datetime.now(UTC)


@pytest.fixture
def down(home):
    """An instance whose destination took one of two messages, and is down since."""
    with Runtime.open(home) as siem:
        key = hour_key("log", NOW)
        first = counted(None, key, True, NOW)
        siem.state.commit(keys.PARTITION, [first])
        siem.state.commit(keys.PARTITION, [counted(siem.state.get(keys.PARTITION, key), key, False, NOW, "503 [red]")])
        circuit = Circuit("open", 5, "503 [red]", opened=NOW, until=NOW + timedelta(seconds=30), pause=30, wait=30)
        siem.state.commit(keys.PARTITION, [circuit.put(keys.circuit("log"))])
        siem.sink_healths.tested("log", False, NOW, "did not arrive")
    return home


def test_it_shows_state_share_and_reasons(down, mantissa_at):
    out = mantissa_at("sinks", "health").stdout
    heads, row = out.splitlines()[:2]
    assert heads.split()[:3] == ["LABEL", "STATE", "HEALTH"]
    assert row.split()[:5] == ["log", "down", "unhealthy", "50.0%", "2"]
    assert "did not arrive" in row
    assert f"log: down since {NOW:%Y-%m-%d %H:%M:%S} UTC: 503 [red]" in out
    assert f"  {NOW:%Y-%m-%d %H:%M:%S}  503 [red]" in out


def test_programs_get_the_same(down, mantissa_at):
    [log] = json.loads(mantissa_at("sinks", "health", "--json").stdout)
    counts = {
        name: log[name] for name in ("success_rate", "total_attempts", "successful", "failed", "grade", "circuit")
    }
    assert counts == {
        "success_rate": 0.5,
        "total_attempts": 2,
        "successful": 1,
        "failed": 1,
        "grade": "unhealthy",
        "circuit": "open",
    }
    assert [each["reason"] for each in log["failures"]] == ["503 [red]"]
    assert log["last_test"] == {"at": NOW.isoformat(), "success": False, "detail": "did not arrive"}


def test_the_doctor_calls_a_destination_that_is_down_a_problem(down, mantissa_at):
    checks = json.loads(mantissa_at("doctor", "--json").stdout)
    [log] = [each for each in checks if (each["part"], each["subject"]) == ("deliveries", "log")]
    assert log["status"] == "problem"
    assert "503 [red]" in log["detail"]


def test_prometheus_gets_figures_of_each_destination(down):
    with Runtime.open(down) as siem:
        text = sink_metrics(siem.sink_health())
    assert 'mantissa_sink_down{sink="log"} 1' in text
    assert 'mantissa_sink_success_ratio_24h{sink="log"} 0.5' in text
    assert "oldest_waiting" not in text


def test_a_test_event_is_shown_where_it_arrived(home, mantissa_at):
    out = mantissa_at("sinks", "canary")
    assert out.exit_code == 0
    assert out.stdout.splitlines()[1].split()[:2] == ["log", "arrived"]
    [told] = json.loads(mantissa_at("alerts", "list", "--json").stdout)
    assert (told["status"], told["severity"]) == ("resolved", "informational")
    assert "last_test" in mantissa_at("sinks", "health", "--json").stdout


def test_a_destination_that_a_test_does_not_reach_is_a_finding(home, mantissa_at):
    with Runtime.open(home) as siem:
        circuit = Circuit("open", 5, "503", opened=NOW, until=NOW + timedelta(hours=9), pause=30, wait=40_000)
        siem.state.commit(keys.PARTITION, [circuit.put(keys.circuit("log"))])
    out = mantissa_at("sinks", "canary", "--within", "1", "--json")
    assert out.exit_code == 1
    assert json.loads(out.stdout)["missing"] == ["log"]
