"""The collecting process as :mod:`.live_run` sees it: it is told the time, and may be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

LOG = "live.log"


class Child:
    """A process that collects. Its log is ``live.log`` in the instance's home."""

    def __init__(self, settings: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._log = Path(settings["home"]) / LOG
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mantissa_core.testing.live_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **environment},
                text=True,
            )
        self._say(settings)

    def step(self, now: datetime, *, tidy: bool, killed_after: float | None = None) -> int:
        """Let time go on and wait for what is due. Returns the process's memory in bytes, 0 of one that was killed.

        Raises:
            RuntimeError: the process has ended.
        """
        self._say({"now": now.isoformat(), "tidy": tidy})
        if killed_after is not None:
            time.sleep(killed_after)
            self._process.kill()
            self._process.communicate()
            return 0
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            lines = self._log.read_text("utf-8", "replace").splitlines()
            raise RuntimeError(f"the collecting process ended with {self._process.wait()}:\n" + "\n".join(lines[-30:]))
        return int(json.loads(answer)["rss"])

    def end(self) -> None:
        """Close standard input, which ends it."""
        self._process.communicate(timeout=60)

    def _say(self, what: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
