"""``mantissa alerts verdict``: what an alert was."""

from __future__ import annotations

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import print_json, say

from .present import in_words, judged, the_alert

VERDICTS = {"true": "true_positive", "false": "false_positive", "benign": "benign"}


@click.command("verdict", cls=Command)
@click.argument("alert_id", metavar="ALERT")
@click.argument("verdict", type=click.Choice(tuple(VERDICTS)))
@click.option("--note", default="", metavar="TEXT", help="Why; kept with who and when.")
@pass_session
def judge_alert(session: Session, alert_id: str, verdict: str, note: str) -> None:
    """Say what an alert was: an attack (true), not what its rule is about (false), or that but allowed (benign).

    ALERT is the beginning of an id. The last verdict counts, the former ones are kept. 'mantissa rules precision' sums
    them up by rule.
    """
    from mantissa_core.alert.verdicts import Verdict
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        alert = the_alert(runtime, alert_id)
        made = runtime.verdicts.record(alert, Verdict(VERDICTS[verdict]), by=this_user(), note=note)
    if session.json:
        print_json({"alert": alert.id, "rule": alert.rule_id, **(judged(made) or {})})
    else:
        say(f"{alert.summary}: {in_words(made.verdict)}.")
