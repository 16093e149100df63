"""Progress of long work, on standard error and only where a person watches it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .session import Session

Advance = Callable[[float], None]
"""Sets how much of the total is done."""


@contextmanager
def progress(session: Session, title: str, total: float | None = None, *, bytes_: bool = False) -> Iterator[Advance]:
    """Show a bar towards ``total``, or a spinner without one; nothing where nobody watches."""
    if session.quiet or session.json or not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    counter = DownloadColumn() if bytes_ else MofNCompleteColumn()
    columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
    from .output import console

    measured = [BarColumn(), counter] if total is not None else []
    with Progress(*columns, *measured, console=console(err=True), transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)
