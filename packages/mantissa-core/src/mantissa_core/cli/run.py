"""``mantissa run``: the service in the foreground, for a terminal, systemd or a container."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from .command import Command, Session, pass_session
from .output import say
from .session import refuse_broken


@click.command("run", cls=Command)
@pass_session
def command(session: Session) -> None:
    """Collect, detect, deliver and maintain until stopped.

    SIGTERM or Ctrl-C finishes the batch in hand and exits with 0; a second one ends at once. Whatever happens,
    what was committed is kept and the rest is read again at the next start. The log goes to standard error;
    [log] in mantissa.toml sets its format and level.
    """
    from mantissa_core.service import Service

    settings, _ = session.settings()
    with session.runtime(log_level=settings.log.level) as runtime:
        if session.strict:
            runtime.rules  # noqa: B018  # loads them, so that a broken one is found before the start
            refuse_broken(runtime)
        if not session.quiet and not session.json:
            say(f"Running {runtime.home}. Ctrl-C stops after the batch in hand.", err=True)
        with stop_on_signals() as stop:
            Service(runtime).run(stop)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that the first SIGTERM or SIGINT sets; the second ends the process."""
    stop = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
