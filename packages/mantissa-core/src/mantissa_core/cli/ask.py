"""``mantissa ask``: questions in plain English, answered from the lake."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .answers import show, took
from .ask_progress import Watch, watching
from .command import Command, Session, pass_session
from .exit_codes import Exit
from .export import IMAGES, THEMES, write_chart, write_csv, write_json, write_parquet
from .output import print_json, say, size

if TYPE_CHECKING:
    from mantissa_core.ask.answer import Answer
    from mantissa_core.ask.draw import Theme
    from mantissa_core.ask.plan import Plan
    from mantissa_core.model.query import CostEstimate
    from mantissa_core.runtime import Runtime

FORMATS = ("table", "json", "csv", "parquet", "svg", "png")
_WRITERS = {"csv": write_csv, "json": write_json, "parquet": write_parquet}
_BINARY = ("parquet", "png")


@dataclass
class Asked:
    """How questions are asked in this run of the command."""

    user: str
    zone: str | None
    limit: int | None
    explain: bool
    yes: bool
    conversation: str
    chart: bool = False


@click.command("ask", cls=Command)
@click.argument("question", required=False)
@click.option("-c", "--conversation", metavar="ID", help="Go on with a conversation; 'last' is the one before.")
@click.option("--explain", is_flag=True, help="Show plan, SQL and estimate; run nothing.")
@click.option("--zone", metavar="NAME", help="Whose days and hours are meant, such as Europe/Berlin. Default: UTC.")
@click.option("--limit", type=click.IntRange(1, 10_000), help="Rows at most. Default: query.max_result_rows, 1,000.")
@click.option("-f", "--format", "form", type=click.Choice(FORMATS), default="table", help="Default: table.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File for all but a table.")
@click.option("--chart", is_flag=True, help="Draw figures in place of a table.")
@click.option("--theme", type=click.Choice(THEMES), default="light", help="Colours of svg and png. Default: light.")
@click.option("--save", "name", metavar="NAME", help="Save the question under a name if it has an answer.")
@click.option("--yes", is_flag=True, help="Run it whatever the estimate says.")
@click.option("--rule", is_flag=True, help="Write a Sigma rule from the words; --save or --output keep it.")
@click.option("--sql", is_flag=True, help="With --rule: write an SQL rule.")
@click.option("--playbook", is_flag=True, help="Write a playbook from the words, where a module can.")
@pass_session
@click.pass_context
def command(
    ctx: click.Context,
    session: Session,
    question: str | None,
    conversation: str | None,
    explain: bool,
    zone: str | None,
    limit: int | None,
    form: str,
    output: Path | None,
    chart: bool,
    theme: Theme,
    name: str | None,
    yes: bool,
    rule: bool,
    sql: bool,
    playbook: bool,
) -> None:
    """Answer a question in plain English from the lake; without one, ask many, each following the one before.

    \b
      mantissa ask "Show me failed logins in the last 24 hours"
      mantissa ask -c last "only the ones of alder@example.com"
      mantissa ask "how many logins per hour today" --zone Europe/Berlin
      mantissa ask --rule "Alert when a user fails login 5+ times in 10 minutes"

    Without a language model nothing leaves this machine. What is not understood is not answered:
    exit code 2, with questions that are.
    """
    from mantissa_core.state.audit import this_user

    if rule or playbook:
        ctx.exit(_written(session, question, zone, name, output, rule=rule, sql=sql, playbook=playbook))
    if sql:
        raise click.UsageError("--sql says which kind of rule: it needs --rule")
    check_export(form, output)
    if question is None and (name or output or explain or session.json or form != "table"):
        raise click.UsageError("name a QUESTION")
    asked = Asked(this_user(), zone, limit, explain, yes, conversation or "new", chart)
    with session.runtime() as runtime:
        if question is None:
            from .ask_session import converse

            converse(session, runtime, asked)
            return
        answer = ask(session, runtime, asked, question)
        if name and answer.status == "succeeded" and answer.plan:
            runtime.asker.saved.save(asked.user, name, question, answer.plan)
        elif name and answer.raw_sql:
            say("Not saved: a model wrote the SQL, and nothing says what it means at another time.", err=True)
        report(session, answer, form, output, sql=explain, chart=chart, theme=theme)
    ctx.exit(Exit.OK if answer.status == "succeeded" else Exit.USAGE)


def _written(
    session: Session, words: str | None, zone: str | None, name: str | None, output: Path | None,
    *, rule: bool, sql: bool, playbook: bool,
) -> Exit:  # fmt: skip
    """Write a rule or a playbook from the words."""
    from mantissa_core.state.audit import this_user

    from .ask_rule import write_playbook, write_rule

    if words is None or (rule and playbook) or (name and output):
        raise click.UsageError("name the words of one rule or playbook, and one place to save it")
    if playbook and (name or output or sql):
        raise click.UsageError("a playbook is printed: --save, --output and --sql are for --rule")
    with session.runtime() as runtime:
        if playbook:
            return write_playbook(session, runtime, words, zone, this_user())
        return write_rule(session, runtime, words, zone, this_user(), name, output, sql=sql)


def check_export(form: str, output: Path | None) -> None:
    """Refuse what cannot be written.

    Raises:
        UsageError: parquet or png without a file, or a file for a table.
    """
    if form in _BINARY and output is None:
        raise click.UsageError(f"{form} is binary: name a file with --output")
    if output is not None and form == "table":
        raise click.UsageError(f"--output needs --format {', '.join(FORMATS[1:-1])} or {FORMATS[-1]}")


def ask(session: Session, runtime: Runtime, asked: Asked, question: str, plan: Plan | None = None) -> Answer:
    """Ask one question; what needs confirmation is confirmed by --yes or by the person at the terminal."""
    with watching(session) as watch:
        return runtime.ask(
            question,
            conversation=asked.conversation,
            zone=asked.zone,
            user=asked.user,
            confirm=_confirmed(session, watch, yes=asked.yes),
            max_rows=asked.limit,
            explain_only=asked.explain,
            plan=plan,
            on_event=watch.event if watch else None,
        )


def _confirmed(session: Session, watch: Watch | None, *, yes: bool) -> Callable[[CostEstimate], bool]:
    def confirm(cost: CostEstimate) -> bool:
        if watch:
            watch.stop()  # a line that moves would overwrite the question
        if yes or session.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return yes
        price = f" for about {cost.usd:.2f} USD" if cost.usd else ""
        return click.confirm(f"It reads up to {size(cost.bytes)}{price}. Run it?", err=True)

    return confirm


def report(
    session: Session,
    answer: Answer,
    form: str,
    output: Path | None,
    *,
    sql: bool = False,
    chart: bool = False,
    theme: Theme = "light",
) -> None:
    """Print an answer, or write its rows or its chart; what a person needs besides goes to standard error.

    Raises:
        QueryError: there is no chart to write.
        NeedsOperator: nothing is installed that draws.
    """
    if session.json:
        print_json(answer.document())
    elif form in IMAGES and answer.rows is not None:
        write_chart(answer, form, theme, output)
    elif form != "table" and answer.rows is not None:
        _WRITERS[form](answer.rows, output)
    else:
        show(answer, sql=sql, chart=chart)
    if session.json or session.quiet:
        return
    if answer.rows is not None and (answer.truncated or sys.stderr.isatty()):
        say(took(answer), err=True)
    if form == "table" and answer.conversation and answer.status == "succeeded":
        say(f'\nGo on: {session.command} ask -c {answer.conversation} "…"')
