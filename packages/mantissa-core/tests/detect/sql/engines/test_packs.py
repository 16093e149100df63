"""The SQL of whole rule packs, analyzed by the engine over tables that have the columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
from mantissa_core.detect.ir.derive import predicates
from mantissa_core.detect.ir.tree import Op
from mantissa_core.detect.match.route import log_types_of
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.sql.statement import statement, table_of
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.parse.schema import row_schema
from sqlglot import exp, parse_one

from .clients import Engine

AT_ONCE = 20
PUBLIC = ["rules", "rules-emerging-threats", "rules-threat-hunting", "rules-compliance"]


def test_the_engine_accepts_the_sql_of_the_installed_rules(engine: Engine) -> None:
    rules = [rule for rule in RuleSet.load().rules if not asks_for_ipv6(rule)]
    assert accepted(engine, rules) >= len(rules)


def test_the_engine_accepts_the_sql_of_public_rules(engine: Engine, shared_data: Path) -> None:
    found = RuleSet.load(packs=False, paths=[shared_data / "sigmahq" / folder for folder in PUBLIC])
    rules = [rule for rule in found.rules if isinstance(rule, Rule)]
    assert accepted(engine, rules) > 3_500


def asks_for_ipv6(rule: Rule) -> bool:
    """No dialect takes networks of IPv6: an address has many spellings."""
    return any(each.op is Op.CIDR and ":" in str(value) for each in predicates(rule.ir) for value in each.values)


def accepted(engine: Engine, rules: list[Rule]) -> int:
    """How many statements the engine analyzes without an error; those that are refused are not counted."""
    schemas: dict[str, pa.Schema] = {}
    statements = []
    for rule, log_type, sql in written(engine, rules):
        table = table_of(rule.logsource, log_type)
        schemas[table] = row_schema(log_type) if log_type else with_columns(schemas.get(table), engine, sql)
        statements.append(sql)
    for table, schema in schemas.items():
        engine.load(table, schema.empty_table())
    for start in range(0, len(statements), AT_ONCE):
        engine.check(" UNION ALL ".join(f"({sql})" for sql in statements[start : start + AT_ONCE]))
    return len(statements)


def written(engine: Engine, rules: list[Rule]) -> Iterator[tuple[Rule, LogType | None, str]]:
    log_types = LogTypes.load()
    for rule in rules:
        for log_type in log_types_of(rule, log_types) or (None,):
            with suppress(RuleError):  # counted with its reasons by test_rule_packs.py
                yield rule, log_type, statement(rule, engine.dialect, log_type)


def with_columns(schema: pa.Schema | None, engine: Engine, sql: str) -> pa.Schema:
    """The schema with every column that the statement names; engines do not tell their cases apart."""
    schema = schema or pa.schema([pa.field("m_id", pa.string())])
    known = {name.lower() for name in schema.names}
    for column in parse_one(sql, read=engine.dialect.reads).find_all(exp.Column):
        if column.name.lower() not in known:
            known.add(column.name.lower())
            schema = schema.append(pa.field(column.name, pa.string()))
    return schema
