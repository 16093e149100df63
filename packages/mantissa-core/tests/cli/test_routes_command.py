"""``mantissa routes``, and what other commands show of routing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import structlog
from mantissa_core import Runtime

from .conftest import RULE, documents, event, mantissa, write_lines

ROUTES = """
[sinks.pager]
plugin = "core.file"
path = "pager.ndjson"

[sinks.manager]
plugin = "core.file"
path = "manager.ndjson"

[routes.vault]
to = ["pager", "phone"]
when = { rules = ["vault*"], sources = ["acme.*"] }
escalation = "on-call"

[routes.night]
to = ["pager"]
when = { severities = ["critical"], hours = "22:00-06:00" }

[escalations.on-call]
steps = [{ after = "15m", to = ["manager"] }, { after = "30m", to = ["boss"] }]

[environments.office]
when = { entities = { src_ip = ["192.0.2.0/24"] } }
"""
RULE_ID = next(line.split()[1] for line in RULE.splitlines() if line.startswith("id:"))


@pytest.fixture
def routed(home):
    """The instance with routes, of which one names a sink that there is not."""
    with (home / "mantissa.toml").open("a") as file:
        file.write(ROUTES)
    return home


def maintain(home, now):
    with (home / "mantissa.toml").open("a") as file:
        start, end = ((now + timedelta(hours=each)).isoformat() for each in (-1, 1))
        file.write(f"[maintenance.upgrade]\nstart = {start}\nend = {end}\n")


@pytest.fixture
def alert(routed, mantissa_at):
    """The id of an alert that was told."""
    write_lines(routed / "incoming" / "a.log", event(0, "open_vault"))
    assert mantissa_at("collect").exit_code == 0
    assert mantissa_at("detect").exit_code == 0
    return documents(mantissa_at("--json", "alerts", "list"))[0]["id"]


def test_the_list_shows_each_route_in_words_and_what_is_broken(routed, mantissa_at):
    shown = mantissa_at("routes", "list").output
    for text in ("rules vault*", "sources acme.*", "hours 22:00-06:00 UTC", "degraded", "15 min", "(no route)",
                 "entities.src_ip 192.0.2.0/24", "routes.vault: no sink 'phone' is configured"):  # fmt: skip
        assert text in shown
    listed = documents(mantissa_at("--json", "routes", "list"))
    assert [(each["route"], each["to"], bool(each["problems"])) for each in listed["routes"]] == [
        ("vault", ["pager", "phone"], True),
        ("night", ["pager"], False),
    ]
    assert [each["sink"] for each in listed["unrouted"]] == ["log"]
    assert [each["after"] for each in listed["escalations"][0]["steps"]] == [900, 1800]
    assert [each["place"] for each in listed["problems"]] == ["routes.vault", "escalations.on-call"]


def test_without_routes_every_sink_hears_all(mantissa_at):
    assert "every alert" in mantissa_at("routes", "list").output


def test_a_sink_without_severities_hears_of_steps_alone(home, mantissa_at):
    with (home / "mantissa.toml").open("a") as file:
        file.write('[sinks.boss]\nplugin = "core.file"\npath = "boss.ndjson"\nseverity_filter = []\n')
    found = documents(mantissa_at("--json", "routes", "list"))["unrouted"]
    assert found == [{"sink": "log", "when": []}, {"sink": "boss", "when": ["nothing but steps of escalation"]}]


def test_without_sinks_the_list_says_what_to_do(home):
    (home / "mantissa.toml").write_text("[rules]\npacks = false\n")
    assert mantissa("-C", str(home), "routes", "list").output.startswith("Alerts go nowhere: add [sinks.<label>]")


def test_open_and_coming_windows_are_listed(routed, mantissa_at):
    now = datetime.now(UTC)
    maintain(routed, now)
    [window] = documents(mantissa_at("--json", "routes", "list"))["maintenance"]
    assert datetime.fromisoformat(window["open_until"]) == now + timedelta(hours=1)
    assert f"until {now + timedelta(hours=1):%Y-%m-%d %H:%M:%S}" in mantissa_at("routes", "list").output


def test_where_an_alert_goes_is_said_with_the_reason(alert, mantissa_at):
    found = documents(mantissa_at("--json", "routes", "test", "--alert", alert[:8], "--at", "2026-03-01T12:00"))
    assert {each["sink"]: each["told"] for each in found["sinks"]} == {"log": True, "pager": True, "manager": False}
    assert (found["environments"], found["heard"]) == (["office"], ["log", "pager"])
    assert [each["at"] for each in found["escalation"]] == ["2026-03-01T12:15:00+00:00", "2026-03-01T12:30:00+00:00"]
    shown = mantissa_at("routes", "test", "--alert", alert[:8], "--at", "2026-03-01T12:00").output
    for text in ("route vault", "no route names it", "it waits for its step",
                 "acknowledges by 2026-03-01 12:30:00: boss (not running: boss)",
                 "Heard of it already: log, pager", "in office"):  # fmt: skip
        assert text in shown


@pytest.mark.parametrize(
    ("words", "told", "why"),
    [
        (["--rule", RULE_ID[:8]], True, "route vault"),
        (["--severity", "critical", "--at", "2026-03-01T23:00"], True, "route night"),
        (["--severity", "critical", "--at", "2026-03-01T12:00"], False,
         "route vault: sources: found none, expected acme.*; "
         "route night: hours: found sun 12:00 UTC, expected 22:00-06:00 UTC"),
        (["--source", "acme.audit", "--tag", "attack.t1555", "--entity", "user=amara"], False,
         "route vault: rules: found none, expected vault*; route night: severities: found medium, expected critical"),
    ],
    ids=["rule", "night", "day", "made up"],
)  # fmt: skip
def test_an_alert_may_be_made_up(routed, mantissa_at, words, told, why):
    found = documents(mantissa_at("--json", "routes", "test", *words))
    [pager] = [each for each in found["sinks"] if each["sink"] == "pager"]
    assert (pager["told"], pager["why"]) == (told, why)


@pytest.mark.parametrize(
    "words",
    [[], ["--alert", "a", "--severity", "low"], ["--entity", "user"], ["--rule", "nothing"]],
    ids=["nothing", "both", "entity", "rule"],
)
def test_what_cannot_be_meant_is_a_mistake_in_the_command_line(routed, mantissa_at, words):
    assert mantissa_at("routes", "test", *words).exit_code == 2


def test_the_doctor_names_what_routes_name_in_vain(routed, mantissa_at):
    found = [each for each in documents(mantissa_at("--json", "doctor")) if each["part"] == "routes"]
    assert [(each["subject"], each["status"]) for each in found] == [
        ("routes.vault", "warning"),
        ("escalations.on-call", "warning"),
    ]


def test_a_lost_reference_is_logged_once(alert, routed):
    structlog.reset_defaults()  # a command run earlier in this process may have set a level
    with Runtime.open(routed) as runtime, structlog.testing.capture_logs() as logged:
        for name in ("a", "b"):
            write_lines(routed / "incoming" / "a.log", event(1, "open_vault", key=name, actor=name))
            list(runtime.collect())
            assert len(runtime.detect().opened) == 1
            runtime.escalate()
    assert [each["place"] for each in logged if each["event"] == "routing"] == ["routes.vault", "escalations.on-call"]


def test_a_muted_alert_is_listed_as_such_and_told_of_by_nobody(routed, mantissa_at):
    maintain(routed, datetime.now(UTC))
    write_lines(routed / "incoming" / "a.log", event(0, "open_vault"))
    mantissa_at("collect")
    assert "0 messages delivered" in mantissa_at("detect").output
    [alert] = documents(mantissa_at("--json", "alerts", "list"))
    assert alert["muted_by"] == "upgrade"
    assert "(muted)" in mantissa_at("alerts", "list").output
    assert "maintenance window upgrade: nobody was told" in mantissa_at("alerts", "show", alert["id"]).output
    assert "muted: maintenance window upgrade until" in mantissa_at("alerts", "timeline", alert["id"]).output
    assert "maintenance window upgrade" in mantissa_at("routes", "test", "--alert", alert["id"]).output
    assert not (routed / "pager.ndjson").exists()


def test_what_nobody_acknowledged_is_escalated_and_stands_in_the_timeline(routed, mantissa_at, alert):
    with Runtime.open(routed) as runtime:
        runtime.escalation._clock = runtime.outbox._clock = lambda: datetime.now(UTC) + timedelta(minutes=16)
        assert (runtime.escalate(), runtime.escalate()) == (1, 0)
        assert runtime.deliver() == 1
    shown = mantissa_at("alerts", "timeline", alert).output
    assert "escalated: step 1 of on-call: told manager" in shown
