"""Whatever JSON a language model answers, it becomes a plan that compiles or a reason, never an error of ours."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mantissa_core.ask.compile import compile_plan
from mantissa_core.ask.model import Budget, Limits, Prices, plan_from_model
from mantissa_core.ask.parse import Abstained, Understood
from mantissa_core.ask.schema import Schema
from mantissa_core.model import Completion, Prompt
from mantissa_core.model.log_type import Column, LogType
from mantissa_core.state import State
from mantissa_core.state.sqlite import SQLite

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
OFFICE = LogType(
    name="okta.system",
    title="Okta System Log",
    columns=(Column(path="risk", type="int64"), Column(path="score", type="double"), Column(path="seen", type="bool")),
    views=("auth",),
)
SCHEMA = Schema.of([OFFICE], {"okta_system"})
DRAFT: dict[str, Any] = {
    "refusal": "",
    "source": "okta_system",
    "filters": [{"any": [{"field": "risk", "op": "ge", "values": ["7"]}], "negated": True}],
    "time": "",
    "versus": "last week",
    "new": "m_src_ip",
    "new_days": 30,
    "select": [],
    "groups": [{"field": "m_time", "bucket": "day"}],
    "silence": "",
    "sequence": {"first": [], "then": [], "key": "m_user", "within_seconds": 600, "at_least": 1, "each_key": True},
    "measures": [
        {"function": "count", "field": "", "q": 0, "where": [], "against": [], "label": ""},
        {"function": "quantile", "field": "risk", "q": 0.95, "where": [], "against": [], "label": "slow"},
        {
            "function": "ratio",
            "field": "",
            "q": 0,
            "where": [{"any": [{"field": "m_outcome", "op": "eq", "values": ["failure"]}], "negated": False}],
            "against": [],
            "label": "",
        },
    ],
    "having": [{"measure": "events", "op": "gt", "value": 5}],
    "order": [{"by": "events", "descending": True}],
    "limit": 10,
    "assumptions": ["none"],
}
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from([
        "m_user", "m_time", "risk", "score", "seen", "auth", "events", "nan", "inf", "-1", "9" * 400, "1e999", "\0",
        "'",
        "0001-01-01/9999-12-31", "1971-01-01/2026-01-01", "9999-12-31T23:59:59.999999/9999-12-31T23:59:59.999999",
        "last 999999 years", "yesterday", "eq", "is_null", "cidr", "10.0.0.0/33", "0.0.0.0/0", "day", "sum", "true",
    ]),
)  # fmt: skip
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
JSON = st.recursive(
    LEAVES, lambda each: st.lists(each, max_size=3) | st.dictionaries(TEXTS, each, max_size=3), max_leaves=6
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for key, each in items for found in places(each, (*path, key)))]


FAILED = {"any": [{"field": "m_outcome", "op": "eq", "values": ["failure"]}], "negated": False}
LISTED = {"groups": [], "measures": [], "having": [], "order": [], "versus": "", "new": ""}
FOLLOWED = {
    **DRAFT,
    **LISTED,
    "sequence": {
        "first": [FAILED],
        "then": [{**FAILED, "negated": True}],
        "key": "m_src_ip",
        "within_seconds": 60,
        "at_least": 3,
        "each_key": True,
    },
}
SILENT = {
    **DRAFT,
    **LISTED,
    "silence": "returned",
    "groups": [{"field": "m_user", "bucket": ""}],
    "measures": [{"function": "count", "field": "", "q": 0, "where": [], "against": [], "label": ""}],
}
DRAFTS = (DRAFT, FOLLOWED, SILENT)


@st.composite
def drafts(draw: st.DrawFn) -> Any:
    """A good draft, wrong in one or two places."""
    draft = copy.deepcopy(draw(st.sampled_from(DRAFTS)))
    for path in draw(st.lists(st.sampled_from(places(draft)[1:]), min_size=1, max_size=2)):
        node: Any = draft
        try:
            for key in path[:-1]:
                node = node[key]
            node[path[-1]] = draw(st.one_of(TEXTS, LEAVES, JSON))
        except (KeyError, IndexError, TypeError):
            continue  # a place that an earlier change took away
    return draft


class Canned:
    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data

    def generate_with_schema(self, prompt: Prompt, schema: Mapping[str, object]) -> Completion:
        return Completion("", "tiny", 1, 1, self.data)


@pytest.fixture
def budget(tmp_path: Path) -> Budget:
    state = State(SQLite(SQLite.Config(path=tmp_path / "state.db")))
    return Budget(Limits(None, None, None, None), Prices(date(2026, 11, 21), {}), state, lambda: NOW)


@pytest.mark.parametrize("draft", DRAFTS, ids=["figures", "sequence", "silence"])
def test_the_drafts_that_are_spoilt_are_good_ones(budget: Budget, draft: dict[str, Any]) -> None:
    answer = plan_from_model(
        "what?", SCHEMA, Canned(draft), NOW, spending=budget.question(), redact=str, check=sqlglot.parse_one
    )
    assert isinstance(answer, Understood), answer


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drafts())
def test_any_answer_is_a_plan_that_compiles_or_a_reason(budget: Budget, data: dict[str, Any]) -> None:
    def parsed(sql: str) -> None:
        assert isinstance(sqlglot.parse_one(sql, read="duckdb"), sqlglot.exp.Select)

    answer = plan_from_model(
        "what is risky?", SCHEMA, Canned(data), NOW, spending=budget.question(), redact=str, check=parsed
    )
    if isinstance(answer, Understood):
        assert answer.plan.source in SCHEMA.tables
        compile_plan(answer.plan, SCHEMA.table(answer.plan.source))
    else:
        assert isinstance(answer, Abstained)
        assert answer.reason.isprintable()
