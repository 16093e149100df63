"""Questions at the terminal, on standard error: what is required first, then what somebody wants to change."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.output import say
from mantissa_core.errors import ConfigError, MantissaError

if TYPE_CHECKING:
    from mantissa_core.model import Choice
    from mantissa_core.runtime import Runtime
    from mantissa_core.setup.question import Question

_CHANGE = "Change which ones (names, separated by commas; empty for none)"
_LISTED = 40
"""Choices that are shown at once."""


def choose_type(text: str, asking: bool) -> str:
    """The sink that a short name means.

    Raises:
        click.BadParameter: it means several, and nobody can be asked.
        ConfigError: it means none.
    """
    from mantissa_core.setup.sink_types import matching

    found = matching(text)
    if len(found) == 1:
        return found[0].name
    if not asking:
        lines = "\n".join(f"  {each.name}: {each.about}" for each in found)
        raise click.BadParameter(f"{text!r} may be one of several:\n{lines}", param_hint="TYPE")
    for at, each in enumerate(found, 1):
        say(f"{at}  {each.name}: {each.about}", err=True)
    return found[click.prompt("Which one", type=click.IntRange(1, len(found)), err=True) - 1].name


def ask(runtime: Runtime, sink_type: str, questions: Sequence[Question], answers: Mapping[str, Any]) -> dict[str, Any]:
    """Add to ``answers`` what the terminal says."""
    found = dict(answers)
    for each in questions:
        if each.required and each.name not in found:
            found[each.name] = _ask(runtime, sink_type, each, found)
    others = [each for each in questions if each.name not in found]
    for each in _wanted(others):
        found[each.name] = _ask(runtime, sink_type, each, found)
    return {name: value for name, value in found.items() if value is not None}


def _wanted(questions: Sequence[Question]) -> list[Question]:
    """The optional settings that somebody wants to change."""
    if not questions:
        return []
    say("\nThese have defaults:", err=True)
    for each in questions:
        default = "" if each.default in (None, "", [], {}) else f" [{_text(each.default)}]"
        say(f"  {each.name}{default}  {each.help}", err=True)
    known = {each.name: each for each in questions}
    while True:
        names = click.prompt(_CHANGE, "", show_default=False, err=True)
        chosen = [each.strip() for each in names.split(",") if each.strip()]
        if unknown := [each for each in chosen if each not in known]:
            say(f"There is no {', '.join(unknown)}.", err=True)
            continue
        return [known[each] for each in chosen]


def _ask(runtime: Runtime, sink_type: str, question: Question, answers: Mapping[str, Any]) -> Any:
    from mantissa_core.setup.answer import answer

    say(f"\n{question.name}: {question.help}", err=True)
    set_already = [each for each in question.variables if os.environ.get(each)]
    if set_already:
        say(f"Empty: what {set_already[0]} holds.", err=True)
    looked_up = [] if question.secret else _choices(runtime, sink_type, question, answers)
    _list(looked_up, question)
    while True:
        text = _typed(question)
        if not text:
            if question.required and not set_already:
                say("It is required.", err=True)
                continue
            return None
        try:
            return (_picked(looked_up, text) if _is_one(question) else None) or answer(question, text)
        except ConfigError as error:
            say(f"Found {error.found}, expected {error.expected}.", err=True)


def _typed(question: Question) -> str:
    if question.secret:
        return str(click.prompt("Value (not shown; or env:NAME)", "", hide_input=True, show_default=False, err=True))
    return str(click.prompt("Value", "", show_default=False, err=True)).strip()


def _choices(runtime: Runtime, sink_type: str, question: Question, answers: Mapping[str, Any]) -> Sequence[Choice]:
    """What the destination offers; where it cannot be asked, the value is typed."""
    from mantissa_core.setup.trial import choices

    try:
        return choices(runtime, sink_type, answers, question.name)
    except MantissaError as error:
        say(f"The destination lists none: {getattr(error, 'reason', error)}", err=True)
        return ()


def _list(looked_up: Sequence[Choice], question: Question) -> None:
    for at, each in enumerate(looked_up[:_LISTED], 1):
        say(f"  {at}  {each.label}" if _is_one(question) else f"  {each.value}", err=True)
    if len(looked_up) > _LISTED:
        say(f"  … and {len(looked_up) - _LISTED} more: type the name.", err=True)
    if question.choices and not looked_up:
        say(f"One of {', '.join(question.choices)}.", err=True)
    if question.kind in ("list", "table"):
        say(
            "Several are separated by commas." if question.kind == "list" else "As key=value, separated by commas.",
            err=True,
        )


def _is_one(question: Question) -> bool:
    return question.kind not in ("list", "table")


def _picked(looked_up: Sequence[Choice], text: str) -> str | None:
    """The value of a choice by its number, its name or itself."""
    if text.isdecimal() and 1 <= int(text) <= min(len(looked_up), _LISTED):
        return looked_up[int(text) - 1].value
    wanted = text.lower().lstrip("#")
    return next((each.value for each in looked_up if wanted == each.label.lower().lstrip("#")), None)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
