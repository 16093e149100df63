"""Events as vendors send them are rebuilt equal. Skipped where the development data is absent."""

import gzip
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mantissa_core.model import LogType
from mantissa_core.parse.layout import Branch, Layout
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.parse.rebuild import Rebuilder
from mantissa_core.parse.rows import RowBuilder

DATA = Path(os.environ.get("MANTISSA_TEST_DATA", "")) / "events"
pytestmark = pytest.mark.skipif("MANTISSA_TEST_DATA" not in os.environ, reason="MANTISSA_TEST_DATA is not set")

SOURCES = {
    "aws.cloudtrail": ["by-log-type/AWS.CloudTrail.ndjson", "scenarios/cloudtrail-*"],
    "crowdstrike.event_stream": ["by-log-type/Crowdstrike.EventStreams.ndjson"],
    "crowdstrike.fdr": ["by-log-type/Crowdstrike.FDREvent.ndjson"],
    "duo.admin": ["by-log-type/Duo.Administrator.ndjson"],
    "duo.auth": ["by-log-type/Duo.Authentication.ndjson"],
    "gcp.audit": ["by-log-type/GCP.AuditLog.ndjson"],
    "azure.activity": ["by-log-type/Azure.MonitorActivity.ndjson"],
    "entra.audit": ["by-log-type/Azure.Audit.ndjson"],
    "github.audit": ["by-log-type/GitHub.Audit.ndjson"],
    "gworkspace.activity": ["by-log-type/GSuite.ActivityEvent.ndjson"],
    "m365.audit": ["by-log-type/Microsoft365.Audit.AzureActiveDirectory.ndjson"],
    "onepassword.item_usage": ["by-log-type/OnePassword.ItemUsage.ndjson"],
    "onepassword.signin": ["by-log-type/OnePassword.SignInAttempt.ndjson"],
    "okta.system": ["by-log-type/Okta.SystemLog.ndjson"],
    "salesforce.event_log": ["by-log-type/Salesforce.*.ndjson"],
    "slack.audit": ["by-log-type/Slack.AuditLogs.ndjson"],
    "github.webhook": ["by-log-type/GitHub.Webhook.ndjson"],
    "kubernetes.audit": ["by-log-type/Amazon.EKS.Audit.ndjson"],
    "snowflake.query": ["by-log-type/Snowflake.QueryHistory.ndjson"],
    "generic.json": [
        "by-log-type/AWS.CloudTrail.ndjson",
        "by-log-type/Okta.SystemLog.ndjson",
        "by-log-type/GCP.AuditLog.ndjson",
        "by-log-type/GitHub.Audit.ndjson",
        "by-log-type/Azure.Audit.ndjson",
        "scenarios/cloudtrail-stratus",
    ],
}


def events_in(file: Path) -> Iterator[dict[str, Any]]:
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    try:
        document = json.loads(content)
    except ValueError:
        yield from (json.loads(line) for line in content.splitlines() if line.strip())
        return
    found = document.get("Records", [document]) if isinstance(document, dict) else document
    yield from (event for event in found if isinstance(event, dict))


def files_of(pattern: str) -> Iterator[Path]:
    for path in sorted(DATA.glob(pattern)):
        yield from (
            [path]
            if path.is_file()
            else sorted(file for file in path.rglob("*") if file.name.endswith((".json", ".ndjson", ".gz")))
        )


def without_nulls(value: Any, branch: Branch | None) -> Any:
    if branch is None or not isinstance(value, dict):
        return value
    inner = {key: node for key, node in branch.members.items() if isinstance(node, Branch)}
    return {key: without_nulls(each, inner.get(key)) for key, each in value.items() if each is not None}


@pytest.mark.parametrize("name", SOURCES)
def test_every_event_is_rebuilt_equal(name: str) -> None:
    log_types = LogTypes.load()
    if name not in log_types:
        pytest.skip(f"{name} is not installed")
    log_type: LogType = log_types.get(name)
    layout = Layout(log_type)
    rebuilder = Rebuilder(layout)
    with RowBuilder(log_type) as builder:
        for pattern in SOURCES[name]:
            events = [event for file in files_of(pattern) for event in events_in(file)]
            assert events
            records = [json.dumps(event).encode() for event in events]
            now = datetime.now(UTC)
            parsed = builder.build(records, range(len(records)), origin=pattern, source="real", ingest_time=now)
            assert not parsed.dead
            assert parsed.rows["m_id"].combine_chunks().unique().to_pylist() == parsed.rows["m_id"].to_pylist()
            rebuilt = [rebuilder.rebuild(row) for row in parsed.rows.to_pylist()]
            assert rebuilt == [without_nulls(event, layout.root) for event in events]
