"""Messages that were received and are not acknowledged yet: nobody else gets them while they are worked on.

Reference: https://cloud.google.com/pubsub/docs/lease-management
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from mantissa_core.errors import NeedsOperator, Retry

BATCH = 1000
"""Messages that one request names: ids have some 200 characters, a request at most 512 KiB."""
_log = logging.getLogger(__name__)


class Held:
    """Ids for acknowledging, held ``seconds`` at a time. ``set_deadline`` gives a batch of them so many seconds."""

    def __init__(self, set_deadline: Callable[[Sequence[str], int], None], seconds: int) -> None:
        self._set_deadline, self._seconds = set_deadline, seconds
        self._ids: dict[str, None] = {}
        self._lock = threading.Lock()

    def add(self, ids: Sequence[str]) -> None:
        """Hold these as well; the subscription's own deadline may be shorter than ours."""
        with self._lock:
            self._ids.update(dict.fromkeys(ids))
        self._try(ids, self._seconds)

    def forget(self, ids: Iterable[str]) -> None:
        """These are done with."""
        with self._lock:
            for each in ids:
                self._ids.pop(each, None)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Hold what is added for as long as it takes; at the end let go of what is left."""
        stop = threading.Event()
        thread = threading.Thread(target=self._keep, args=(stop,), name="pubsub-deadlines", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self._try(self._all(), 0)
            with self._lock:
                self._ids.clear()

    def extend(self) -> None:
        """Begin the time of all of them anew."""
        self._try(self._all(), self._seconds)

    def _keep(self, stop: threading.Event) -> None:
        while not stop.wait(self._seconds / 2):
            self.extend()

    def _all(self) -> list[str]:
        with self._lock:
            return list(self._ids)

    def _try(self, ids: Sequence[str], seconds: int) -> None:
        """A message that could not be held, or let go, comes again by itself: ids tell that its events are known."""
        try:
            for batch in batches(ids):
                self._set_deadline(batch, seconds)
        except (Retry, NeedsOperator) as error:
            _log.warning("messages may be received twice: %s", error)


def batches(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """As many as one request names, each."""
    rest = iter(ids)
    while batch := list(islice(rest, BATCH)):
        yield batch
