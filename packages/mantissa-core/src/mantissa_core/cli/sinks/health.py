"""``mantissa sinks health``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import moment, number, print_json, say, table

if TYPE_CHECKING:
    from mantissa_core.alert.sink_health import SinkHealth

STYLES = {"healthy": "green", "degraded": "yellow", "unhealthy": "bold red", "unknown": "dim", "down": "bold red"}


@click.command("health", cls=Command)
@pass_session
def show_health(session: Session) -> None:
    """Show how well each destination took its alerts in the last 24 hours, and why not.

    From 95 % of the attempts on a destination is healthy, from 80 % degraded, else unhealthy; without any attempt
    nothing is known. One that is down gets nothing but a probe now and then; its alerts wait. Nobody is asked.
    """
    with session.runtime() as runtime:
        found = runtime.sink_health()
    if session.json:
        print_json(found)
        return
    if not found:
        say("No destination is configured: add [sinks.<label>] to mantissa.toml.")
        return
    rows = [_row(each) for each in found]
    columns = ["LABEL", "STATE", "HEALTH", "DELIVERED", "ATTEMPTS", "LAST SUCCESS", "LAST TEST"]
    table(columns, rows, right=["DELIVERED", "ATTEMPTS"], fixed=["LABEL", "STATE", "HEALTH"], styles=STYLES)
    _explain(found)


def _row(each: SinkHealth) -> tuple[object, ...]:
    share = "" if each.success_rate is None else f"{each.success_rate:.1%}"
    test = each.last_test
    told = f"{moment(test.at)} {'arrived' if test.success else 'did not arrive'}" if test else ""
    state = "up" if each.circuit == "closed" else "down"
    return each.destination, state, each.grade, share, number(each.total_attempts), moment(each.last_success), told


def _explain(found: Sequence[SinkHealth]) -> None:
    for each in found:
        if each.circuit != "closed":
            say(f"\n{each.destination}: down since {moment(each.down_since)} UTC: {each.error}")
        if each.failures:
            say(f"\n{each.destination}: last failures")
            for failure in each.failures:
                say(f"  {moment(failure.at)}  {failure.reason}")
