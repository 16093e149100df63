"""Broken, hostile and enormous rules: a report with file and line for each, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlglot
import yaml
from mantissa_core.detect.match.route import routed
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.sql import NAMES, dialect_named
from mantissa_core.detect.sql.statement import statement
from mantissa_core.detect.workflow.lint import lint
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType

GOOD = """\
title: Good
id: 8a6d3c3e-6c0e-4a53-9d7e-1f0c5f3f8f01
name: good
logsource: {product: acme, service: audit}
detection: {s: {name: bad}, condition: s}
"""
HEAD = "title: Bad\nid: bad\nlogsource: {product: acme, service: audit}\n"
COUNT = "title: Bad\nid: bad\ncorrelation:\n  type: event_count\n  timespan: 5m\n  condition: {gte: 2}\n"
NEAR = "title: Bad\nid: bad\ncorrelation:\n  type: temporal\n  timespan: 5m\n"


def bomb(levels: int = 9) -> str:
    """A few hundred bytes that are ten to the power of ``levels`` values."""
    lines = ["x: &a [x]"]
    for below, name in pairwise("abcdefghij"[: levels + 1]):
        lines.append(f"x{name}: &{name} [{', '.join([f'*{below}'] * 10)}]")
    return "\n".join(lines) + "\n"


def folder_with(tmp_path: Path, **texts: str) -> RuleSet:
    for name, text in {"good": GOOD, **texts}.items():
        (tmp_path / f"{name}.yml").write_text(text)
    return RuleSet.load(packs=False, paths=[tmp_path])


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param(bomb() + HEAD + "detection: {s: {name: *j}, condition: s}", 1, "more than 100000", id="bomb"),
        pytest.param(bomb() + HEAD + "tags: *j\ndetection: {s: {a: x}, condition: s}", 1, "100000", id="bomb in tags"),
        pytest.param(bomb() + COUNT + "  rules: *j\n", 1, "more than 100000", id="bomb in a correlation"),
        pytest.param(bomb() + COUNT + "  rules: [good]\n  group-by: *j\n", 1, "100000", id="bomb in group-by"),
        pytest.param(HEAD + "detection: {s: &s {name: [*s]}, condition: s}", 1, "endless", id="endless"),
        pytest.param(HEAD + f"detection: {{s: {'[' * 900}{']' * 900}, condition: s}}", 4, "too deeply", id="deep"),
        pytest.param(HEAD + f"detection:\n  s: {{a: x}}\n  condition: {'not ' * 3000} s", 4, "too deeply", id="nots"),
        pytest.param(NEAR + f"  condition: {'not ' * 3000} good", 6, "too deeply", id="correlation of not not"),
        pytest.param(HEAD + "detection: {s: {a|re: '((a{1,9}){1,99}){1,99}'}, condition: s}", 4, "repetition", id="re"),
        pytest.param(HEAD + "detection: {s: {name|re: '(?=a)b'}, condition: s}", 4, "perl operator", id="look ahead"),
        pytest.param(HEAD + "detection: {s: {name|re: '(a)\\1'}, condition: s}", 4, "escape", id="back reference"),
        pytest.param(HEAD + "detection: {s: {name: x}, condition: s and }", 4, "found end of text", id="half of it"),
        pytest.param(HEAD + "detection: {s: {name|nosuch: x}, condition: s}", 4, "nosuch", id="modifier"),
        pytest.param(HEAD + "detection: !!python/object/apply:os.system [id]", 4, "broken YAML", id="object"),
        pytest.param(HEAD + "detection: {s: {name: x}, condition: s}\nlevel: &l [x]", 5, "level", id="level"),
        pytest.param(HEAD + "detection: {s: {name: x}, condition: s | count() by}", 4, "cannot read", id="aggregation"),
        pytest.param(COUNT + "  rules: [gone]\n", 7, "'gone' is neither id nor name", id="dangling"),
        pytest.param(COUNT + "  rules: [good]\n  nonsense: 1\n", 8, "nonsense: unknown", id="unknown key"),
        pytest.param(COUNT.replace("5m", "9999999999d") + "  rules: [good]\n", 5, "at most 366d", id="for ever"),
        pytest.param(COUNT.replace("2", ".nan") + "  rules: [good]\n", 3, "nan", id="no number"),
        pytest.param(COUNT + "  rules: [good]\n  group-by: [{a: b}]\n", 8, "expected a text", id="group"),
        pytest.param("title: Bad\ncorrelation: [1]\n", 2, "expected a mapping", id="list"),
    ],
)  # fmt: skip
def test_a_bad_rule_is_reported_with_file_and_line_and_the_others_load(
    text: str, line: int, message: str, tmp_path: Path, log_type: LogType
) -> None:
    found = folder_with(tmp_path, bad=text)
    assert [rule.title for rule in found.rules] == ["Good"]
    (told,) = found.broken.values()
    assert str(told).startswith(f"{tmp_path / 'bad.yml'}: line {line}: ")
    assert message in str(told)
    assert len(str(told)) < 10_000
    (problem,) = (each for each in lint(found, [log_type]) if each.check == "does-not-load")
    assert (problem.file, problem.line) == (str(tmp_path / "bad.yml"), line)


def test_the_line_is_that_of_the_document_at_fault(tmp_path: Path) -> None:
    found = folder_with(
        tmp_path, bad=f"{COUNT}  rules: [good]\n---\n{COUNT.replace('id: bad', 'id: worse')}  rules: [gone]\n"
    )
    ((source, told),) = found.broken.items()
    assert source.endswith("bad.yml (document 2)")
    assert "line 15: correlation.rules, entry 1" in str(told)
    assert [each.id for each in found.correlations] == ["bad"]


def test_a_few_aliases_are_no_bomb(tmp_path: Path) -> None:
    text = HEAD + "x: &names [a, b*]\ndetection: {s: {name: *names}, t: {user.name: *names}, condition: s or t}\n"
    found = folder_with(tmp_path, bad=text)
    assert (len(found.rules), found.broken) == (2, {})


def test_tests_that_are_a_bomb_are_reported(tmp_path: Path, log_type: LogType) -> None:
    (tmp_path / "good.tests.yml").write_text(bomb() + "tests: *j\n")
    found = lint(folder_with(tmp_path), [log_type])
    assert [each.message.partition(": ")[2] for each in found if each.check == "broken-tests"] == [
        "line 1: more than 100000 values with all aliases written out"
    ]


def test_an_expression_that_others_need_ages_for_is_decided_at_once(
    make_rule: Callable[..., Rule], decide: Callable[..., list[bool]]
) -> None:
    rule = make_rule({"selection": {"name|re": "^(([a-z])+.)+[A-Z]([a-z])+$"}})
    assert decide(rule, [{"name": "a" * 20_000}, {"name": "ab.Cd"}]) == [False, True]


@pytest.mark.parametrize("modifier", ["", "|contains"])
def test_ten_thousand_values_are_matched(
    modifier: str, make_rule: Callable[..., Rule], decide: Callable[..., list[bool]]
) -> None:
    rule = make_rule({"selection": {f"name{modifier}": [f"value-{number}." for number in range(10_000)]}})
    assert decide(rule, [{"name": "value-9999."}, {"name": "value-10000."}, {"name": 7}]) == [True, False, False]


HOSTILE = [
    "'; DROP TABLE acme_audit; --",
    "' OR '1'='1",
    '" OR ""="',
    "\\'; SELECT 1 --",
    "/* */ -- x",
    "$$;$1 {0} %s %(a)s :a ?",
    "100%",
    "a_b",
    "[a-z]",
    "x\ny\tz",
    "\u202e\u0000x",
    "😀\u0301",
    "[bold]x[/bold]<b>&amp;",
]


def run_sql(rule: Rule, batch: pa.RecordBatch, log_type: LogType) -> list[bool]:
    """Which rows DuckDB finds with the statement that is printed."""
    ids = [str(number) for number in range(len(batch))]
    rows = pa.Table.from_batches([batch]).append_column("m_id", pa.array(ids, pa.string()))
    with duckdb.connect() as connection:
        connection.register("acme_audit", rows)
        before = connection.execute("SELECT count(*) FROM acme_audit").fetchall()
        found = {row[0] for row in connection.execute(statement(rule, dialect_named("duckdb"), log_type)).fetchall()}
        assert connection.execute("SELECT count(*) FROM acme_audit").fetchall() == before
    return [each in found for each in ids]


@pytest.mark.parametrize("way", ["{}", "{}|contains", "{}|startswith", "{}|endswith|cased"])
@pytest.mark.parametrize("field", ["name", "params.userName", "not.declared"])
def test_no_value_leaves_its_literal(
    way: str,
    field: str,
    make_rule: Callable[..., Rule],
    decide: Callable[..., list[bool]],
    make_batch: Callable[..., pa.RecordBatch],
    log_type: LogType,
) -> None:
    for text in HOSTILE:
        rule = make_rule({"selection": {way.format(field): _escaped(text)}}, id=text, title=text.replace("\n", " "))
        events = [_event(field, each) for each in (text, text[:-1] + "#", "", "acme_audit")]
        expected = [True, False, False, False]
        assert decide(rule, events) == expected, text
        if "\0" not in text:
            assert run_sql(rule, make_batch(events), log_type) == expected, text


def _escaped(text: str) -> str:
    """The text without wildcards of Sigma's."""
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


