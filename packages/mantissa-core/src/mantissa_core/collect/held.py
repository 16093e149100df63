"""Messages of a queue that were received and are not acknowledged yet: nobody else gets them while they are worked on.

References: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html and
https://cloud.google.com/pubsub/docs/lease-management
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from mantissa_core.errors import NeedsOperator, Retry

_log = logging.getLogger(__name__)


class Held:
    """Handles of messages, held ``seconds`` at a time. ``hold`` gives ``most`` of them at once so many seconds more.

    ``hold`` raises ``Retry`` and ``NeedsOperator``: a message that could not be held, or let go, comes again by
    itself, and the ids of its events tell that they are known.
    """

    def __init__(self, hold: Callable[[Sequence[str], int], None], seconds: int, most: int) -> None:
        self._hold, self._seconds, self._most = hold, seconds, most
        self._handles: dict[str, None] = {}
        self._lock = threading.Lock()

    def add(self, handles: Iterable[str]) -> None:
        """Hold these as well, from half of the time on."""
        with self._lock:
            self._handles.update(dict.fromkeys(handles))

    def forget(self, handles: Iterable[str]) -> None:
        """These are done with."""
        with self._lock:
            for each in handles:
                self._handles.pop(each, None)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Hold what is added for as long as it takes; at the end let go of what is left."""
        stop = threading.Event()
        thread = threading.Thread(target=self._keep, args=(stop,), name="held-messages", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self._try(self._all(), 0)
            with self._lock:
                self._handles.clear()

    def extend(self, handles: Iterable[str] | None = None) -> None:
        """Begin the time of these anew, or of all."""
        self._try(self._all() if handles is None else handles, self._seconds)

    def batches(self, handles: Iterable[str]) -> Iterator[Sequence[str]]:
        """As many as one request may name, each."""
        rest = iter(handles)
        while batch := list(islice(rest, self._most)):
            yield batch

    def _keep(self, stop: threading.Event) -> None:
        while not stop.wait(self._seconds / 2):
            self.extend()

    def _all(self) -> list[str]:
        with self._lock:
            return list(self._handles)

    def _try(self, handles: Iterable[str], seconds: int) -> None:
        try:
            for batch in self.batches(handles):
                self._hold(batch, seconds)
        except (Retry, NeedsOperator) as error:
            _log.warning("messages may be received twice: %s", error)
