"""``mantissa conversations``: one's questions that follow each other, as far as they are kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .command import Group, Session, pass_session
from .output import number, plural, print_json, say, table

if TYPE_CHECKING:
    from mantissa_core.ask.conversations import Turn


@click.group("conversations", cls=Group)
def command() -> None:
    """List, show and delete your conversations. Questions and their SQL are kept for 90 days, rows never."""


@command.command("list")
@pass_session
def list_conversations(session: Session) -> None:
    """List your conversations, the one that went on last first."""
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        found = runtime.asker.conversations.list(this_user())
    if session.json:
        print_json([asdict(each) for each in found])
        return
    if not found:
        say(f'There is no conversation yet. {session.command} ask "…"')
        return
    rows = [(each.id, each.updated, number(each.turns), each.title) for each in found]
    table(["ID", "LAST", "QUESTIONS", "BEGAN WITH"], rows, right=["QUESTIONS"], fixed=["ID", "LAST"])
    if not session.quiet:
        say(f"\n{plural(len(found), 'conversation')}")


@command.command("show")
@click.argument("id_", metavar="ID")
@pass_session
def show(session: Session, id_: str) -> None:
    """Show the questions of a conversation, what was understood, and how many rows they found."""
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        kept = runtime.asker.conversations
        turns = list(kept.turns(this_user(), kept.get(this_user(), id_).id))
    if session.json:
        print_json([_document(each) for each in turns])
        return
    for each in turns:
        say(f"{each.number}. {each.question}")
        told = f"{plural(each.result_count, 'row')}: " if each.status == "succeeded" else f"{each.status}: "
        say(f"   {each.at:%Y-%m-%d %H:%M} UTC, {told}{each.explanation}")


@command.command("delete")
@click.argument("id_", metavar="ID")
@pass_session
def delete(session: Session, id_: str) -> None:
    """Forget a conversation. The audit log keeps what was asked."""
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        runtime.asker.conversations.delete(this_user(), id_)
    if not session.quiet:
        say(f"{id_} is forgotten.", err=True)


def _document(turn: Turn) -> dict[str, Any]:
    plan = turn.plan.model_dump(mode="json") if turn.plan else None
    return {
        "number": turn.number,
        "at": turn.at,
        "question": turn.question,
        "status": turn.status,
        "plan": plan,
        "sql": turn.sql,
        "explanation": turn.explanation,
        "result_count": turn.result_count,
    }
