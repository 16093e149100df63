"""Every construct in every dialect: rendered, read back, or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from mantissa_core.detect.ir.tree import Glob, Op, Predicate, Regex, Wild
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.sql import NAMES, dialect_named
from mantissa_core.detect.sql.dialect import Dialect
from mantissa_core.detect.sql.gate import written
from mantissa_core.detect.sql.re2 import as_java
from mantissa_core.detect.sql.render import passes
from mantissa_core.detect.sql.statement import Span, statement
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType
from sqlglot import exp

SELECTIONS: list[Any] = [
    {"name": "Alice"}, {"name": ["a", "b", 5]}, {"name": "a*b?c"}, {"name": "*"}, {"name": ""}, {"name": None},
    {"name|exists": True}, {"flag": True}, {"name|contains|all": ["a", "b"]}, {"name|startswith|cased": "a"},
    {"name|endswith": "a"}, {"name|re|i": "^a.c"}, {"address|cidr": "10.0.0.0/9"}, {"number|gte": 0.5},
    {"user.name|fieldref": "name"}, {"name|windash|contains": " -x"}, {"tags": "b"}, {"params": "x"},
    {"params.deep.key": "v"}, {"params.userName": "bob"}, {"other.field": "x"}, {"color": "red"},
    {"when|startswith": "2026"}, {"ratio": "5"}, ["needle"], {"address|cidr": "fd00::/8"}, {"user": "*"},
    {"name|fieldref|startswith": "user.name"},
]  # fmt: skip
REFUSED = {
    "synapse": ["name|re|i", "name|fieldref|startswith", "needle", "address|cidr: fd00", "user: "],
    "athena": ["address|cidr: fd00", "user: "],
    "bigquery": ["address|cidr: fd00", "user: "],
    "duckdb": ["address|cidr: fd00", "user: "],
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
@pytest.mark.parametrize("condition", ["selection", "not selection"])
def test_a_construct_is_read_back_or_refused(
    name: str, selection: Any, condition: str, make_rule: Callable[..., Rule], log_type: LogType
) -> None:
    rule = make_rule({"selection": selection, "condition": condition})
    text = ", ".join(f"{key}: {value}" for key, value in selection.items()) if isinstance(selection, dict) else "needle"
    if any(text.startswith(each) for each in REFUSED[name]):
        with pytest.raises(RuleError):
            statement(rule, dialect_named(name), log_type)
        return
    sql = statement(rule, dialect_named(name), log_type)
    read = sqlglot.parse_one(sql, read=dialect_named(name).reads)
    assert [table.name for table in read.find_all(exp.Table) if table.name] == ["acme_audit"]


HARD = st.text(st.sampled_from("a'\"`\\%_[]{}*?!;-/\n\r\t$ é😀İ(N#:@"), max_size=12)


@given(text=HARD, name=st.sampled_from(NAMES), op=st.sampled_from([Op.EQ, Op.CONTAINS, Op.STARTSWITH, Op.ENDSWITH]))
@settings(max_examples=200, deadline=None)
def test_a_text_never_leaves_its_literal(text: str, name: str, op: Op) -> None:
    target = dialect_named(name)
    for cased in (False, True):
        _read_back(Predicate("f", op, (text, text), cased), target, text if name != "synapse" else None)


@given(text=HARD, name=st.sampled_from(NAMES))
@settings(max_examples=100, deadline=None)
def test_a_pattern_never_leaves_its_literal(text: str, name: str) -> None:
    target = dialect_named(name)
    pattern = target.pattern((Wild.MANY, text, Wild.ONE))
    _read_back(Predicate("f", Op.WILDCARD, (Glob((Wild.MANY, text, Wild.ONE)),)), target, pattern)
    if name in {"duckdb", "bigquery"}:
        _read_back(Predicate("f", Op.REGEX, (Regex(text),)), target, text)


@given(text=HARD, name=st.sampled_from(NAMES))
@settings(max_examples=60, deadline=None)
def test_a_field_a_rule_id_and_a_table_never_leave_their_quotes(
    text: str, name: str, make_rule: Callable[..., Rule], log_type: LogType
) -> None:
    field = text.strip() or "x"
    rule = make_rule({"selection": {f"a{field.replace('|', '')}": "v"}}, id=f"i{text}d")
    for bound in (None, log_type):
        with suppress(RuleError):  # a key that a JSON path cannot hold
            sql = statement(rule, dialect_named(name), bound, table="t;'")
            (table,) = (
                each for each in sqlglot.parse_one(sql, read=dialect_named(name).reads).find_all(exp.Table) if each.name
            )
            assert table.name == "t;'"


def _read_back(predicate: Predicate, target: Dialect, literal: str | None) -> None:
    """The gate compares all literals; besides, this one must be among them."""
    select = exp.select(exp.Literal.number(1)).where(passes(predicate, target.column("f"), target))
    read = sqlglot.parse_one(written(select, target), read=target.reads)
    texts = [each.this for each in read.find_all(exp.Literal, exp.National)]
    assert literal is None or literal in texts or (literal.isascii() and literal.lower() in texts)


def test_nul_is_refused(make_rule: Callable[..., Rule]) -> None:
    with pytest.raises(RuleError, match="NUL"):
        statement(make_rule({"selection": {"name": "a\0b"}}), dialect_named("duckdb"))


@pytest.mark.parametrize("name", NAMES)
def test_a_foreign_function_does_not_pass_the_gate(name: str) -> None:
    select = exp.select(exp.Anonymous(this="READ_FILE", expressions=[exp.Literal.string("x")]))
    with pytest.raises(RuleError, match="READ_FILE"):
        written(select, dialect_named(name))


@pytest.mark.parametrize("name", NAMES)
def test_without_a_log_type_fields_are_columns_of_text(name: str, make_rule: Callable[..., Rule]) -> None:
    rule = make_rule({"selection": {"Process.CommandLine|contains": "x"}})
    sql = statement(
        rule, dialect_named(name), span=Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    )
    assert "Process_CommandLine" in sql
    assert "acme_audit" in sql
    assert "2026-01-02" in sql


@pytest.mark.parametrize("pattern", [r"(?P<n>x)", r"\pN", "[[:alpha:]]", r"\Qx\E", "[a&&b]"])
def test_expressions_that_java_reads_differently_are_refused_for_athena(pattern: str) -> None:
    with pytest.raises(RuleError, match="Athena"):
        as_java(Regex(pattern), "Athena")
