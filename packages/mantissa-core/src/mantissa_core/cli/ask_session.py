"""``mantissa ask`` without a question: a prompt. Each question follows the one before; ``:help`` lists the rest."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mantissa_core.errors import QueryError

from .answers import drawn, show, took
from .output import say, table

if TYPE_CHECKING:
    from mantissa_core.ask.answer import Answer
    from mantissa_core.runtime import Runtime

    from .ask import Asked
    from .command import Session

HELP = (
    (":sql", "the SQL of the last answer"),
    (":chart", "the last answer as a chart"),
    (":cite", "ids and tables of the events that it lists"),
    (":save NAME", "save the last question"),
    (":new", "begin another conversation"),
    (":quit", "leave, as does Ctrl-D"),
)


def converse(session: Session, runtime: Runtime, asked: Asked) -> None:
    """Read questions and answer them until the end of the input."""
    _remember(runtime, asked)
    if not session.quiet:
        say("Ask about the logs. :help lists commands, :quit leaves.", err=True)
    last: Answer | None = None
    while (line := _line()) is not None:
        try:
            if line.startswith(":"):
                if line in (":quit", ":q"):
                    break
                _command(runtime, asked, line, last)
            elif line:
                last = _answer(session, runtime, asked, line)
        except QueryError as error:
            say(f"{error}", err=True)
    if not session.quiet and last is not None and last.conversation:
        say(f"Go on another time: {session.command} ask -c {last.conversation}", err=True)


def _line() -> str | None:
    try:
        # input() edits lines and knows the lines before where readline is loaded; its prompt goes to the terminal.
        line = input("? ") if sys.stdin.isatty() else sys.stdin.readline()
    except EOFError:
        say(err=True)
        return None
    return None if not line and not sys.stdin.isatty() else line.strip()


def _answer(session: Session, runtime: Runtime, asked: Asked, question: str) -> Answer:
    from .ask import ask

    answer = ask(session, runtime, asked, question)
    asked.conversation = answer.conversation or asked.conversation
    show(answer, sql=asked.explain, chart=asked.chart)
    if answer.rows is not None and not session.quiet:
        say(took(answer), err=True)
    say()
    return answer


def _command(runtime: Runtime, asked: Asked, line: str, last: Answer | None) -> None:
    name, _, words = line.partition(" ")
    if name == ":new":
        asked.conversation = "new"
    elif name == ":help":
        table(["COMMAND", "WHAT IT DOES"], HELP, fixed=["COMMAND"])
    elif name not in (":sql", ":chart", ":cite", ":save"):
        say(f"{name} is no command: :help lists them", err=True)
    elif last is None or not last.sql:
        say("there is no answer yet", err=True)
    elif name == ":sql":
        say(last.sql)
    elif name == ":chart":
        drawn(last)
    elif name == ":cite":
        table(["ID", "TABLE"], [(each.m_id, each.table) for each in last.citations], fixed=["ID", "TABLE"])
    elif last.plan is None:
        say("a model wrote the SQL, which cannot be saved as a question", err=True)
    else:
        runtime.asker.saved.save(asked.user, words.strip(), last.question, last.plan)


def _remember(runtime: Runtime, asked: Asked) -> None:
    """Give the line editor the conversation's questions. Some systems have none: lines are read plainly there."""
    try:
        import readline
    except ImportError:
        return
    if sys.stdin.isatty() and asked.conversation != "new":
        kept = runtime.asker.conversations
        for turn in kept.turns(asked.user, kept.resolve(asked.user, asked.conversation)):
            readline.add_history(click.unstyle(turn.question).replace("\n", " "))
