"""The way of an alert in a process that can be killed anywhere: signal → alert → outbox → POST → mark.

A zygote as in ``crash_child.py``. A line is ``[HOME, URL, N, LATER]`` (JSON): detect and deliver with the outbox's
clock ``LATER`` seconds ahead, and kill the process at step N (0: never). A step is the moment before or behind
something that lasts: a commit to the lake, a commit to the state store, a POST. It answers with a line (JSON): what
became of the child, and the steps that it took, where it came to its end.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crash_child import preload
from mantissa_core import Runtime
from mantissa_core.alert.outbox import Outbox
from mantissa_core.alert.outbox.rounds import Rounds
from mantissa_core.alert.webhook import Webhook
from mantissa_core.hookspecs import AlertSink
from mantissa_core.lake.delta import Delta
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.state.sqlite import SQLite


def settings(home: Path, url: str) -> dict[str, object]:
    """A home with one rule and two webhooks: ``once`` drops what it knows, ``every`` takes all it gets."""
    return {
        "home": str(home),
        "rules": {"packs": False, "paths": ["rules"]},
        "sinks": {name: {"plugin": "core.webhook", "url": f"{url}/{name}"} for name in ("once", "every")},
    }


@functools.cache
def log_types() -> LogTypes:
    """Those in the folder that the command line names. Read before the fork: that takes longer than all the rest."""
    return LogTypes.load([Path(sys.argv[1])])


def run(home: Path, url: str, later: float) -> None:
    """What ``mantissa run`` does once events are stored, once."""
    with Runtime.open(settings(home, url)) as siem:
        siem.__dict__["log_types"] = log_types()
        siem.outbox = Outbox(
            siem.state, siem.plugins(AlertSink), clock=lambda: datetime.now(UTC) + timedelta(seconds=later)
        )
        siem.outbox._rounds = OneAfterTheOther(siem.outbox._work)
        siem.detect()
        siem.deliver()


class OneAfterTheOther(Rounds):
    """Destinations are worked on in their order, so that each step has one number."""

    def start(self, labels: Iterable[str]) -> list[Future[int]]:
        return [self._done(label) for label in labels]

    def _done(self, label: str) -> Future[int]:
        future: Future[int] = Future()
        delivered, more = 0, True
        while more:
            count, more = self._work(label)
            delivered += count
        future.set_result(delivered)
        return future


class Countdown:
    """Notes the steps and kills the process at the ``at``-th."""

    def __init__(self, at: int) -> None:
        self.steps: list[str] = []
        self._at = at

    def watch(self, owner: type, name: str, named: Callable[..., str]) -> None:
        """Count the calls of a method as two steps each."""
        original = getattr(owner, name)

        @functools.wraps(original)
        def watched(*arguments: Any, **named_arguments: Any) -> Any:
            what = named(*arguments, **named_arguments)
            self._pass(f"before {what}")
            result = original(*arguments, **named_arguments)
            self._pass(f"after {what}")
            return result

        setattr(owner, name, watched)

    def _pass(self, step: str) -> None:
        self.steps.append(step)
        if len(self.steps) == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


def _commit(_store: object, partition: str, puts: Any, _expects: object) -> str:
    kinds = sorted({f"{'-' if put.value is None else ''}{put.key.partition('/')[0]}" for put in puts})
    return f"commit {partition}: {' '.join(kinds)}"


def child(home: Path, url: str, at: int, later: float) -> list[str]:
    """Run under a countdown; return the steps."""
    countdown = Countdown(at)
    countdown.watch(Delta, "write", lambda *_arguments, **_named: "commit to the lake")
    countdown.watch(SQLite, "commit_documents", _commit)
    countdown.watch(Webhook, "deliver", lambda _sink, delivery: f"POST to {delivery.destination}")
    run(home, url, later)
    return countdown.steps


def main() -> None:
    """Fork a child per line on standard input and say what became of it."""
    preload()
    import httpx  # noqa: F401

    log_types()
    for line in sys.stdin:
        home, url, at, later = json.loads(line)
        readable, writable = os.pipe()
        if (pid := os.fork()) == 0:
            status = 1
            try:
                steps = child(Path(home), url, at, later)
                with os.fdopen(writable, "w") as answer:
                    json.dump(steps, answer)
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        os.close(writable)
        with os.fdopen(readable) as answer:
            steps = json.loads(answer.read() or "[]")
        _, status = os.waitpid(pid, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print(json.dumps(["killed" if killed else "done" if status == 0 else "failed", steps]), flush=True)


if __name__ == "__main__":
    main()
