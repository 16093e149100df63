"""One log type with every kind of column, and rules run through both executors at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from mantissa_core.detect.match.evaluate import evaluate
from mantissa_core.detect.match.matcher import Matcher
from mantissa_core.detect.rules.rule import Rule, parse_rule
from mantissa_core.model import LogType
from mantissa_core.parse.flatten import flatten
from mantissa_core.parse.json_text import dumps
from mantissa_core.parse.schema import row_schema

LOG_TYPE = LogType.model_validate(
    {
        "name": "acme.audit",
        "title": "Acme audit log",
        "time": {"path": "when"},
        "id": {"native": ["name", "number", "when", "user.name"]},
        "columns": [
            {"path": "name"},
            {"path": "user.name"},
            {"path": "user.type"},
            {"path": "address"},
            {"path": "number", "type": "int64"},
            {"path": "flag", "type": "bool"},
            {"path": "ratio", "type": "double"},
            {"path": "when", "type": "timestamp"},
            {"path": "tags", "type": "list<string>"},
            {"path": "params", "type": "json"},
            {"path": "params.userName"},
            {"paths": ["color", "colour"]},
            {"paths": ["place.city", "city"]},
            {"path": r"dotted\.key"},
        ],
        "overlay": {
            "user": ["user.name"],
            "src_ip": ["address"],
            "target": ["params.userName"],
            "outcome": [{"when": {"flag": True}, "then": "success"}],
        },
        "cluster": ["name"],
        "sigma": {
            "logsources": [{"product": "acme", "service": "audit"}],
            "aliases": {"source.ip": "address", "hue": "colour"},
        },
    }
)

Event = Mapping[str, Any]


def rule_of(detection: Mapping[str, Any], **more: Any) -> Rule:
    """A rule with this detection; a lone selection needs no condition."""
    detection = {"condition": "selection", **detection}
    logsource = {"product": "acme", "service": "audit"}
    return parse_rule({"title": "A rule", "logsource": logsource, "detection": detection, **more})


def batch_of(events: Sequence[Event], log_type: LogType = LOG_TYPE) -> pa.RecordBatch:
    """The events' rows, without an overlay."""
    flat = [flatten(event, log_type) for event in events]
    schema = [field for field in row_schema(log_type) if not field.name.startswith("m_") and field.name != "dt"]
    arrays = [pa.array([each.columns.get(field.name) for each in flat], field.type) for field in schema]
    extra = pa.array([dumps(each.extra) if each.extra else None for each in flat], pa.string())
    return pa.RecordBatch.from_arrays([*arrays, extra], [*(field.name for field in schema), "m_extra"])


def matched_rows(rule: Rule, batch: pa.RecordBatch, log_type: LogType = LOG_TYPE) -> set[int]:
    """The rows that the matcher finds."""
    rows: set[int] = set()
    for hits in Matcher([rule], log_type).match(batch):
        if hits.error is not None:
            raise hits.error
        rows.update(hits.rows.to_pylist())
    return rows


def both(rule: Rule, events: Sequence[Event], log_type: LogType = LOG_TYPE) -> list[bool]:
    """What evaluator and matcher agree on, event by event; fails where they differ."""
    reference = [evaluate(rule, event, log_type) for event in events]
    found = matched_rows(rule, batch_of(events, log_type), log_type)
    assert [number in found for number in range(len(events))] == reference, (rule.ir, events)
    return reference


@pytest.fixture(scope="session")
def log_type() -> LogType:
    return LOG_TYPE


@pytest.fixture(scope="session")
def make_rule() -> Callable[..., Rule]:
    return rule_of


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., pa.RecordBatch]:
    return batch_of


@pytest.fixture(scope="session")
def match_rows() -> Callable[..., set[int]]:
    return matched_rows


@pytest.fixture(scope="session")
def decide() -> Callable[..., list[bool]]:
    return both


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public rules and events; only where somebody has laid them out."""
    if "MANTISSA_TEST_DATA" not in os.environ:
        pytest.skip("MANTISSA_TEST_DATA is not set")
    return Path(os.environ["MANTISSA_TEST_DATA"])
