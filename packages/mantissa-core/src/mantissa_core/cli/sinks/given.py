"""What ``--set`` and ``--secret`` say."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.references import is_reference

if TYPE_CHECKING:
    from mantissa_core.setup.question import Question


def given(questions: Sequence[Question], settings: Sequence[str], secrets: Sequence[str]) -> dict[str, Any]:
    """The answers in the options.

    Raises:
        click.BadParameter: a setting is unknown, or a credential stands in the command line.
        ConfigError: a value is not what the setting may be.
    """
    known = {each.name: each for each in questions}
    answers: dict[str, Any] = {}
    for text in settings:
        question, key, value = _parts(text, "--set", known)
        if question.secret and not is_reference(value):
            raise click.BadParameter(
                f"{question.name} is a credential: use --secret {question.name}=-, which reads standard input",
                param_hint="--set",
            )
        _put(answers, question, key, value, "--set")
    piped = [text for text in secrets if text.endswith("=-")]
    if len(piped) > 1:
        raise click.BadParameter("only one can come from standard input: use env:NAME", param_hint="--secret")
    for text in secrets:
        question, key, value = _parts(text, "--secret", known)
        if value != "-" and not is_reference(value):
            raise click.BadParameter(
                f"{question.name}: expected env:NAME, secret://NAME or '-': others on this machine see arguments",
                param_hint="--secret",
            )
        _put(answers, question, key, _read(question.name) if value == "-" else value, "--secret")
    return answers


def _parts(text: str, option: str, known: Mapping[str, Question]) -> tuple[Question, str, str]:
    name, equals, value = text.partition("=")
    setting, _, key = name.partition(".")
    if not equals:
        raise click.BadParameter("expected KEY=VALUE", param_hint=option)
    if setting not in known:
        raise click.BadParameter(f"no setting {setting[:60]!r}: it has {', '.join(known)}", param_hint=option)
    return known[setting], key, value


def _put(answers: dict[str, Any], question: Question, key: str, value: str, option: str) -> None:
    from mantissa_core.setup.answer import answer, table_entry

    if key:
        answers[question.name] = {**answers.get(question.name, {}), **table_entry(question, key, value, option)}
    else:
        answers[question.name] = answer(question, value, option)


def _read(name: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(name, hide_input=True, err=True))
    value = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not value:
        raise click.BadParameter(f"{name}: standard input is empty", param_hint="--secret")
    return value
