"""``mantissa rules diff``."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import number, plural, print_json, say, table
from mantissa_core.cli.progress import progress

from .span import span_of, span_options

if TYPE_CHECKING:
    from mantissa_core.detect.workflow.backtest import Difference


@click.command("diff", cls=Command)
@click.argument("old", type=click.Path(exists=True, path_type=Path))
@click.argument("new", type=click.Path(exists=True, path_type=Path))
@span_options("30d")
@pass_session
def diff_rules(session: Session, old: Path, new: Path, last: timedelta, until: datetime | None) -> None:
    """Compare two rule sets by what they find in the same stored events.

    OLD and NEW are rule files or folders of them. Says which matches appear and which disappear. Nothing is stored.
    """
    from mantissa_core.detect.follow.history import replay_all
    from mantissa_core.detect.rules.rule_set import RuleSet
    from mantissa_core.detect.workflow.backtest import differences

    span = span_of(last, until)
    with session.runtime() as runtime:
        log_types, placeholders = runtime.log_types, runtime.settings.rules.placeholders
        before, after = (RuleSet.load(packs=False, paths=[each], placeholders=placeholders) for each in (old, new))
        with progress(session, "Replaying"):
            found = differences(
                before.sigma,
                replay_all(before, runtime.lake, log_types, span),
                after.sigma,
                replay_all(after, runtime.lake, log_types, span),
            )
    for error in (*before.broken.values(), *after.broken.values()):
        say(f"did not load: {error}", err=True)
    if session.json:
        print_json(found)
        return
    _show([each for each in found if each.differs or each.change != "same"])
    changed = [each for each in found if each.differs]
    say(
        f"{plural(len(found), 'rule')}, {len(changed)} with other matches: "
        f"{plural(sum(each.appear for each in found), 'match appears', 'matches appear')}, "
        f"{plural(sum(each.disappear for each in found), 'disappears', 'disappear')}."
    )


def _show(found: list[Difference]) -> None:
    if not found:
        return
    counted = ["BEFORE", "AFTER", "APPEAR", "DISAPPEAR"]
    rows = [
        (each.id[:8], each.title, each.change, *map(number, (each.before, each.after, each.appear, each.disappear)))
        for each in found
    ]
    table(["ID", "TITLE", "RULE", *counted], rows, right=counted, fixed=["ID", "RULE"])
    say()
    for each in found:
        for sign, ids in (("+", each.appearing), ("-", each.disappearing)):
            for event_id in ids:
                say(f"  {sign} {each.id[:8]} {event_id}")
    if any(each.differs for each in found):
        say()
