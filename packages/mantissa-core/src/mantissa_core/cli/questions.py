"""``mantissa questions``: saved questions, to be asked again by name."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .ask import FORMATS, Asked, ask, check_export, report
from .command import Group, Session, pass_session
from .exit_codes import Exit
from .export import THEMES
from .output import plural, print_json, say, table

if TYPE_CHECKING:
    from mantissa_core.ask.draw import Theme
    from mantissa_core.ask.saved import SavedQuestion
    from mantissa_core.reports import ReportState


@click.group("questions", cls=Group)
def command() -> None:
    """List, run, schedule and delete the questions that you saved ('mantissa ask --save NAME')."""


@command.command("list")
@pass_session
def list_questions(session: Session) -> None:
    """List your saved questions."""
    from mantissa_core.reports import states
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        found = runtime.asker.saved.list(this_user())
        reports = {each.report.name: each for each in states(runtime, this_user())}
    if session.json:
        print_json([_document(each, reports.get(each.name)) for each in found])
        return
    if not found:
        say(f'No question is saved. {session.command} ask --save NAME "…"')
        return
    rows = [(each.name, each.question, each.plan.period.text, _told(reports.get(each.name))) for each in found]
    table(["NAME", "QUESTION", "TIME", "REPORT"], rows, fixed=["NAME"])
    for name, each in reports.items():
        if each.run and each.run.error:
            say(f"\n{name}: the last report failed: {each.run.error}")
    if not session.quiet:
        say(f"\n{plural(len(found), 'question')}")


def _told(state: ReportState | None) -> str:
    """When and to whom it is told, and when next."""
    if state is None:
        return ""
    report = state.report
    coming = f", next {state.next:%Y-%m-%d %H:%M} UTC" if state.next else ""
    return f"{report.cron} {report.zone} to {', '.join(report.to)}{coming}"


def _document(saved: SavedQuestion, state: ReportState | None) -> dict[str, Any]:
    report = None
    if state is not None:
        run = state.run
        report = {
            "cron": state.report.cron,
            "zone": state.report.zone,
            "to": list(state.report.to),
            "next": state.next.isoformat() if state.next else None,
            "last": run.last_executed if run else None,
            "error": run.error if run else "",
        }
    return {**asdict(saved), "plan": saved.plan.model_dump(mode="json"), "report": report}


@command.command("schedule")
@click.argument("name")
@click.option("--cron", required=True, metavar="EXPRESSION", help="When: minute, hour, day, month, weekday.")
@click.option("--zone", default="UTC", metavar="NAME", help="Whose hours these are, such as Europe/Berlin.")
@click.option("--to", required=True, metavar="SINK[,SINK]", help="Labels of the sinks that are told.")
@pass_session
def schedule(session: Session, name: str, cron: str, zone: str, to: str) -> None:
    """Have a saved question answered at times, and the answer told to sinks, while 'mantissa run' goes on.

    \b
      mantissa questions schedule weekly --cron "0 8 * * 1" --zone Europe/Berlin --to slack,mail
    """
    from mantissa_core.state.audit import this_user

    labels = [each.strip() for each in to.split(",")]
    with session.runtime() as runtime:
        known = runtime.destinations()
        if gone := [each for each in labels if each not in known]:
            expected = ", ".join(known) or "none: configure one below [sinks]"
            raise click.UsageError(f"--to: {gone[0]!r} is no enabled sink (there are: {expected})")
        report = runtime.asker.reports.schedule(this_user(), name, cron, zone, labels)
        coming = report.times().after(runtime.clock())
    if session.json:
        print_json({"name": name, "cron": report.cron, "zone": report.zone, "to": list(report.to),
                    "next": coming.isoformat() if coming else None})  # fmt: skip
    elif not session.quiet:
        when = f"{coming:%Y-%m-%d %H:%M} UTC" if coming else "never"
        say(f"{name}: told to {', '.join(report.to)}, the first time at {when}.", err=True)


@command.command("unschedule")
@click.argument("name")
@pass_session
def unschedule(session: Session, name: str) -> None:
    """Have a saved question answered at times no more."""
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        runtime.asker.reports.unschedule(this_user(), name)
    if not session.quiet:
        say(f"{name} is told no more.", err=True)


@command.command("run")
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, 10_000), help="Rows at most. Default: query.max_result_rows, 1,000.")
@click.option("-f", "--format", "form", type=click.Choice(FORMATS), default="table", help="Default: table.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File for all but a table.")
@click.option("--chart", is_flag=True, help="Draw figures in place of a table.")
@click.option("--theme", type=click.Choice(THEMES), default="light", help="Colours of svg and png. Default: light.")
@click.option("--yes", is_flag=True, help="Run it whatever the estimate says.")
@pass_session
@click.pass_context
def run(
    ctx: click.Context,
    session: Session,
    name: str,
    limit: int | None,
    form: str,
    output: Path | None,
    chart: bool,
    theme: Theme,
    yes: bool,
) -> None:
    """Ask a saved question as of now."""
    from mantissa_core.state.audit import this_user

    check_export(form, output)
    with session.runtime() as runtime:
        saved = runtime.asker.saved.get(this_user(), name)
        asked = Asked(this_user(), None, limit, explain=False, yes=yes, conversation="new")
        answer = ask(session, runtime, asked, saved.question, runtime.asker.saved.plan(this_user(), name))
        report(session, answer, form, output, chart=chart, theme=theme)
    ctx.exit(Exit.OK if answer.status == "succeeded" else Exit.USAGE)


@command.command("delete")
@click.argument("name")
@pass_session
def delete(session: Session, name: str) -> None:
    """Forget a saved question."""
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        runtime.asker.saved.delete(this_user(), name)
    if not session.quiet:
        say(f"{name} is forgotten.", err=True)


@command.command("save-as-rule")
@click.argument("name")
@click.option("--sql", is_flag=True, help="Write an SQL rule also where a Sigma rule could say it.")
@click.option("--schedule", metavar="EXPRESSION", default="", help="When an SQL rule runs, such as 'rate(1 hour)'.")
@click.option("--as", "rule_name", metavar="NAME", help="Name of the rule's file. Default: the question's name.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File for the rule.")
@click.option("--print", "printed", is_flag=True, help="Print the rule, save nothing.")
@pass_session
@click.pass_context
def save_as_rule(
    ctx: click.Context, session: Session, name: str, sql: bool, schedule: str, rule_name: str | None,
    output: Path | None, printed: bool,
) -> None:  # fmt: skip
    """Make a rule of a saved question: a Sigma rule where that can say it, else an SQL rule, with tests."""
    from mantissa_core.state.audit import this_user

    from .ask_rule import told

    with session.runtime() as runtime:
        made = runtime.rule_of_saved(name, user=this_user(), schedule=schedule, sql=sql)
        kept = None if printed or output else rule_name or name
        ctx.exit(told(session, runtime, made, this_user(), kept, None if printed else output))
