"""Each thing that a dialect must be able to say, said to the engine: on which of some values does a selection match?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest
from mantissa_core.detect.match.evaluate import evaluate
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.sql.scan import Planner
from mantissa_core.model import LogType

from . import emulator
from .clients import Engine

FOLDING = ["Alice", "ALICE", "alice ", "É", "é", "İ", "i", "ı", "Σ", "σ", "ς", "ſ", "K", "k", "ß", "SS", "Ǆ", "Ⴀ", ""]
SIGNS = [
    "'",
    '"',
    "\\",
    "%",
    "_",
    "[a]",
    "!",
    "a'b",
    "a\\b",
    "a%b",
    "a_b",
    "a!b",
    "a\nb",
    "a\r\nb",
    "\t",
    "😀",
    "''",
    "\\'",
]
LIKE = [*SIGNS, "axb", "ab", "a😀b", "aéb", "a\n\nb", "ba", "a"]
LINES = [
    "cmd",
    "CMD",
    "a cmd",
    "cmd\n",
    "x\ncmd",
    "paß",
    "PASS",
    "é_a",
    "a\x0bb",
    "a b",
    "K9",
    "ſ",
    "\u2028",
    "",
    "1",
    "٣",
]
NUMBERS = [0, 5, -5, 5.0, 5.5, "5", "5.0", "+5", "05", " 5", "5 ", "5e0", "1e3", 1000, 1e3, "0x5", "5f", "Infinity",
           "NaN", True, "true", 2**53 - 1, 0.5, -0.5, 0.1, 123456.789, [4, 5], [[5]], {"a": 5}, None]  # fmt: skip
NETWORKS = ["10.0.0.0", "10.255.255.255", "11.0.0.0", "9.255.255.255", "010.0.0.1", "10.0.0", "10.0.0.1\n", " 10.0.0.1",
            "10.0.0.1/32", "10.0.0.256", "192.168.1.77", "192.168.1.128", "::ffff:10.0.0.1", "x"]  # fmt: skip
TIMES = ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5Z", "2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05.120Z",
         "2026-01-02T04:04:05+01:00", "1969-12-31T23:59:59.999999Z", "2026-01-02", "x", 5]  # fmt: skip
LISTS = [[], ["a"], ["A", "b"], ["x", None], ["a", 5], [["a"]], "a", None, ["a'b"], [""], ["É"]]
OBJECTS = [{"key": "v"}, {"key": "V"}, {"key": ["u", "v"]}, {"key": [["v"], "u"]}, [{"key": "u"}, {"key": "v"}],
           {"key": {"key": "v"}}, {"key": None}, {"key": 5.0}, {"key": True}, {"key": ""}, {"a.key": "v"}, {}, [],
           "key",
           {"deep": {"key": "v"}}, {"deep.key": "v"}, {"deep": [{"key": "u"}, {"key": "v"}]}, {"deep": {"key": []}},
           {"deep": {"key": None}, "deep.key": "v"}, {"it's": "v"}, {"sla/sh~0": "v"}, {"[0]$.*@": "v"}]  # fmt: skip

TABLE: dict[str, tuple[list[Any], list[dict[str, Any]]]] = {
    "name": (
        [*FOLDING, *LIKE, *LINES],
        [
            *({"name": each} for each in ["alice", "é", "İ", "σ", "k", "ss", "ǆ", "ⴀ", "", "*", None]),
            *({"name": each} for each in ["a*b", "a?b", r"a\*b", r"a\\b", "a%?", "a_*", "*!*", "?'?", "*\\\\", "[a?"]),
            *({"name|contains": each} for each in SIGNS),
            *({"name|startswith": each} for each in ["a", "É", "\\\\", "'", "%"]),
            *({"name|endswith": each} for each in ["B", "é", "\\\\", "'", "b b"]),
            *({"name|cased": each} for each in ["Alice", "É", "a*B", "?"]),
            *({"name|contains|cased": each} for each in ["Ali", "É"]),
            *({"name|re": each} for each in [r"^cmd$", r"(?i)cmd", r"\s", r"\S\s\S", r"\ba", r"\w_", "^.$", r"\d"]),
            *({"name|re": each} for each in ["a.b", "[^a]b", "é$", r"[\\/]", "'"]),
            *({"name|re|i": each} for each in ["pass", "[k]9", "^S+$", r"a\Wb"]),
            *({"name|re|s": each} for each in ["a.b", "^.$"]),
            *({"name|re|m": each} for each in ["^cmd", "cmd$", "^$"]),
            *({"name|exists": each} for each in [True, False]),
            {"name|contains|all": ["a", "B"]},
            {"name|fieldref": "color"},
        ],
    ),
    "number": (
        NUMBERS,
        [
            *({"number": each} for each in [5, 5.0, "5", "5.0", 0, True, "true", 1000, "1e3", None, 0.5]),
            *({"number|" + way: each} for way in ["lt", "lte", "gt", "gte"] for each in [5, 0.5, -5]),
            {"number|startswith": "5"},
        ],
    ),
    "ratio": (
        [*NUMBERS, 1e-4, 9.5e-5, 123456.25, 0.30000000000000004, -1.5],
        [{"ratio|contains": "."}]
        + [{"ratio": each} for each in ["0.5", "5", "0.1", "123456.789", "123456.25", "-1.5", "0.0001"]],
    ),
    "flag": ([True, False, "true", 1, 0, None, [True]], [{"flag": each} for each in [True, False, "TRUE", 1, "1"]]),
    "address": (
        NETWORKS,
        [{"address|cidr": each} for each in ["10.0.0.0/8", "192.168.1.0/25", "0.0.0.0/0", "10.0.0.1/32"]],
    ),
    "when": (
        TIMES,
        [{"when": each} for each in ["2026-01-02T03:04:05Z", "2026-01-02t03:04:05.500z", "2026-01-02T03:04:05.120Z"]]
        + [{"when|contains": each} for each in [".123456Z", ".5", "T04"]] + [{"when|startswith": "1969"}],
    ),
    "tags": (
        LISTS,
        [{"tags": each} for each in ["a", "b", "", None, "a*", "é", "5"]]
        + [{"tags|contains": "'"}, {"tags|exists": True}],
    ),
    "params": (
        OBJECTS,
        [
            *({f"params.{key}": "v"} for key in ["key", "deep.key", "a.key", "it's", "sla/sh~0", "[0]$.*@", "absent"]),
            *({"params.key": each} for each in [5, "true", "", None, "*"]),
            {"params.key|exists": True},
            {"params.deep.key|exists": False},
        ],
    ),
    "other": (
        OBJECTS,
        [
            *({f"other.{key}": "v"} for key in ["key", "deep.key", "a.key", "it's", "sla/sh~0", "[0]$.*@", "absent"]),
            *({"other.key": each} for each in [5, "true", "", None, "*"]),
            {"other.key|exists": True},
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("field", TABLE)
def test_selections_find_what_the_evaluator_finds(
    field: str,
    engine: Engine,
    stored_rows: Callable[[Sequence[Any]], pa.Table],
    make_rule: Callable[..., Rule],
    log_type: LogType,
) -> None:
    values, selections = TABLE[field]
    events: list[dict[str, Any]] = [{}, *({field: value, "color": "a'b"} for value in values)]
    rules = [
        make_rule({"selection": each, "condition": condition}, id=f"{condition}: {each}")
        for each in selections
        for condition in ("selection", "not selection")
    ]
    if emulated := engine.name == "bigquery":
        fields = [f"{field}.deep.key"] if values is OBJECTS else []
        events = [event for event in events if not emulator.cannot_hold(event, fields)]
        rules = [rule for rule in rules if not emulator.cannot_run(rule)]
    plan = Planner(engine.dialect, log_type, most_rules=12).plan(rules, table=f"values_of_{field}")
    assert plan.refused == []
    engine.load(f"values_of_{field}", stored_rows(events))
    found = {(int(row), rule) for scan in plan.scans for row, rule in engine.run(scan.sql)}
    assert {row for row, _ in found} == set(range(len(events)))  # a selection or its negation finds each
    different = [
        (rule.id, event)
        for rule in rules
        for number, event in enumerate(events)
        if evaluate(rule, event, log_type) != ((number, rule.id) in found)
        and not (emulated and emulator.cannot_decide(rule, event))
    ]
    assert different == []
