"""``mantissa query``: SQL over the lake."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .command import Command, Session, pass_session
from .export import write_csv, write_parquet
from .output import facts, number, plural, print_json, print_json_lines, say, size, table, width
from .progress import progress

if TYPE_CHECKING:
    import pyarrow as pa

    from mantissa_core.model import CostEstimate, QueryResult
    from mantissa_core.query.cost import Prices
    from mantissa_core.runtime import Runtime

FORMATS = ("table", "json", "ndjson", "csv", "parquet")
NARROWEST = 8
"""Characters that a column needs to be of any use; a table without room for that is shown as records."""


@click.command("query", cls=Command)
@click.argument("sql")
@click.option("-f", "--format", "form", type=click.Choice(FORMATS), default="table", help="Default: table.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File for csv and parquet.")
@click.option("-p", "--parameter", "words", multiple=True, metavar="NAME=VALUE", help="Value of $NAME; := takes JSON.")
@click.option("--max-rows", type=click.IntRange(1, 10_000), help="Default: query.max_result_rows, 1,000.")
@click.option("--estimate", is_flag=True, help="Say what it would read and cost, and run nothing.")
@pass_session
def command(
    session: Session,
    sql: str,
    form: str,
    output: Path | None,
    words: Sequence[str],
    max_rows: int | None,
    estimate: bool,
) -> None:
    """Run one read-only statement over the lake's tables and views. SQL "-" reads it from standard input.

    \b
    Tables are named after log types (aws_cloudtrail); the views auth, network
    and cloud_change unite them:
      mantissa query "SELECT m_action, count(*) FROM auth GROUP BY ALL"
      mantissa query 'SELECT * FROM auth WHERE m_user = $who' -p who=alder
      mantissa query 'SELECT $n + 1' -p n:=41

    Every event has m_id, m_time, m_ingest_time, m_source, m_user, m_src_ip, m_action, m_outcome, m_target and the
    day dt, which makes a question about few days fast.
    """
    if form == "parquet" and output is None:
        raise click.UsageError("parquet is binary: name a file with --output")
    statement = sys.stdin.read() if sql == "-" else sql
    with session.runtime() as runtime:
        if estimate:
            _estimate(session, runtime.estimate(statement, parameters(words)), runtime.prices, as_json=form == "json")
            return
        with progress(session, "Querying"), _noted(runtime, statement):
            result = runtime.query(statement, parameters(words), max_rows=max_rows)
        _print(session, result, "json" if session.json else form, output)


def _estimate(session: Session, cost: CostEstimate, prices: Prices, *, as_json: bool) -> None:
    """What the configured engine would read and bill, and list prices of the same bytes elsewhere."""
    elsewhere = {name: prices.usd(name, cost.bytes) for name in sorted(prices.engines)}
    if session.json or as_json:
        document = {"bytes": cost.bytes, "usd": cost.usd, "detail": cost.detail}
        print_json({**document, "prices_as_of": str(prices.as_of), "list_prices_usd": elsewhere})
        return
    facts([("would read", f"{size(cost.bytes)}, {cost.detail}"), ("would cost", _dollars(cost.usd))])
    paid = ", ".join(f"{name} {_dollars(usd)}" for name, usd in elsewhere.items() if usd)
    if paid and not session.quiet:
        say(f"The same bytes at list prices of {prices.as_of}: {paid}", err=True)


def _dollars(usd: float) -> str:
    return f"${usd:.6f}" if 0 < usd < 0.01 else f"${usd:,.2f}"


@contextmanager
def _noted(runtime: Runtime, sql: str) -> Iterator[None]:
    """Write down who asked what, whatever comes of it."""
    from mantissa_core.errors import MantissaError
    from mantissa_core.state.audit import PARTITION, query_entry, this_user

    def note(outcome: str) -> None:
        runtime.state.commit(PARTITION, [query_entry(this_user(), datetime.now(UTC), sql, outcome)])

    try:
        yield
    except MantissaError:
        note("failed")
        raise
    note("succeeded")


def parameters(words: Sequence[str]) -> dict[str, Any]:
    """``name=text`` and ``name:=json`` as a dict."""
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.rstrip(":"):
            raise click.BadParameter(f"{word!r} is not NAME=VALUE", param_hint="--parameter")
        found[name.rstrip(":")] = _literal(word, value) if name.endswith(":") else value
    return found


def _literal(word: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{word!r}: what follows := is no JSON ({error})", param_hint="--parameter") from None


def _print(session: Session, result: QueryResult, form: str, output: Path | None) -> None:
    if form == "json":
        print_json(
            {
                "columns": result.rows.column_names,
                "rows": result.rows.to_pylist(),
                "truncated": result.truncated,
                "data_scanned_bytes": result.data_scanned_bytes,
                "execution_time_ms": round(result.execution_time_ms, 3),
            }
        )
    elif form == "ndjson":
        print_json_lines(result.rows.to_pylist())
    elif form == "csv":
        write_csv(result.rows, output)
    elif form == "parquet":
        write_parquet(result.rows, output)
    else:
        show_rows(result.rows)
    if form != "json" and not session.quiet:
        _summary(result)


def show_rows(rows: pa.Table) -> None:
    """Print a table where its columns have room, else one block for each row."""
    names = rows.column_names
    numeric = [field.name for field in rows.schema if _is_number(field.type)]
    if len(names) * (NARROWEST + 2) <= width():
        table(names, (list(row.values()) for row in rows.to_pylist()), right=numeric)
        return
    for index, row in enumerate(rows.to_pylist(), start=1):
        say(f"── {index} ".ljust(min(width(), 60), "─"))
        facts(row.items())


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _summary(result: QueryResult) -> None:
    if not sys.stderr.isatty() and not result.truncated:
        return
    read = f", {size(result.data_scanned_bytes)} read" if result.data_scanned_bytes else ""
    more = "; there are more: --max-rows raises the limit, up to 10,000" if result.truncated else ""
    count, took = plural(result.rows.num_rows, "row"), number(result.execution_time_ms)
    say(f"{count} in {took} ms{read}{more}", err=True)