def _event(field: str, value: Any) -> dict[str, Any]:
    event = value
    for name in reversed(field.split(".")):
        event = {name: event}
    return dict(event)


READ_AS = {"athena": "athena", "bigquery": "bigquery", "duckdb": "duckdb", "synapse": "tsql"}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("engine", NAMES)
def test_every_engine_takes_hostile_names_or_refuses_them(
    text: str, engine: str, make_rule: Callable[..., Rule], log_type: LogType
) -> None:
    rule = make_rule({"selection": {text.replace("|", ""): "x", "name": _escaped(text)}}, id=text)
    try:
        sql = statement(rule, dialect_named(engine), log_type)
    except RuleError:
        return  # said for what it cannot be converted
    assert len(sqlglot.parse(sql, read=READ_AS[engine])) == 1


@pytest.mark.parametrize(
    "selection",
    [
        {"name": "5"},
        {"name|contains": "a"},
        {"name|re": "^a"},
        {"name|cidr": "192.0.2.0/24"},
        {"number|gt": 4},
        {"number|lte": 5.5},
        {"flag": True},
        {"tags": "a"},
        {"params.userName|endswith": "a"},
        {"when": "2026*"},
        {"name": None},
        {"name|exists": True},
        {"name|fieldref": "address"},
    ],
)
def test_values_of_wrong_types_are_decided_alike_and_stop_nobody(
    selection: dict[str, Any], make_rule: Callable[..., Rule], decide: Callable[..., list[bool]]
) -> None:
    wrong: Sequence[Any] = [
        None, True, False, 0, 5, -0.0, 1e400, 2**80, "", "5", "a", "NaN", "192.0.2.7", "2026-01-02", [], ["a", 5],
        [["a"]], {}, {"userName": "a"}, {"a": {"b": 1}}, [{"userName": ["a"]}], "\x00", "a" * 70_000,
    ]  # fmt: skip
    (field,) = (name.partition("|")[0] for name in selection)
    finite = [each for each in wrong if each != float("inf")]
    decide(make_rule({"selection": selection}), [_event(field, each) for each in finite])


def test_rules_of_sources_that_are_not_installed_are_told_and_the_rest_is_routed(
    tmp_path: Path, log_type: LogType
) -> None:
    other = GOOD.replace("acme", "nobody").replace("8a6d3c3e", "9a6d3c3e").replace("name: good", "name: other")
    found = folder_with(tmp_path, other=other, count=COUNT + "  rules: [other, good]\n")
    assert {name: [rule.name for rule in rules] for name, rules in routed(found.rules, [log_type]).items()} == {
        log_type.table: ["good"]
    }
    (problem,) = (each for each in lint(found, [log_type]) if each.check == "no-log-type")
    assert (Path(problem.file).name, problem.line) == ("other.yml", 4)


def test_an_enormous_file_is_not_read(tmp_path: Path) -> None:
    found = folder_with(tmp_path, bad=yaml.safe_dump({"title": "x" * 2_000_000}))
    assert "expected a rule of at most" in str(found.broken[str(tmp_path / "bad.yml")])
