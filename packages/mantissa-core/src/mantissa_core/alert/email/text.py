"""The letter as plain text, for programs that show no HTML, for screens and for searching."""

from __future__ import annotations

from collections.abc import Iterator

from .letter import Letter, Lines


def as_text(letter: Letter) -> str:
    """What people read; lines are as long as their contents."""
    return "\n".join(_lines(letter)) + "\n"


def _lines(letter: Letter) -> Iterator[str]:
    yield f"{letter.severity.upper()}: {letter.summary}"
    if letter.status:
        yield letter.status
    yield ""
    yield from _table(letter.answers)
    yield ""
    yield from _table(letter.facts)
    for number, event in enumerate(letter.events, start=1):
        yield ""
        yield f"Event {number}"
        yield from (f"  {name} = {value}" for name, value in event)
    if letter.more:
        yield ""
        yield letter.more
    if letter.steps:
        yield ""
        yield "Next"
        yield from (f"  {each}" for each in letter.steps)
    yield ""
    yield "-- "
    yield letter.foot


def _table(lines: Lines) -> Iterator[str]:
    width = max((len(name) for name, _ in lines), default=0)
    return (f"{name:<{width}}  {text}" for name, text in lines)
