"""Handing records over where the sender cannot be told to come back: again and again, until the lake takes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from mantissa_core.errors import MantissaError, Retry
from mantissa_core.log import get_logger
from mantissa_core.model import Pushed

AGAIN = 1.0
"""Seconds until the next attempt where the runtime does not say."""
LONGEST = 5.0
LAST = 1.0
"""Seconds after a stop within which what is in hand may still be taken."""


class HandOver:
    """Submits; while the lake is behind it waits, and whoever calls it does. After a stop it gives up, and says so."""

    def __init__(self, submit: Callable[[str, Pushed], None], stop: threading.Event) -> None:
        self._submit, self._stop = submit, stop

    def submit(self, records: Mapping[str, Pushed]) -> None:
        """Submit records by log type."""
        for log_type, listed in records.items():
            self._one(log_type, listed)

    def _one(self, log_type: str, records: Pushed) -> None:
        told, until = False, float("inf")
        while True:
            try:
                self._submit(log_type, records)
                return
            except MantissaError as error:
                wait = error.after if isinstance(error, Retry) and error.after is not None else AGAIN
                if not told:
                    get_logger("push").warning("messages wait", log_type=log_type, reason=str(error))
                told = True
            if self._stop.is_set():
                until = min(until, time.monotonic() + LAST)
                if time.monotonic() >= until:
                    break
                time.sleep(min(wait, LAST / 5))
            else:
                self._stop.wait(min(wait, LONGEST))
        get_logger("push").error("messages lost at the stop", log_type=log_type, count=len(records))
