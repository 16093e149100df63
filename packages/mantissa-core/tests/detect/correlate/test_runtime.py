"""An instance with a correlation among its rules: ``detect`` does the rest."""

from __future__ import annotations

import json
from pathlib import Path

from mantissa_core import Runtime
from mantissa_core.maintenance import consumed

LOG_TYPE = """
name: acme.login
title: Acme logins
time: {path: at}
id: {native: [key]}
columns: [{path: key}, {path: at}, {path: who}, {path: result}]
overlay: {user: [who]}
sigma: {logsources: [{product: acme}]}
"""
RULES = """
title: Failed
id: failed
logsource: {product: acme}
detection: {s: {result: failed}, condition: s}
---
title: Many failures
id: many
level: high
description: Somebody guesses passwords.
correlation: {type: event_count, rules: [failed], group-by: [who], timespan: 5m, condition: {gte: 3}}
"""


def opened(home: Path) -> Runtime:
    (home / "log_types").mkdir(parents=True, exist_ok=True)
    (home / "rules").mkdir(exist_ok=True)
    (home / "log_types" / "acme.yml").write_text(LOG_TYPE)
    (home / "rules" / "many.yml").write_text(RULES)
    return Runtime.open(
        {"home": str(home), "rules": {"packs": False, "paths": ["rules"]}, "log_types": {"paths": ["log_types"]}}
    )


def test_an_instance_alerts_on_a_correlation_and_not_on_its_rule(tmp_path: Path) -> None:
    with opened(tmp_path) as siem:
        for number in range(4):
            event = {"key": f"k{number}", "at": f"2026-01-02T03:0{number}:00Z", "who": "ann", "result": "failed"}
            siem.ingest("acme.login", [json.dumps(event)])
            found = siem.detect()
            assert len(found.opened) == (number == 2)
        (alert,) = siem.alerts.list()
        assert (alert.rule_id, alert.count, alert.table) == ("many", 2, "acme_login")
        assert alert.description == "Somebody guesses passwords."
        assert alert.entities["user"] == ("ann",)
        assert len(alert.event_ids) == 4
        assert siem.query("SELECT count(*) AS n FROM signals WHERE silent").rows[0][0].as_py() == 4


def test_a_version_that_correlations_have_not_seen_is_not_swept(tmp_path: Path) -> None:
    with opened(tmp_path) as siem:
        siem.ingest("acme.login", [{"key": "k", "at": "2026-01-02T03:00:00Z", "who": "ann", "result": "failed"}])
        next(iter(siem.engine.run()))
        siem._alert()
        assert consumed(siem)["signals"] == -1
        siem.detect()
        assert consumed(siem)["signals"] == siem.lake.table("signals").version()
