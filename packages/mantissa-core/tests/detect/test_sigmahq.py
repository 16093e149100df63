"""The public rules on public events: the matcher finds what the evaluator does. Skipped where they are absent."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from mantissa_core.detect.match.evaluate import evaluate
from mantissa_core.detect.match.matcher import Matcher
from mantissa_core.detect.match.route import log_types_of
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.model import LogType
from mantissa_core.parse.json_text import dumps
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.parse.rows import RowBuilder

SOURCES = {
    "aws.cloudtrail": ("rules/cloud/aws", ["scenarios/cloudtrail-*/**/*", "by-log-type/AWS.CloudTrail.ndjson"]),
    "azure.activity": ("rules/cloud/azure/activity_logs", ["by-log-type/Azure.MonitorActivity.ndjson"]),
    "duo.auth": ("rules/identity/cisco_duo", ["by-log-type/Duo.Authentication.ndjson"]),
    "gcp.audit": ("rules/cloud/gcp/audit", ["by-log-type/GCP.AuditLog.ndjson"]),
    "entra.audit": ("rules/cloud/azure/audit_logs", ["by-log-type/Azure.Audit.ndjson"]),
    "entra.signin": ("rules/cloud/azure/signin_logs", ["by-log-type/Azure.Audit.ndjson"]),
    "github.audit": ("rules/application/github", ["by-log-type/GitHub.Audit.ndjson"]),
    "gworkspace.activity": ("rules/cloud/gcp/gworkspace", ["by-log-type/GSuite.ActivityEvent.ndjson"]),
    "m365.audit": ("rules/cloud/m365", ["by-log-type/Microsoft365.Audit.AzureActiveDirectory.ndjson"]),
    "kubernetes.audit": ("rules/application/kubernetes", ["by-log-type/Amazon.EKS.Audit.ndjson"]),
    "okta.system": ("rules/identity/okta", ["by-log-type/Okta.SystemLog.ndjson"]),
}


def events_of(folder: Path, patterns: list[str]) -> Iterator[dict[str, Any]]:
    """The events of CloudTrail's delivery files and of NDJSON."""
    for file in (file for pattern in patterns for file in sorted(folder.glob(pattern)) if file.is_file()):
        content = file.read_bytes()
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        try:
            document = json.loads(content)
        except ValueError:
            yield from map(json.loads, filter(None, content.splitlines()))
            continue
        records = document.get("Records", [document]) if isinstance(document, dict) else document
        yield from records


def rows_of(events: list[dict[str, Any]], log_type: LogType) -> pa.RecordBatch:
    with RowBuilder(log_type) as builder:
        parsed = builder.build(
            [dumps(event).encode() for event in events],
            range(len(events)),
            origin="test",
            source="test",
            ingest_time=datetime(2026, 1, 1, tzinfo=UTC),
            retention_days=36_500,
        )
    assert not parsed.dead
    return parsed.rows.combine_chunks().to_batches()[0]


@pytest.mark.parametrize("name", SOURCES)
def test_public_rules_match_the_same_events_in_both_executors(name: str, shared_data: Path) -> None:
    log_types = LogTypes.load()
    if name not in log_types:
        pytest.skip(f"the plugin with {name} is not installed")
    log_type = log_types.get(name)
    folder, patterns = SOURCES[name]
    found = RuleSet.load(packs=False, paths=[shared_data / "sigmahq" / folder])
    assert found.broken == {}
    rules = [rule for rule in found.rules if log_type in log_types_of(rule, log_types)]
    events = list(events_of(shared_data / "events", patterns))
    assert rules
    assert events
    batch = rows_of(events, log_type)
    got = {hits.rule.id: (set(hits.rows.to_pylist()), hits.error) for hits in Matcher(rules, log_type).match(batch)}
    for rule in rules:
        expected = {number for number, event in enumerate(events) if evaluate(rule, event, log_type)}
        assert got.get(rule.id, (set(), None)) == (expected, None), rule.source


def test_all_active_public_rules_but_those_with_placeholders_load(shared_data: Path) -> None:
    folders = ["cloud", "identity", "application"]
    found = RuleSet.load(packs=False, paths=[shared_data / "sigmahq" / "rules" / folder for folder in folders])
    assert len(found.rules) > 300
    assert found.broken == {}
