"""What Trino's compiler finds too large is halved until it runs, and finds the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.sql.executor import halving
from mantissa_core.detect.sql.scan import Planner
from mantissa_core.errors import QueryTooLarge
from mantissa_core.model import LogType

from .clients import Engine


def test_a_scan_too_large_for_trinos_compiler_is_run_in_parts(
    engine: Engine,
    stored_rows: Callable[[Sequence[Any]], pa.Table],
    make_rule: Callable[..., Rule],
    log_type: LogType,
) -> None:
    if engine.name != "athena":
        pytest.skip("no limit is known that a statement of 200 KB reaches")
    rules = [
        make_rule({"selection": {"name|contains": [f"{number} {word}" for word in range(25)]}}, id=str(number))
        for number in range(40)
    ]
    engine.load("too_large", stored_rows([{"name": "7 3"}, {"name": "x39 24"}, {"name": "none"}]))
    planner = Planner(engine.dialect, log_type, largest=200_000)
    (scan,) = planner.plan(rules, table="too_large").scans
    with pytest.raises(QueryTooLarge):
        engine.run(scan.sql)
    found = {(row, rule) for row, rule in halving(planner, scan, engine.run, table="too_large")}
    assert found == {("0", "7"), ("1", "39"), ("1", "9")}
