"""Whole instances: what Google hands over is in the lake once, and what cannot be read is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fake_gcs import BUCKET, FakeGcs
from fake_pubsub import SUBSCRIPTION, FakePubSub, entry
from mantissa_core import Runtime

AT = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
DAY = "2025/03/04/09:00:00_09:59:59_S0.json"
OTHER = {"timestamp": "2025-03-04T09:00:00Z", "logName": "projects/example-prod/logs/syslog", "textPayload": "hello"}
FLOW = {
    "insertId": "f1",
    "timestamp": "2025-03-04T09:00:00Z",
    "logName": "projects/example-prod/logs/compute.googleapis.com%2Fvpc_flows",
    "jsonPayload": {"connection": {"src_ip": "10.0.0.7", "dest_ip": "203.0.113.80", "dest_port": 443, "protocol": 6}},
}


def ask(runtime: Runtime, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in runtime.query(sql).rows.to_pylist()]


def credentials(monkeypatch: pytest.MonkeyPatch, folder: Path, key: str) -> None:
    (folder / "key.json").write_text(key)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(folder / "key.json"))


def test_messages_are_stored_once_however_often_they_are_delivered(
    pubsub: FakePubSub, mantissa: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    credentials(monkeypatch, tmp_path, pubsub.key_file)
    settings = {"plugin": "gcp.pubsub", "subscription": SUBSCRIPTION, "endpoint": pubsub.url}
    runtime = mantissa(collectors={"google": settings})
    for each in (entry("a1", AT), entry("a2", AT), FLOW, OTHER, "no entry"):
        pubsub.publish(each)
    list(runtime.collect())
    pubsub.announce_again()
    list(runtime.collect())
    assert pubsub.waiting == (0, 0)
    assert ask(runtime, "SELECT insertId, m_user FROM gcp_audit ORDER BY 1") == [
        ("a1", "amara@example.com"),
        ("a2", "amara@example.com"),
    ]
    assert ask(runtime, "SELECT m_dst_ip, jsonPayload_connection_dest_port FROM gcp_vpc_flow") == [
        ("203.0.113.80", 443)
    ]
    assert ask(runtime, "SELECT count(*) FROM generic_json") == [(1,)]
    [(reason,)] = ask(runtime, "SELECT DISTINCT reason FROM dead_letter")
    assert "is no log entry: no JSON object" in str(reason)


def test_the_logs_of_a_bucket_are_stored_each_in_its_table(
    mantissa: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with FakeGcs() as gcs:
        credentials(monkeypatch, tmp_path, gcs.key_file)
        runtime = mantissa(collectors={"google": {"plugin": "gcp.gcs", "bucket": BUCKET, "endpoint": gcs.url}})
        audit = [json.dumps(entry(each, AT)) for each in ("a1", "a2")]
        gcs.put_file(f"cloudaudit.googleapis.com/activity/{DAY}", "\n".join([audit[0], '{"cut": ', audit[1]]).encode())
        gcs.put_file(f"compute.googleapis.com/vpc_flows/{DAY}", json.dumps(FLOW).encode())
        gcs.put_file(f"syslog/{DAY}", b'{"textPayload": "hello", "timestamp": "2025-03-04T09:00:00Z"}\n')
        for _ in range(2):
            list(runtime.collect())
        gcs.put_file(f"cloudaudit.googleapis.com/activity/{DAY.replace('S0', 'A0')}", audit[1].encode())
        list(runtime.collect())
    assert ask(runtime, "SELECT insertId FROM gcp_audit ORDER BY 1") == [("a1",), ("a2",)]
    assert ask(runtime, "SELECT count(*) FROM gcp_vpc_flow") == [(1,)]
    assert ask(runtime, "SELECT count(*) FROM generic_json") == [(1,)]
    assert ask(runtime, "SELECT count(*) FROM dead_letter") == [(1,)]
