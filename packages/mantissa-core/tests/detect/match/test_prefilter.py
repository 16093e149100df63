"""The search for literals leaves every row that a rule matches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mantissa_core.detect.ir.derive import covers
from mantissa_core.detect.ir.text import fold
from mantissa_core.detect.match import automaton
from mantissa_core.detect.match.automaton import Automaton
from mantissa_core.detect.match.evaluate import evaluate
from mantissa_core.detect.match.matcher import Matcher
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.model import LogType

WORDS = ["power", "Shell", "POWERSHELL", "İstanbul", "straße", "\U0001f600", "a.b", "\\temp\\", "-enc ", "ſource", "x"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=4).map("".join)
NESTED = st.fixed_dictionaries(
    {}, optional={"userName": TEXTS, "text": TEXTS, "z\nbc": st.none(), "a": st.sampled_from([1e3, "b\nbc/x", None])}
)
EVENTS = st.fixed_dictionaries(
    {}, optional={"name": TEXTS, "address": TEXTS, "tags": st.lists(TEXTS, max_size=2), "user": st.just({"name": "u"}),
        "params": st.one_of(TEXTS, NESTED, st.lists(NESTED, max_size=2)), "other": st.one_of(TEXTS, NESTED)},
)  # fmt: skip
WAYS = ["contains", "startswith", "endswith", "contains|cased", "contains|all", "re", "contains|windash", "exact"]
LITERALS = [
    "power",
    "SHELL",
    "i",
    "İ",
    "wersh",
    "\U0001f600",
    "a.b",
    "s",
    "p-enc",
    "xpow",
    "nbc",
    "bc/x",
    "text",
    "1000",
]
SELECTIONS = st.tuples(
    st.sampled_from(["name", "address", "tags", "other", "params", "params.text", "params.userName", "other.text"]),
    st.sampled_from(WAYS),
    st.lists(st.sampled_from(LITERALS), min_size=1, max_size=3),
)
CONDITIONS = st.sampled_from(["one", "one and two", "one or two", "one and not two", "not one", "not (one and two)"])


def selection(chosen: tuple[str, str, list[str]]) -> dict[str, Any]:
    field, way, values = chosen
    return {field if way == "exact" else f"{field}|{way}": values}


DETECTIONS = st.fixed_dictionaries(
    {"one": SELECTIONS.map(selection), "two": SELECTIONS.map(selection), "condition": CONDITIONS}
)


@given(
    events=st.lists(EVENTS, min_size=1, max_size=15),
    detections=st.lists(DETECTIONS, min_size=1, max_size=6),
    many=st.sampled_from([0, 2, 2_000]),
    encoded=st.booleans(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_match_is_lost_and_none_is_added(
    events: list[dict[str, Any]],
    detections: list[dict[str, Any]],
    many: int,
    encoded: bool,
    make_rule: Callable[..., Rule],
    make_batch: Callable[..., pa.RecordBatch],
    log_type: LogType,
) -> None:
    batch = make_batch(events * 3)
    rules = [make_rule(each, id=f"rule-{number}") for number, each in enumerate(detections)]
    found = {rule.id: [] for rule in rules} | {
        hits.rule.id: hits.rows.to_pylist()
        for hits in Matcher(rules, log_type, many=many).match(as_read(batch) if encoded else batch)
        if hits.error is None
    }
    for rule in rules:
        assert found[rule.id] == [number for number, event in enumerate(events * 3) if evaluate(rule, event, log_type)]


def as_read(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The texts dictionary-encoded as a file's reader does it: other batches' texts are in the dictionary as well."""
    columns = {}
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_string(values.type):
            own = values.dictionary_encode()
            codes = pa.array([None if code is None else code + 1 for code in own.indices.to_pylist()], pa.int32())
            values = pa.DictionaryArray.from_arrays(codes, pa.array(["of others", *own.dictionary.to_pylist()]))
        columns[name] = values
    return pa.record_batch(columns)


@given(events=st.lists(EVENTS, max_size=5), detection=DETECTIONS)
@settings(max_examples=150, deadline=None)
def test_every_match_satisfies_every_cover(
    events: list[dict[str, Any]], detection: dict[str, Any], make_rule: Callable[..., Rule], log_type: LogType
) -> None:
    rule = make_rule(detection)
    for event in events:
        if evaluate(rule, event, log_type):
            assert all(any(_holds(each, event, log_type) for each in cover) for cover in covers(rule.ir))


def _holds(predicate: Any, event: dict[str, Any], log_type: LogType) -> bool:
    class Alone:
        ir = predicate

    return evaluate(Alone(), event, log_type)  # type: ignore[arg-type]


@given(texts=st.lists(TEXTS, max_size=20), literals=st.lists(st.sampled_from(WORDS), min_size=1, unique=True))
def test_the_search_finds_every_text_with_a_literal(texts: list[str], literals: list[str]) -> None:
    folded = [fold(text) for text in texts]
    wanted = [fold(literal).encode() for literal in literals]
    padded = pa.array(["before", *folded], pa.string()).slice(1)
    found = Automaton(wanted).search(padded)
    for literal in wanted:
        having = {number for number, text in enumerate(folded) if literal in text.encode()}
        assert having <= set(found.get(literal, ()))


def test_texts_longer_than_a_block_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automaton, "BLOCK", 4)
    texts = pa.array(["", "a long needle", "", "ab", "cd", "needle", "x" * 9, ""])
    assert Automaton([b"needle"]).search(texts) == {b"needle": [1, 5]}


def test_a_rule_that_leaves_most_rows_is_evaluated_on_all(
    make_rule: Callable[..., Rule], make_batch: Callable[..., pa.RecordBatch], log_type: LogType
) -> None:
    rule = make_rule({"selection": {"name|contains": "common"}})
    events = [{"name": f"common {number}"} for number in range(40)] + [{"name": "rare"}]
    (hits,) = Matcher([rule], log_type, many=0).match(make_batch(events))
    assert hits.rows.to_pylist() == list(range(40))


@pytest.mark.parametrize(
    ("stored", "value", "matches"),
    [
        ('{"text":"p\\u006fwer"}', "power", True),
        ('{"text":"a\\/power"}', "a/power", True),
        ('{"text": "Power"}', "power", True),
        ('{"text":"a power"}', '"a power', False),
        ('{"text":1e3}', "1000", True),
        ('{"other":"power"}', "power", False),
        ('[{"text":"x"},{"text":"POWER"}]', "power", True),
        (None, "power", False),
    ],
)
def test_json_text_is_searched_as_it_is_stored(
    stored: str | None,
    value: str,
    matches: bool,
    make_rule: Callable[..., Rule],
    make_batch: Callable[..., pa.RecordBatch],
    match_rows: Callable[..., set[int]],
) -> None:
    batch = make_batch([{"name": "x"}])
    place = batch.schema.get_field_index("params")
    batch = batch.set_column(place, "params", pa.array([stored], pa.string()))
    rule = make_rule({"selection": {"params.text|contains": value}})
    assert match_rows(rule, batch) == ({0} if matches else set())


def test_an_object_is_searched_as_its_compact_text(
    decide: Callable[..., list[bool]], make_rule: Callable[..., Rule]
) -> None:
    events = [{"params": {"b": "power", "a": None, "c": {"z": 1, "y": "x"}}}, {"params": {"a": "power"}}]
    assert decide(make_rule({"selection": {"params|contains": '"b":"power","c":{"y":"x"'}}), events) == [True, False]
