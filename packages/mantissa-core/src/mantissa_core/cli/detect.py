"""``mantissa detect``: the rules on what is new."""

from __future__ import annotations

from collections import Counter

import click

from .command import Command, Session, pass_session
from .output import plural, print_json, say
from .progress import progress


@click.command("detect", cls=Command)
@click.option("--no-deliver", is_flag=True, help="Leave deliveries to 'mantissa run' or a later 'mantissa detect'.")
@pass_session
def command(session: Session, no_deliver: bool) -> None:
    """Evaluate the rules on events that no run has seen, open alerts and deliver them."""
    from .alerts import alert_document, alert_table

    with session.runtime() as runtime:
        with progress(session, "Evaluating rules"):
            found = runtime.detect()
        dispositions = Counter(str(each.disposition) for each in found.signals)
        delivered = 0 if no_deliver else runtime.deliver()
        if session.json:
            print_json(
                {
                    "rules": len(runtime.rules.rules),
                    "broken_rules": len(runtime.rules.broken),
                    "signals": len(found.signals),
                    "shadow": dispositions["shadow"],
                    "suppressed": dispositions["suppressed"],
                    "opened": [alert_document(each) for each in found.opened],
                    "updated": [alert_document(each) for each in found.updated],
                    "deliveries": delivered,
                }
            )
            return
        if found.opened:
            alert_table(found.opened)
            say()
        apart = [("shadow", "on trial"), ("suppressed", "suppressed")]
        told = ", ".join(f"{dispositions[name]} {words}" for name, words in apart if dispositions[name])
        signals = plural(len(found.signals), "signal") + (f" ({told})" if told else "")
        say(
            f"{plural(len(runtime.rules.rules), 'rule')}, {signals}: "
            f"{plural(len(found.opened), 'new alert')}, {len(found.updated)} updated, "
            f"{plural(delivered, 'message')} delivered."
        )
        if runtime.rules.broken:
            say(
                f"{plural(len(runtime.rules.broken), 'rule')} did not load: {session.command} rules list --broken",
                err=True,
            )
