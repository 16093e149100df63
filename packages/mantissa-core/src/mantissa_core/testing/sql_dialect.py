"""Conformance kit for SQL dialects: subclass :class:`SqlDialectContract` in a test module.

::

    class TestMotherDuck(SqlDialectContract):
        dialect = MotherDuck()

        def run(self, sql, rows):
            ...  # put the rows into the table named by TABLE, run the statement, return its rows

Every construct is rendered, run and compared with the reference evaluator. What the dialect refuses must be in
``refuses``, so that a construct is not lost unnoticed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from mantissa_core.detect.match.evaluate import evaluate
from mantissa_core.detect.rules.rule import Rule, parse_rule
from mantissa_core.detect.sql.dialect import Dialect
from mantissa_core.detect.sql.scan import Planner
from mantissa_core.detect.sql.statement import statement
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType
from mantissa_core.parse.flatten import flatten
from mantissa_core.parse.schema import row_schema

LOG_TYPE = LogType.model_validate(
    {
        "name": "kit.audit",
        "title": "One column of each kind",
        "columns": [
            {"path": "name"},
            {"path": "user.name"},
            {"path": "address"},
            {"path": "number", "type": "int64"},
            {"path": "ratio", "type": "double"},
            {"path": "flag", "type": "bool"},
            {"path": "when", "type": "timestamp"},
            {"path": "tags", "type": "list<string>"},
            {"path": "params", "type": "json"},
            {"path": "params.target"},
            {"paths": ["color", "colour"]},
        ],
        "sigma": {"logsources": [{"product": "kit"}]},
    }
)
TABLE = LOG_TYPE.table
"""The table that statements read."""

EVENTS: tuple[Mapping[str, Any], ...] = (
    {"name": "Alice", "number": 5, "flag": True, "ratio": 0.5, "address": "10.0.0.1", "tags": ["A", "b"]},
    {"name": "al_ce", "number": -1, "flag": False, "ratio": 5.0, "address": "11.0.0.1", "tags": []},
    {"name": "al%ce'\\", "when": "2026-01-02T03:04:05Z", "params": {"target": "x", "deep": [{"key": "v"}]}},
    {"name": "É\nb", "user": {"name": "é\nB"}, "params": {"deep": {"key": ["u", ["v"]]}}},
    {"name": ["alice", "bob"], "user": [{"name": "Alice"}, {"name": None}], "number": "5", "color": "red"},
    {"name": 5, "user.name": "alice", "other": {"field": "Alice"}, "colour": "RED", "address": "fd00::1"},
    {"name": "", "number": 5.5, "other": [[{"field": ["alice"]}]], "flag": "true", "params": {"target": 5.0}},
    {"name": None, "tags": "b", "address": "10.0.0.256", "params": {"target": ["x"]}},
    {},
)
SELECTIONS: tuple[Any, ...] = (
    {"name": "alice"}, {"name": ["ALICE", "5"]}, {"name": "al?ce*"}, {"name": ""}, {"name": None}, {"name": "*"},
    {"name|exists": True}, {"name|cased": "Alice"}, {"name|contains": "_"}, {"name|contains": "%"},
    {"name|contains": "'"}, {"name|contains": "\\"}, {"name|startswith": "é"}, {"name|endswith": "B"},
    {"name|re": "^[A-Z]"}, {"name|re|i": "^ALI"}, {"name|fieldref": "user.name"}, {"user.name": "alice"},
    {"address|cidr": "10.0.0.0/8"}, {"address|cidr": "fd00::/8"}, {"number": 5}, {"number|gt": 0}, {"ratio": 5},
    {"ratio|lt": 1}, {"flag": True}, {"when|startswith": "2026-01-02T03"}, {"tags": "B"}, {"params.target": "x"},
    {"params.target": 5}, {"params.deep.key": "V"}, {"other.field": "alice"}, {"color": "red"}, {"absent": None},
    ["alice"],
)  # fmt: skip


def _rule(number: int, selection: Any, negated: bool) -> Rule:
    detection = {"selection": selection, "condition": "not selection" if negated else "selection"}
    identity = f"kit-{number}{'-not' if negated else ''}"
    return parse_rule({"title": identity, "id": identity, "logsource": {"product": "kit"}, "detection": detection})


def _rows() -> pa.Table:
    flat = [flatten(event, LOG_TYPE) for event in EVENTS]
    schema = [field for field in row_schema(LOG_TYPE) if not field.name.startswith("m_") and field.name != "dt"]
    columns = {field.name: pa.array([each.columns.get(field.name) for each in flat], field.type) for field in schema}
    extra = [json.dumps(each.extra, ensure_ascii=False, separators=(",", ":")) if each.extra else None for each in flat]
    ids = [str(number) for number in range(len(EVENTS))]
    return pa.table({**columns, "m_extra": pa.array(extra, pa.string()), "m_id": ids})


class SqlDialectContract:
    """What a dialect must do. ``refuses`` names parts of the reasons with which it may refuse a rule."""

    dialect: ClassVar[Dialect]
    refuses: ClassVar[tuple[str, ...]] = ()

    def run(self, sql: str, rows: pa.Table) -> Iterable[tuple[str, str]]:
        """Put ``rows`` into the table :data:`TABLE` and run ``sql``; return its rows, ``(m_id, rule_id)``."""
        raise pytest.UsageError("the subclass must say how SQL is run")

    @pytest.mark.parametrize("negated", [False, True], ids=["", "not"])
    @pytest.mark.parametrize("number", range(len(SELECTIONS)), ids=lambda number: str(SELECTIONS[number]))
    def test_a_rule_finds_what_the_reference_evaluator_finds(self, number: int, negated: bool) -> None:
        """One rule, its statement, all events."""
        rule = _rule(number, SELECTIONS[number], negated)
        try:
            sql = statement(rule, self.dialect, LOG_TYPE)
        except RuleError as error:
            assert any(reason in str(error) for reason in self.refuses), f"refused for no listed reason: {error}"
            return
        assert sorted(self.run(sql, _rows())) == _expected([rule])

    def test_a_shared_scan_finds_the_same(self) -> None:
        """All rules that the dialect expresses, in as few statements as fit."""
        rules = [_rule(number, selection, False) for number, selection in enumerate(SELECTIONS)]
        plan = Planner(self.dialect, LOG_TYPE).plan(rules)
        refused = {rule.id for rule, _ in plan.refused}
        found = [hit for scan in plan.scans for hit in self.run(scan.sql, _rows())]
        assert sorted(found) == _expected([rule for rule in rules if rule.id not in refused])


def _expected(rules: Iterable[Rule]) -> list[tuple[str, str]]:
    events = list(enumerate(EVENTS))
    return sorted((str(row), rule.id) for rule in rules for row, event in events if evaluate(rule, event, LOG_TYPE))
