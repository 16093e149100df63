"""``mantissa audit``: who did and asked what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from .command import Command, Session, pass_session
from .output import moment, plural, print_json, say, table

_OWN = frozenset({"subject", "action", "by", "at"})
_LONGEST = 160


@click.command("audit", cls=Command)
@click.option("--user", metavar="NAME", help="Only of this user.")
@click.option("--since", metavar="TIME", help="Only since then: 24h, 7d, 2026-11-20, 2026-11-20T08:00Z.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many, the last ones.")
@pass_session
def command(session: Session, user: str | None, since: str | None, limit: int) -> None:
    """List who changed and asked what, oldest first.

    Steps of alerts and verdicts, rules, packs, destinations, tokens; queries, questions
    and what AI assistants called.
    """
    from mantissa_core.state.audit import trail

    start = _time(since)
    with session.runtime() as runtime:
        found = trail(runtime.state, start, user)[-limit:]
    if session.json:
        print_json(found)
    elif found:
        rows = [(moment(datetime.fromisoformat(each["at"])), each["by"], each["action"], _subject(each), _rest(each))
                for each in found]  # fmt: skip
        table(["TIME (UTC)", "WHO", "DID", "TO", "DETAILS"], rows, fixed=["TIME (UTC)", "DID"])
        if not session.quiet:
            say(f"\n{plural(len(found), 'entry', 'entries')}")
    else:
        say("Nothing was written down.")


def _time(text: str | None) -> datetime | None:
    from mantissa_core.config import seconds

    if text is None:
        return None
    try:
        return datetime.now(UTC) - timedelta(seconds=float(seconds(text)))
    except (ValueError, OverflowError):
        pass  # no length of time
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        expected = "a length of time such as 24h, or a date or time such as 2026-11-20"
        raise click.BadParameter(f"{text!r} is not {expected}", param_hint="--since") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _subject(entry: Mapping[str, Any]) -> str:
    return "" if entry["subject"] == entry["action"] else str(entry["subject"])


def _rest(entry: Mapping[str, Any]) -> str:
    told = (f"{name}={value}" for name, value in entry.items() if name not in _OWN and value not in (None, "", [], {}))
    text = " ".join(" ".join(told).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
