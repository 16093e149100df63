"""``mantissa rules profile``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import number, plural, print_json, say, table
from mantissa_core.cli.progress import progress

from .chosen import chosen_rules
from .span import span_of, span_options

if TYPE_CHECKING:
    from mantissa_core.detect.rules.rule import Rule
    from mantissa_core.detect.workflow.profile import Cost, Profile
    from mantissa_core.model import LogType, Signal
    from mantissa_core.parse.log_types import LogTypes


@click.command("profile", cls=Command)
@click.argument("which", nargs=-1, metavar="[RULE]...")
@span_options("7d")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Rules that are listed.")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A log file instead.")
@click.option("--type", "type_name", metavar="LOG_TYPE", help="What the file holds: aws.cloudtrail.")
@pass_session
def profile_rules(
    session: Session,
    which: tuple[str, ...],
    last: timedelta,
    until: datetime | None,
    top: int,
    file: Path | None,
    type_name: str | None,
) -> None:
    """Measure what each rule costs on stored events, most expensive first, and say why.

    RULE is the path of a rule file or a folder of them, or the beginning of an id; without one, every rule of the
    instance is measured. The time is that of the rule alone; rules that run together share work. With --file the
    events are those of a log file, which is not stored.
    """
    from mantissa_core.detect.follow.history import batches, file_batches, replay, signals_of
    from mantissa_core.detect.match.route import log_types_of
    from mantissa_core.detect.workflow.profile import correlation_costs

    if (file is None) != (type_name is None):
        raise click.UsageError("--file and --type go together")
    rules, log_types = chosen_rules(session, which)
    span = span_of(last, until)
    profiles: list[Profile] = []
    with session.runtime() as runtime, progress(session, "Measuring"):
        only = log_types.get(type_name) if type_name else None
        for log_type, profile in _profiles(rules.rules, log_types):
            if file is None:
                profile.add(batches(runtime.lake, log_type, profile.columns, span))
            elif log_type is only:
                profile.add(file_batches(file, log_type, runtime.decoder(log_type.decoder)))
            if only is None or log_type is only:
                profiles.append(profile)
        referred = [rule for rule in rules.rules if any(rule.id in each.ids.values() for each in rules.correlations)]
        signals: Iterable[Signal] = ()
        if file is None:
            signals = replay(referred, runtime.lake, log_types, span)
        elif only is not None:
            below = [rule for rule in referred if only in log_types_of(rule, log_types)]
            signals = signals_of(below, only, file_batches(file, only, runtime.decoder(only.decoder)))
        correlations = correlation_costs(rules.correlations, signals)
    _report(session, profiles, correlations, top)


def _report(session: Session, profiles: Sequence[Profile], correlations: Sequence[Cost], top: int) -> None:
    costs = [*(cost for each in profiles for cost in each.costs), *correlations]
    costs.sort(key=lambda each: -each.seconds)
    together = sum(each.together for each in profiles)
    if session.json:
        print_json({"together_seconds": together, "rules": [_document(each) for each in costs]})
        return
    _show(costs[:top])
    if correlations:
        say("Of a correlation the events are the matches that it is about.")
    events = sum(max((cost.events for cost in each.costs), default=0) for each in profiles)
    rate = f", {number(events / together)} events/s" if together else ""
    say(f"{plural(len(costs), 'rule')} on {plural(events, 'event')}: {together:.2f} s all together{rate}.")


def _profiles(rules: list[Rule], log_types: LogTypes) -> Iterator[tuple[LogType, Profile]]:
    from mantissa_core.detect.match.route import routed
    from mantissa_core.detect.workflow.profile import Profile

    for name, some in routed(rules, log_types).items():
        if (log_type := log_types.by_table(name)) is not None:
            yield log_type, Profile(some, log_type)


def _show(costs: list[Cost]) -> None:
    if not costs:
        return
    counted = ["MS", "NS/EVENT", "MATCHES"]
    rows = [
        (
            each.rule.id[:8],
            each.rule.title,
            f"{each.seconds * 1e3:,.1f}",
            number(each.seconds * 1e9 / each.events) if each.events else "",
            number(each.matches),
        )
        for each in costs
    ]
    table(["ID", "TITLE", *counted], rows, right=counted, fixed=["ID"])
    say()
    for each in costs:
        for reason in each.reasons:
            say(f"{each.rule.id[:8]}  {reason}")
    if any(each.reasons for each in costs):
        say()


def _document(cost: Cost) -> dict[str, object]:
    return {
        "rule": cost.rule.id,
        "title": cost.rule.title,
        "log_type": cost.log_type,
        "seconds": cost.seconds,
        "events": cost.events,
        "matches": cost.matches,
        "pins": [str(each) for each in getattr(cost.rule, "pins", ())],
        "witness": getattr(cost.rule, "witnesses", None) is not None,
        "reasons": cost.reasons,
    }
