"""A Trino server and the BigQuery emulator; tests are skipped where they do not run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pyarrow as pa
import pytest
from mantissa_core.model import LogType
from mantissa_core.parse.json_text import dumps
from mantissa_core.parse.rows import RowBuilder

from .clients import BigQuery, Engine, Trino

ENGINES = {
    "athena": (Trino, "MANTISSA_TRINO_PORT", "18080"),
    "bigquery": (BigQuery, "MANTISSA_BIGQUERY_PORT", "19050"),
}


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine, if it runs."""
    kind, variable, port = ENGINES[request.param]
    found = kind(f"http://127.0.0.1:{os.environ.get(variable, port)}")
    try:
        running = found.answers()
    except (httpx.HTTPError, ValueError, KeyError):
        running = False
    if not running:
        pytest.skip(f"no engine for {request.param} answers: start them with `just engines`")
    return found


@pytest.fixture(scope="session")
def stored_rows(log_type: LogType) -> Callable[[Sequence[Any]], pa.Table]:
    """The rows of events as the lake stores them, but with the events' numbers as ids: some are alike."""

    def rows(events: Sequence[Any]) -> pa.Table:
        lines = [dumps(event).encode() for event in events]
        with RowBuilder(log_type) as builder:
            at = datetime(2026, 1, 3, tzinfo=UTC)
            parsed = builder.build(lines, range(len(events)), origin="test", source="test", ingest_time=at)
        assert not parsed.dead
        ids = pa.array([str(number) for number in range(len(events))], pa.string())
        return parsed.rows.set_column(parsed.rows.schema.get_field_index("m_id"), "m_id", ids)

    return rows
