"""The pipeline in a process that can be killed anywhere: collect → files → intent → commits → detect → alert → outbox.

    python crash_child.py HOME SOURCE PROGRESS

A zygote: it imports everything once, then forks a child per line on standard input. A line is ``N``: kill the child
at the N-th call of a function of the pipeline (0: never). It answers with a line: ``killed``, or ``done CALLS``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

import deltalake  # noqa: F401  # imported before the fork, so that a child starts in no time
import duckdb  # noqa: F401
from mantissa_core import Runtime

STAGES = tuple(
    f"{os.sep}mantissa_core{os.sep}{stage}{os.sep}" for stage in ("collect", "lake", "state", "detect", "alert")
)

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


def pipeline(home: Path, source: Path) -> None:
    """Everything once, as ``mantissa run`` does it again and again."""
    with Runtime.open(settings(home, source)) as siem:
        for _ in siem.collect():
            pass
        siem.detect()
        siem.deliver()


class Countdown:
    """Counts calls of the pipeline's functions and kills the process at one of them."""

    def __init__(self, at: int) -> None:
        self.calls, self._at = 0, at

    def __call__(self, frame: object, event: str, _argument: object) -> None:
        if event == "call" and any(stage in frame.f_code.co_filename for stage in STAGES):
            self.calls += 1
            if self.calls == self._at:
                os.kill(os.getpid(), signal.SIGKILL)


def child(home: Path, source: Path, at: int, answer: int) -> None:
    """Run the pipeline under a countdown, and write the number of calls."""
    countdown = Countdown(at)
    threading.setprofile(countdown)
    sys.setprofile(countdown)
    pipeline(home, source)
    sys.setprofile(None)
    os.write(answer, str(countdown.calls).encode())


def main() -> None:
    """Fork a child per line ``HOME SOURCE N`` (JSON) and say what became of it."""
    for line in sys.stdin:
        home, source, at = json.loads(line)
        readable, writable = os.pipe()
        if (pid := os.fork()) == 0:
            status = 1
            try:
                child(Path(home), Path(source), at, writable)
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        os.close(writable)
        calls = os.read(readable, 64).decode()
        os.close(readable)
        _, status = os.waitpid(pid, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if killed else f"done {calls}" if status == 0 else f"failed {status}", flush=True)


if __name__ == "__main__":
    main()
