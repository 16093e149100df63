"""What a question is at, in one line that goes when the answer is there; only where a person watches."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .output import console, number
from .session import Session

if TYPE_CHECKING:
    from rich.progress import Progress

    from mantissa_core.ask.events import Event


class Watch:
    """Words for the events of a question. Of what a model writes the length is shown: it is a plan, not prose."""

    def __init__(self, bar: Progress) -> None:
        self._bar, self._task = bar, bar.add_task("Reading the question", total=None)
        self._asking, self._written = "", 0

    def event(self, event: Event) -> None:
        """Show one step."""
        data = event.data
        if event.kind == "reading" and "call" in data:
            self._asking, self._written = _asking(data), 0
            self._say(self._asking)
        elif event.kind == "token":
            self._written += len(data["text"])
            self._say(f"{self._asking}: {number(self._written)} characters")
        elif event.kind == "estimate":
            self._say("Running the query")

    def stop(self) -> None:
        """Show nothing more."""
        self._bar.stop()

    def _say(self, text: str) -> None:
        self._bar.update(self._task, description=text)


def _asking(data: Any) -> str:
    again = f" again ({data['call']})" if data["call"] > 1 else ""
    price = "" if data["cost"] is None else f", {data['cost']:.2f} USD"
    return f"Asking {data['by']}{again}, at most {number(data['tokens'])} tokens{price}"


@contextmanager
def watching(session: Session) -> Iterator[Watch | None]:
    """Somebody who is shown events; nobody in JSON, with ``--quiet`` and away from a terminal."""
    if session.quiet or session.json or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()]
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        yield Watch(bar)
