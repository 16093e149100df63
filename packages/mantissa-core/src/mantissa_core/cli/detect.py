"""``mantissa detect``: the rules on what is new, on stored events of a span, and on what they could not evaluate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from .command import Command, Session, pass_session
from .exit_codes import Exit
from .output import plural, print_json, say, table
from .progress import progress

if TYPE_CHECKING:
    from mantissa_core.detect.follow.gap_replay import Replayed
    from mantissa_core.detect.follow.progress import Gap
    from mantissa_core.runtime import Detected, Runtime

TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.command("detect", cls=Command)
@click.option("--from", "start", type=TIME, metavar="TIME", help="Also evaluate stored events from here on (UTC).")
@click.option("--to", "end", type=TIME, metavar="TIME", help="Where the stored events end. Default: now.")
@click.option("--rule", "which", metavar="ID", multiple=True, help="Only this rule, with --from, --gaps or --replay.")
@click.option("--gaps", is_flag=True, help="Only list what rules could not evaluate.")
@click.option("--replay", is_flag=True, help="Evaluate again what rules could not.")
@click.option("--forget", is_flag=True, help="Forget what rules could not evaluate, without another try.")
@click.option("--no-deliver", is_flag=True, help="Leave deliveries to 'mantissa run' or a later 'mantissa detect'.")
@pass_session
@click.pass_context
def command(
    ctx: click.Context,
    session: Session,
    start: datetime | None,
    end: datetime | None,
    which: tuple[str, ...],
    gaps: bool,
    replay: bool,
    forget: bool,
    no_deliver: bool,
) -> None:
    """Evaluate the rules on events that no run has seen, open alerts and deliver them. Schedules that are due run too.

    With --from also on the stored events of a span, for rules that are new or were changed: signals that are stored
    already are not found again.

    Exit code 1 where a rule failed on stored events, or a gap remains.
    """
    _check(start, end, which, sum((gaps, replay, forget)))
    unfinished = False
    with session.runtime() as runtime:
        if gaps:
            _show_gaps(session, _chosen(runtime, which))
        elif forget:
            _forget(session, runtime, _chosen(runtime, which))
        elif replay:
            with progress(session, "Evaluating gaps"):
                replayed, found = runtime.replay_gaps({each.rule for each in _chosen(runtime, which)} if which else ())
            delivered = 0 if no_deliver else runtime.deliver()
            _show_replayed(session, replayed, found, delivered)
            unfinished = any(each.problem for each in replayed)
        else:
            with progress(session, "Evaluating rules"):
                runtime.escalate()
                found = _detect(runtime, start, end, which)
            _show_detected(session, runtime, found, 0 if no_deliver else runtime.deliver())
            unfinished = bool(found.problems)
    ctx.exit(Exit.FINDINGS if unfinished else Exit.OK)


def _check(start: datetime | None, end: datetime | None, which: Collection[str], kinds: int) -> None:
    if kinds > 1 or (kinds and start):
        raise click.UsageError("--from, --gaps, --replay and --forget exclude each other")
    if start is None and end is not None:
        raise click.UsageError("--to needs --from")
    if which and start is None and not kinds:
        raise click.UsageError("--rule needs --from, --gaps, --replay or --forget: on what is new, every rule runs")
    if start and end and end <= start:
        raise click.UsageError("--to must be later than --from")


def _detect(runtime: Runtime, start: datetime | None, end: datetime | None, which: tuple[str, ...]) -> Detected:
    from .rules.chosen import one_document

    if start is None:
        return runtime.detect()
    rules = [one_document(runtime.rules.all, each).id for each in which]
    until = end.replace(tzinfo=UTC) if end else datetime.now(UTC)
    return runtime.detect_span(start.replace(tzinfo=UTC), until, rules)


def _chosen(runtime: Runtime, which: tuple[str, ...]) -> list[Gap]:
    """The gaps of the rules whose ids begin so; of rules that are gone too."""
    return [each for each in runtime.gaps() if not which or each.rule.startswith(which)]


def _show_gaps(session: Session, gaps: list[Gap]) -> None:
    if session.json:
        print_json(gaps)
    elif gaps:
        rows = [(each.table, each.rule, f"{each.first}-{each.last}", each.error) for each in gaps]
        table(["TABLE", "RULE", "VERSIONS", "ERROR"], rows, fixed=["TABLE", "VERSIONS"])
        if not session.quiet:
            say(f"\n{plural(len(gaps), 'gap')}. Next: {session.command} detect --replay")
    else:
        say("No gaps: every rule evaluated everything.")


def _forget(session: Session, runtime: Runtime, gaps: list[Gap]) -> None:
    runtime.forget_gaps(gaps)
    if session.json:
        print_json({"forgotten": gaps})
    else:
        say(f"{plural(len(gaps), 'gap')} forgotten.")


def _show_replayed(session: Session, replayed: list[Replayed], found: Detected, delivered: int) -> None:
    if session.json:
        gaps = [{"gap": each.gap, "signals": len(each.signals), "problem": each.problem} for each in replayed]
        print_json({"gaps": gaps, **_document(found, delivered)})
        return
    for each in replayed:
        what = f"still a gap: {each.problem}" if each.problem else f"closed, {plural(len(each.signals), 'signal')}"
        say(f"{each.gap.table} {each.gap.first}-{each.gap.last}, rule {each.gap.rule}: {what}")
    say(f"{plural(len(replayed), 'gap')}: {_told(found, delivered)}")


def _document(found: Detected, delivered: int) -> dict[str, Any]:
    from .alerts import alert_document

    dispositions = Counter(str(each.disposition) for each in found.signals)
    return {
        "signals": len(found.signals),
        "shadow": dispositions["shadow"],
        "suppressed": dispositions["suppressed"],
        "opened": [alert_document(each) for each in found.opened],
        "updated": [alert_document(each) for each in found.updated],
        "deliveries": delivered,
    }


def _told(found: Detected, delivered: int) -> str:
    dispositions = Counter(str(each.disposition) for each in found.signals)
    apart = [("shadow", "on trial"), ("suppressed", "suppressed")]
    silent = ", ".join(f"{dispositions[name]} {words}" for name, words in apart if dispositions[name])
    return (
        f"{plural(len(found.signals), 'signal')}{f' ({silent})' if silent else ''}: "
        f"{plural(len(found.opened), 'new alert')}, "
        f"{len(found.updated)} updated, {plural(delivered, 'message')} delivered."
    )


def _show_detected(session: Session, runtime: Runtime, found: Detected, delivered: int) -> None:
    from .alerts import alert_table

    rules = len(runtime.rules.all)
    if session.json:
        counts = {"rules": rules, "broken_rules": len(runtime.rules.broken)}
        print_json({**counts, **_document(found, delivered), "problems": found.problems})
        return
    if found.opened:
        alert_table(found.opened)
        say()
    say(f"{plural(rules, 'rule')}, {_told(found, delivered)}")
    for rule, problem in found.problems.items():
        say(f"{rule} failed: {problem}", err=True)
    if runtime.rules.broken:
        say(
            f"{plural(len(runtime.rules.broken), 'rule')} did not load: {session.command} rules list --broken", err=True
        )
