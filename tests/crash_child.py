"""The pipeline in a process that can be killed anywhere: collect → files → intent → commits → detect → alert → outbox.

A zygote: it imports everything once, then forks a child per line on standard input. A line is
``[HOME, SOURCE, N, LATER]`` (JSON): run the pipeline with the outbox's clock ``LATER`` seconds ahead, and kill it at
step N (0: never, but count; null: do not even count). A step is a call of a function of the pipeline, or its return.
It answers with a line (JSON): ``["killed", []]``, or ``["done", [STEP, ...]]`` with every step that was counted.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

import mantissa_core
from mantissa_core import Runtime
from mantissa_core.alert.outbox import Outbox
from mantissa_core.hookspecs import AlertSink

STAGES = ("collect", "lake", "state", "detect", "alert")
FOLDERS = tuple(f"{folder}{os.sep}{stage}{os.sep}" for folder in mantissa_core.__path__ for stage in STAGES)

RULE = """
title: A door was forced
id: 3f6f2d53-9a57-4e0e-9d52-6b0f3a1f7b52
status: test
level: high
logsource: {product: generic}
detection:
  selection: {action: forced}
  condition: selection
"""


def settings(home: Path, source: Path) -> dict[str, object]:
    """A home with one followed folder, one rule and one exact sink."""
    (home / "rules").mkdir(parents=True, exist_ok=True)
    (home / "rules" / "door.yml").write_text(RULE)
    return {
        "home": str(home),
        "rules": {"packs": False, "paths": ["rules"]},
        "log_types": {"paths": ["log_types"]},
        "collectors": {"doors": {"plugin": "core.file", "path": str(source), "log_type": "test.door"}},
        "sinks": {"file": {"plugin": "core.file", "path": "alerts.ndjson"}},
    }


def pipeline(home: Path, source: Path, later: float = 0) -> None:
    """Everything once, as ``mantissa run`` does it again and again."""
    with Runtime.open(settings(home, source)) as siem:
        siem.outbox = Outbox(
            siem.state, siem.plugins(AlertSink), clock=lambda: datetime.now(UTC) + timedelta(seconds=later)
        )
        for _ in siem.collect():
            pass
        siem.detect()
        siem.deliver()


class Countdown:
    """Notes the pipeline's steps and kills the process at the ``at``-th."""

    def __init__(self, at: int) -> None:
        self.steps: list[str] = []
        self._at = at
        self._counts: dict[str, bool] = {}

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event not in ("call", "return"):
            return
        file = frame.f_code.co_filename
        counts = self._counts.get(file)
        if counts is None:
            counts = self._counts[file] = file.startswith(FOLDERS)
        if counts:
            module = frame.f_globals["__name__"].removeprefix("mantissa_core.")
            self.steps.append(f"{event} {module}.{frame.f_code.co_qualname}")
            if len(self.steps) == self._at:
                os.kill(os.getpid(), signal.SIGKILL)


def preload() -> None:
    """Import the stages before the fork: a child starts at once, and every step is one that works."""
    for stage in (*STAGES, "parse"):
        package = importlib.import_module(f"mantissa_core.{stage}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    import sigma.conditions  # noqa: F401  # imported late by the compiler of rules

    assert threading.active_count() == 1, threading.enumerate()  # a fork copies one thread


def child(home: Path, source: Path, at: int | None, later: float) -> list[str]:
    """Run the pipeline under a countdown; return its steps."""
    if at is None:
        pipeline(home, source, later)
        return []
    countdown = Countdown(at)
    threading.setprofile(countdown)
    sys.setprofile(countdown)
    pipeline(home, source, later)
    sys.setprofile(None)
    return countdown.steps


def main() -> None:
    """Fork a child per line on standard input and say what became of it."""
    preload()
    for line in sys.stdin:
        home, source, at, later = json.loads(line)
        readable, writable = os.pipe()
        if (pid := os.fork()) == 0:
            status = 1
            try:
                steps = child(Path(home), Path(source), at, later)
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
