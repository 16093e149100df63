"""How usual something is, counted by the real engine in a real lake."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from mantissa_core.alert.enrich.peers import Peers
from mantissa_core.alert.story import story
from mantissa_core.config import load
from mantissa_core.errors import ConfigError, QueryError
from mantissa_core.testing.alert_sink import delivery
from mantissa_core.testing.enricher import an_alert

LOG_TYPE = """
name: acme.audit
title: Acme audit log
time: {path: at}
id: {native: [key]}
columns: [{path: key}, {path: at}, {path: verb}, {path: actor}, {path: address}]
overlay:
  user: [actor]
  src_ip: [address]
  action: [{path: verb, map: {in: login, open: secret_read}}]
sigma:
  logsources: [{product: acme}]
"""
RULE = """
title: Vault opened
id: 6a4a1b8e-2f3c-4a53-9d7e-0d9f6f0c1a11
level: high
description: Somebody opened the vault.
logsource: {product: acme}
detection:
  selection: {verb: open}
  condition: selection
"""
HOSTILE = "'; DROP TABLE acme_audit; --"


def event(day: int, actor: str, verb: str = "in", address: str = "198.51.100.7") -> dict[str, Any]:
    at = f"2026-11-{day:02}T10:00:00Z"
    return {"key": f"{day}-{actor}-{verb}-{address}", "at": at, "verb": verb, "actor": actor, "address": address}


HISTORY = [
    *(event(day, "amara") for day in range(6, 20)),
    event(12, "amara", "open"),
    event(13, "amara", "open", "203.0.113.9"),
    event(5, "amara", "open"),  # before the fourteen days
    event(18, "lin", "open"),
    event(18, "noor"),
]


@pytest.fixture
def siem(mantissa, tmp_path):
    for name, text in {"types/acme.yaml": LOG_TYPE, "rules/vault.yml": RULE}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    runtime = mantissa(
        log_types={"paths": [str(tmp_path / "types")]},
        rules={"packs": False, "paths": [str(tmp_path / "rules")]},
        alerts={"peers": True, "peer_budget": 8},
    )
    runtime.ingest("acme.audit", HISTORY)
    runtime.detect()
    return runtime


def opened(siem, *events: dict[str, Any]):
    siem.ingest("acme.audit", list(events))
    [alert] = siem.detect().opened
    return alert


def test_a_user_is_compared_with_the_own_past_and_with_others(siem):
    alert = opened(siem, event(20, "amara", "open", "203.0.113.9"))
    assert alert.unenriched == {}
    assert alert.enrichment["peers"]["peers"]["amara"] == {
        "sentence": "amara did this (secret read) on 2 of the 14 days before (from 203.0.113.9 on 1); "
        "1 of 2 other users of acme_audit did",
        "days": 14,
        "seen_days": 14,
        "action": "secret_read",
        "action_days": 2,
        "address": "203.0.113.9",
        "address_days": 1,
        "others": 2,
        "others_acting": 1,
    }


def test_what_a_user_never_did_before_is_told(siem):
    alert = opened(siem, event(20, "noor", "open"))
    assert alert.enrichment["peers"]["peers"]["noor"]["sentence"] == (
        "noor did this (secret read) on none of the 14 days before; 2 of 2 other users of acme_audit did"
    )


@pytest.mark.parametrize("actor", ["stranger", HOSTILE, "\U0001f525", "$user0"])
def test_a_user_who_was_never_seen_is_told_as_such(siem, actor):
    alert = opened(siem, event(20, actor, "open"))
    facts = alert.enrichment["peers"]["peers"][actor]
    assert facts["sentence"] == (
        f"{actor} was not seen in acme_audit on the 14 days before; "
        "2 of 3 other users of acme_audit did this (secret read)"
    )
    assert siem.query("SELECT count(*) AS n FROM acme_audit").rows.to_pylist()[0]["n"] == len(HISTORY) + 1


def test_what_happened_on_the_same_day_makes_nothing_usual(siem):
    siem.ingest("acme.audit", [event(20, "noor", "open", "198.51.100.8")])
    siem.detect()
    alert = opened(siem, {**event(20, "noor", "open"), "at": "2026-11-20T12:00:00Z"})
    assert alert.enrichment["peers"]["peers"]["noor"]["action_days"] == 0


def test_without_a_past_nothing_is_told(siem):
    alert = opened(siem, {**event(20, "amara", "open"), "at": "2025-01-01T00:00:00Z"})
    assert "peers" not in alert.enrichment


@pytest.mark.parametrize("missing", ["user", "action", "table"])
def test_an_alert_without_user_action_or_table_costs_no_query(missing):
    def ask(*_: object) -> Any:
        raise AssertionError("asked")

    entities = {"user": ("amara",), "action": ("login",)}
    entities.pop(missing, None)
    changes = {"table": ""} if missing == "table" else {}
    assert Peers(ask).enrich(delivery(entities=entities, **changes).alert) is None


def test_the_same_question_is_counted_once_a_day(siem):
    asked: list[str] = []

    def ask(sql, parameters, rows):
        asked.append(parameters["since"])
        return siem.query(sql, parameters, max_rows=rows)

    peers, entities = Peers(ask), {"user": ("amara",), "action": ("login",)}
    for day in ("2026-11-20T09:00:00+00:00", "2026-11-20T10:00:00+00:00", "2026-11-21T10:00:00+00:00"):
        seen = datetime.fromisoformat(day)
        assert peers.enrich(delivery(entities=entities, table="acme_audit", first_seen=seen).alert)
    assert asked == ["2026-11-06", "2026-11-07"]


@pytest.mark.parametrize("table", ['acme_audit" UNION SELECT 1 --', "no_such_table", "m_time"])
def test_a_table_that_is_not_there_is_an_error_and_no_way_into_the_statement(siem, table):
    alert = delivery(entities={"user": ("amara",), "action": ("login",)}, table=table).alert
    with pytest.raises(QueryError):
        Peers(lambda sql, parameters, rows: siem.query(sql, parameters, max_rows=rows)).enrich(alert)


def test_the_story_says_how_usual_it_is():
    sentence = "amara did this (login) on none of the 14 days before; 2 of 41 other users of okta_system did"
    facts = {"peers": {"peers": {"amara": {"sentence": sentence}}}}
    told = dict(story(delivery(description="A sign-in.", enrichment=facts).alert).lines())
    assert told["why"] == f"A sign-in. How usual: {sentence}."


def test_it_is_off_unless_it_is_switched_on(mantissa):
    assert load({}, {})[0].alerts.peers is False
    assert mantissa().alerts._enrich(an_alert(user="amara", action="login")).facts == {}


def test_an_enricher_of_the_same_label_is_refused():
    both = {"enrichers": {"peers": {"plugin": "x"}}, "alerts": {"peers": True}}
    with pytest.raises(ConfigError, match=r"alerts: .*give that enricher another label"):
        load(both, {})
