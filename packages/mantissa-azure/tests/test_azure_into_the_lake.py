"""Whole instances: what Azure has is in the lake once, by either way, and what cannot be read is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_blob import FOLDER, KEY, FakeBlob
from fake_capture import captured, wrapped
from fake_graph import CLIENT, SECRET, TENANT, FakeGraph
from mantissa_core import Runtime
from mantissa_core.testing.fake_vendor import Event

ENTRA = "tenantId=00000000-0000-0000-0000-00000000000e/"
HOUR = "y=2025/m=03/d=04/h=09/m=00/PT1H.json"


def ask(runtime: Runtime, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in runtime.query(sql).rows.to_pylist()]


def step(result: str) -> bytes:
    event = {
        "time": "2025-03-04T09:15:02.3513460Z",
        "operationName": "MICROSOFT.COMPUTE/DISKS/DELETE",
        "resultType": result,
        "correlationId": "4f2c8e1a-0000-4000-8000-000000000001",
    }
    return json.dumps(event).encode() + b"\n"


def test_blobs_that_grow_are_stored_once(mantissa: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeBlob() as azure:
        azure.clock = datetime.now(UTC).replace(microsecond=0)
        monkeypatch.setenv("AZURE_STORAGE_KEY", KEY)
        settings = {"plugin": "azure.blob", "account_url": azure.account_url, "retries": 0}
        capture = {**settings, "containers": ["capture"], "log_type": "entra.audit", "categories": ["AuditLogs"]}
        runtime = mantissa(collectors={"azure": settings, "hub": capture}, lake={"retention_days": 4000})
        azure.append(FOLDER + HOUR, step("Start") + b"no JSON\n" + step("Accept")[:40])
        azure.append(ENTRA + HOUR, b'{"properties": {"id": "1"}}\n', "insights-logs-signinlogs")
        records = [{"category": "AuditLogs", "properties": {"id": "1"}}, {"category": "SignInLogs"}]
        azure.upload("example/hub/0/2025/03/04/09/15/30.avro", captured(wrapped(records)), "capture")
        list(runtime.collect())
        azure.append(FOLDER + HOUR, step("Accept")[40:] + step("Success") * 2)
        for _ in range(2):
            list(runtime.collect())
        results = ask(runtime, "SELECT resultType, m_action, m_outcome FROM azure_activity ORDER BY 1")
        assert results == [
            ("Accept", "resource_delete", None),
            ("Start", "resource_delete", None),
            ("Success", "resource_delete", "success"),
        ]
        assert ask(runtime, "SELECT count(*) FROM entra_signin") == [(1,)]
        assert ask(runtime, "SELECT count(*) FROM entra_audit") == [(1,)]
        assert ask(runtime, "SELECT count(*) FROM dead_letter") == [(1,)]


def test_logs_of_graph_are_stored_once(mantissa: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeGraph() as graph:
        monkeypatch.setenv("TENANT_ID", TENANT)
        monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
        monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
        first = datetime.now(UTC) - timedelta(hours=1)
        graph.put([Event(f"e{number}", first + timedelta(seconds=number)) for number in range(7)])
        settings = {"plugin": "entra.graph", "graph_url": graph.url, "login_url": graph.url, "page_size": 3}
        runtime = mantissa(collectors={"entra": {**settings, "requests_per_minute": 600}})
        for _ in range(2):
            list(runtime.collect())
        for table in ("entra_signin", "entra_audit", "entra_risk_detection"):
            assert ask(runtime, f"SELECT count(*), count(DISTINCT m_id), max(m_flags) FROM {table}") == [(7, 7, None)]
