"""An answer on a terminal: what was understood, the rows with bars where they are figures, the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mantissa_core.errors import QueryError

from .output import number, paragraph, plural, say, size, table, width
from .query import show_rows

if TYPE_CHECKING:
    from mantissa_core.ask.answer import Answer
    from mantissa_core.ask.usage import Usage

LONGEST_BAR = 30
_LIST = {"m_time": "TIME", "m_user": "USER", "m_src_ip": "SOURCE", "m_action": "ACTION", "m_outcome": "OUTCOME",
         "m_target": "TARGET", "m_src_country": "COUNTRY",
         "first_time": "FIRST", "then_time": "THEN", "pairs": "TIMES"}  # fmt: skip
"""The usual columns of a list, under headings for people."""
_WIDE = 80
"""Terminal columns from which on a list is a table."""


def show(answer: Answer, *, sql: bool = False, chart: bool = False) -> None:
    """Print an answer of any status; values of logs are harmless text. A ``chart`` stands in place of the rows."""
    if answer.explanation:
        paragraph(answer.explanation)
    for each in answer.assumptions:
        paragraph(f"Assumed: {each}.")
    if answer.raw_sql:
        paragraph(
            f"The language model {answer.provider} wrote the SQL, as no plan says this: check it (--explain, :sql)."
        )
    elif answer.provider != "offline":
        paragraph(f"The language model {answer.provider} made the plan.")
    if answer.usage and sql:
        paragraph(_usage(answer.usage))
    if sql and answer.sql:
        say(f"\n{answer.sql}")
    if answer.status != "succeeded":
        _refusal(answer)
    elif answer.rows is not None:
        if not (chart and drawn(answer)):
            _rows(answer)
        say()
        paragraph(answer.summary)
        for each in answer.notes:
            paragraph(f"Note: {each}.")
    elif answer.cost_estimate is not None:
        cost = answer.cost_estimate
        price = f" for about {cost.usd:.2f} USD" if cost.usd else ""
        say(f"\nNot run. It would read up to {size(cost.bytes)}{price}.")


def drawn(answer: Answer) -> bool:
    """Print the chart, or why there is none; whether there is one."""
    from .chart import show_chart

    try:
        chart = answer.chart()
    except QueryError as error:
        say(f"No chart: {error}.", err=True)
        return False
    say()
    show_chart(chart)
    return True


def _usage(usage: Usage) -> str:
    """What it took, and what it could have taken at most."""
    calls, took = plural(usage.calls, "call"), usage.input_tokens + usage.output_tokens
    cost = "at an unknown price" if usage.usd is None else f"{usage.usd:.4f} USD"
    most = "" if usage.estimated_usd is None else f", {usage.estimated_usd:.4f} USD"
    bound = f"one call at most {number(usage.estimated_tokens)} tokens{most}"
    return f"The model took {calls}: {number(took)} tokens, {cost} ({bound})."


def _refusal(answer: Answer) -> None:
    words = {"abstained": "Not answered", "needs_confirmation": "Not run", "cancelled": "Cancelled"}
    paragraph(f"{words.get(answer.status, 'Failed')}: {answer.reason}.")
    if answer.suggestions:
        say("\nWhat is understood:")
        for each in answer.suggestions:
            say(f"  {each}")


def _rows(answer: Answer) -> None:
    shown = answer.shown
    if shown is None or not shown.num_rows:
        return
    say()
    said = [name for name in shown.column_names if shown[name].null_count < shown.num_rows]
    if answer.plan is not None and len(answer.plan.groups) == 1 and len(answer.plan.measures) == 1:
        _bars(answer, shown.column_names)
    elif said and set(said) <= set(_LIST) and width() >= _WIDE:
        rows = [list(row.values()) for row in shown.select(said).to_pylist()]
        table([_LIST[each] for each in said], rows, fixed=["TIME", "OUTCOME", "FIRST", "THEN"])
    else:
        show_rows(shown.select(said or shown.column_names))


def _bars(answer: Answer, columns: list[str]) -> None:
    """One group and one figure: a bar beside each."""
    rows = answer.results
    group, measure = columns[0], columns[-1]
    most = max((value for row in rows if (value := _figure(row[measure])) > 0), default=0)
    lines = [[_label(row[group]), _told(answer, row[measure]), _bar(_figure(row[measure]), most)] for row in rows]
    table([_LIST.get(group, group.upper()), measure.upper(), ""], lines, right=[measure.upper()])


def _told(answer: Answer, value: Any) -> Any:
    """A share in per cent, other figures as they are."""
    from mantissa_core.ask.summary import told

    shared = answer.plan is not None and answer.plan.measures[0].name == "share"
    return told(answer.plan.measures[0], value) if answer.plan is not None and shared else value


def _label(value: Any) -> Any:
    return "(none)" if value is None else value


def _figure(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _bar(value: float, most: float) -> str:
    return "█" * max(1, round(value / most * LONGEST_BAR)) if most and value > 0 else ""


def took(answer: Answer) -> str:
    """One line about rows, time and bytes, and how to see more."""
    if answer.statistics is None:
        return ""
    count = plural(answer.statistics.result_count, "row")
    how = "kept from before" if answer.cached else f"{number(answer.statistics.execution_time_ms)} ms"
    read = f", {size(answer.statistics.data_scanned_bytes)} read" if answer.statistics.data_scanned_bytes else ""
    more = "; there are more: --limit raises the limit, up to 10,000" if answer.truncated else ""
    return f"{count}, {how}{read}{more}"
