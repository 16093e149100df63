"""From what somebody typed to the value of a setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mantissa_core.errors import ConfigError
from mantissa_core.references import is_reference

from .question import Question

_SWITCH = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}


def answer(question: Question, text: str, where: str = "answer") -> Any:
    """The value that ``text`` means: lists are separated by commas, tables are ``key=value`` separated by commas.

    Raises:
        ConfigError: it is not what the setting may be. A secret is not repeated.
    """
    text = text.strip()
    if is_reference(text) and question.kind not in ("list", "table"):
        return text
    return _READERS[question.kind](question, text, where)


def table_entry(question: Question, key: str, text: str, where: str = "answer") -> Mapping[str, Any]:
    """One entry of a table."""
    if question.kind != "table":
        raise ConfigError(where, f"{question.name}.{key}", "a part of a setting", f"{question.name!r} as a whole")
    if question.keys and key not in question.keys:
        raise ConfigError(where, f"{question.name}.{key}", "an unknown name", f"one of {', '.join(question.keys)}")
    return {key: _chosen(question, text.strip(), where)}


def _number(convert: Callable[[str], Any], expected: str) -> Callable[[Question, str, str], Any]:
    def read(question: Question, text: str, where: str) -> Any:
        try:
            return convert(text)
        except ValueError:
            raise ConfigError(where, question.name, _shown(question, text), expected) from None

    return read


def _switch(question: Question, text: str, where: str) -> bool:
    if text.lower() not in _SWITCH:
        raise ConfigError(where, question.name, _shown(question, text), "yes or no")
    return _SWITCH[text.lower()]


def _chosen(question: Question, text: str, where: str) -> str:
    if not question.choices or text in question.choices:
        return text
    same = [each for each in question.choices if each.lower() == text.lower()]
    if not same:
        raise ConfigError(where, question.name, _shown(question, text), f"one of {', '.join(question.choices)}")
    return same[0]


def _list(question: Question, text: str, where: str) -> list[str]:
    return [_chosen(question, each.strip(), where) for each in text.split(",") if each.strip()]


def _table(question: Question, text: str, where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in filter(str.strip, text.split(",")):
        key, equals, value = each.partition("=")
        if not equals:
            raise ConfigError(where, question.name, _shown(question, each), "key=value, separated by commas")
        found |= table_entry(question, key.strip(), value, where)
    return found


def _shown(question: Question, text: str) -> str:
    return "another value" if question.secret else repr(text[:60])


_READERS: Mapping[str, Callable[[Question, str, str], Any]] = {
    "text": _chosen,
    "path": _chosen,
    "choice": _chosen,
    "integer": _number(int, "a whole number"),
    "number": _number(float, "a number"),
    "switch": _switch,
    "list": _list,
    "table": _table,
}
