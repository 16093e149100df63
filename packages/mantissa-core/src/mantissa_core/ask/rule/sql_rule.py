"""A plan becomes an SQL rule: its statement over the window of each run, in place of the plan's own time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mantissa_core.ask.compile import Table, compile_plan, listed
from mantissa_core.ask.explain import explain
from mantissa_core.ask.plan import MOST_ROWS, Compare, Group, Period, Plan
from mantissa_core.ask.schema import Schema
from mantissa_core.duration import duration_text
from mantissa_core.model.log_type import LogType

from .base import rule_id
from .counted import USUAL, Counted, counted
from .draft import CannotSay, RuleDraft
from .sigma import LEVEL, TO_REPORT, about, ordered
from .sql_cases import sql_cases
from .techniques import tags_of
from .words import RuleWords

if TYPE_CHECKING:
    from sqlglot import exp

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_OPS = {"gt": "gt", "gte": "ge", "lt": "lt", "lte": "le"}
_LO = datetime(2001, 1, 1, tzinfo=UTC)
"""Stands for the window's beginning until the statement is made."""


def sql_rule(
    words: RuleWords,
    plan: Plan,
    schema: Schema,
    log_types: Iterable[LogType],
    provider: str = "offline",
    schedule: str = "",
) -> RuleDraft:
    """The rule of one plan. ``schedule`` is its ``schedule_expression``, where the window's length should not say it.

    Raises:
        CannotSay: every result would be a match, or nothing says what is too much.
        QueryError: the plan names what its table does not have.
    """
    plan, window, assumptions = _asked(words, plan, schema)
    table = schema.table(plan.source)
    query = _query(plan, table, window)
    schedule = schedule or _schedule(window)
    groups = [each.name for each in plan.groups if not each.bucket] if plan.measures else _told_apart(table)
    own: dict[str, Any] = {"group_by": groups} if groups else {}
    if words.once_in:
        own["alert_window"] = words.once_in
    document = {
        "title": words.title,
        "id": rule_id(words.title, "sql"),
        "status": "experimental",
        "description": f"Written from the words {words.title!r}. It is about events of {about(plan, schema)}.",
        "tags": tags_of(plan),
        "query": query,
        "schedule_expression": schedule,
        "window": duration_text(window),
        "level": words.level or LEVEL,
        "falsepositives": ["Not known yet."],
        "mantissa": own,
    }
    unsaid = () if words.level else (f"level {LEVEL}, because the words name none",)
    when = f"Runs {schedule} over the last {duration_text(window)} and fires where there are rows"
    told = f"{when}: {_explained(plan, schema)}"
    return RuleDraft(
        "sql", (ordered(document),), tuple(sql_cases(plan, schema, log_types, window)), told,
        (*assumptions, *plan.assumptions, *unsaid), provider,
    )  # fmt: skip


def _asked(words: RuleWords, plan: Plan, schema: Schema) -> tuple[Plan, timedelta, tuple[str, ...]]:
    """The plan with the words' threshold, the window, and what was assumed.

    Raises:
        CannotSay: every result would be a match.
    """
    if words.halves:
        raise CannotSay("an SQL rule is of one question", "leave out --sql: a Sigma rule can say what comes after what")
    if plan.versus:
        raise CannotSay("a rule does not compare two periods", TO_REPORT)
    if plan.groups and plan.limit < 1_000 and not (plan.having or words.bound):
        raise CannotSay(
            "there always is a first place: nothing says what is too much", f"name a number, or {TO_REPORT}"
        )
    if words.bound:
        found = counted(words, plan, schema)
        assert found is not None  # noqa: S101  # with a bound there is
        return _with_threshold(plan, found), _rounded(found.span), found.assumptions
    if plan.measures and not plan.having:
        raise CannotSay(
            "it counts, and does not say how many are too many",
            f"name a number and a time, such as 'more than 5 failed logins of one user in 10 minutes', or {TO_REPORT}",
        )
    if plan.period.assumed:
        assumed = (f"over the last {duration_text(USUAL)}, because the words name no time",)
        return plan.model_copy(update={"limit": MOST_ROWS}), USUAL, assumed
    return plan.model_copy(update={"limit": MOST_ROWS}), _rounded(plan.period.hi - plan.period.lo), ()


def _with_threshold(plan: Plan, found: Counted) -> Plan:
    having = Compare.model_validate({"field": found.measure.name, "op": _OPS[found.bound], "value": found.threshold})
    return plan.model_copy(
        update={
            "groups": tuple(Group(field=each) for each in found.groups),
            "measures": (found.measure,),
            "having": (having,),
            "order": (),
            "limit": MOST_ROWS,
        }
    )


def _rounded(length: timedelta) -> timedelta:
    """Up to whole minutes, hours or days: "today" is as long as the day already is."""
    unit = _DAY if length > _DAY else _HOUR if length > _HOUR else timedelta(minutes=1)
    return max(unit, -(-length // unit) * unit)


def _schedule(window: timedelta) -> str:
    return "rate(5 minutes)" if window <= _HOUR else "rate(1 hour)" if window <= _DAY else "rate(1 day)"


def _told_apart(table: Table) -> list[str]:
    return [each for each in ("m_user", "m_src_ip") if each in table.columns]


def _explained(plan: Plan, schema: Schema) -> str:
    """What is asked, without the plan's own time."""
    told = explain(plan, schema)
    return f"{told.rpartition(', from ')[0]}." if ", from " in told else told


def _query(plan: Plan, table: Table, window: timedelta) -> str:
    """The statement with ``$window_start`` and ``$window_end``; the ids of the events are in it.

    Raises:
        QueryError: the plan names what the table does not have.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.optimizer.simplify import simplify

    hi = _LO + window
    select = () if plan.measures else tuple(dict.fromkeys((*listed(plan, table), "m_id")))
    timed = plan.model_copy(update={"period": Period(lo=_LO, hi=hi), "select": select})
    tree = sqlglot.parse_one(compile_plan(timed, table), read="duckdb")

    def windowed(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Between) and isinstance(node.this, exp.Column) and node.this.name == "dt":
            return exp.true()
        if not isinstance(node, exp.Cast) or not isinstance(node.this, exp.Literal):
            return node
        moment = _moment(node.this.name)
        if moment is None:
            return node
        return _placed(moment, hi)

    tree = tree.transform(windowed)
    if plan.groups:
        ids = exp.alias_(exp.Anonymous(this="list", expressions=[exp.column("m_id", quoted=True)]), "m_id", quoted=True)
        tree.set("expressions", [*tree.expressions, ids])
    made: exp.Expression = simplify(tree)
    return made.sql(dialect="duckdb", pretty=True) + "\n"


def _placed(moment: datetime, hi: datetime) -> exp.Expression:
    """A moment of the statement, as it stands to the window: the days of a baseline come before its beginning."""
    from sqlglot import exp

    name, away = ("window_end", moment - hi) if moment >= hi else ("window_start", moment - _LO)
    edge = exp.Parameter(this=exp.var(name))
    if not away:
        return edge
    whole = not away % _DAY
    number, unit = abs(away) // (_DAY if whole else timedelta(seconds=1)), "DAY" if whole else "SECOND"
    length = exp.Interval(this=exp.Literal.string(str(number)), unit=exp.var(unit))
    return exp.Add(this=edge, expression=length) if away > timedelta() else exp.Sub(this=edge, expression=length)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
