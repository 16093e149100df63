"""Random rules on random events: what the engine finds is what the reference evaluator finds."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
from mantissa_core.detect.match.evaluate import evaluate
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.sql.scan import Planner
from mantissa_core.model import LogType

from ...strategies import DETECTIONS, EVENTS, FIELDS, asks_text_of_object
from . import emulator
from .clients import Engine
from .drawing import drawn

RULES = int(os.environ.get("MANTISSA_EXAMPLES", "150"))
EVENTS_OF_EACH = 4


def test_random_rules_find_what_the_evaluator_finds(
    engine: Engine,
    make_rule: Callable[..., Rule],
    stored_rows: Callable[[Sequence[Any]], pa.Table],
    log_type: LogType,
) -> None:
    emulated = engine.name == "bigquery"
    events = drawn(EVENTS, RULES * EVENTS_OF_EACH)
    rules = [make_rule(each, id=f"rule {number}") for number, each in enumerate(drawn(DETECTIONS, RULES))]
    if emulated:
        events = [event for event in events if not emulator.cannot_hold(event, FIELDS)]
        rules = [rule for rule in rules if not emulator.cannot_run(rule)]
    plan = Planner(engine.dialect, log_type, most_rules=10).plan(rules, table="differential")
    engine.load("differential", stored_rows(events))
    found = {(int(row), rule) for scan in plan.scans for row, rule in engine.run(scan.sql)}

    compared, different = 0, []
    for rule in (rule for scan in plan.scans for rule in scan.rules):
        for number, event in enumerate(events):
            if asks_text_of_object(rule, event, log_type) or (emulated and emulator.cannot_decide(rule, event)):
                continue
            compared += 1
            if evaluate(rule, event, log_type) != ((number, rule.id) in found):
                different.append((rule.ir, event))
    assert different == []
    assert compared > 30 * RULES
