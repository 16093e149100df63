"""Messages that were received and are not acknowledged yet: nobody else gets them while they are worked on.

Reference: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from mantissa_core.errors import NeedsOperator, Retry

from .errors import translated

BATCH = 10
"""Messages that one request may name."""
_log = logging.getLogger(__name__)


class Held:
    """Receipt handles, which are held ``seconds`` long at a time."""

    def __init__(self, sqs: Callable[[], Any], url: str, seconds: int) -> None:
        self._sqs, self._url, self._seconds = sqs, url, seconds
        self._handles: dict[str, None] = {}
        self._lock = threading.Lock()

    def add(self, handles: Iterable[str]) -> None:
        """Hold these as well."""
        with self._lock:
            self._handles.update(dict.fromkeys(handles))

    def forget(self, handles: Iterable[str]) -> None:
        """These are done with."""
        with self._lock:
            for handle in handles:
                self._handles.pop(handle, None)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Hold what is added for as long as it takes; at the end let go of what is left."""
        stop = threading.Event()
        thread = threading.Thread(target=self._keep, args=(stop,), name="sqs-visibility", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self._try(0)
            with self._lock:
                self._handles.clear()

    def extend(self) -> None:
        """Begin the time anew. Raises ``Retry`` and ``NeedsOperator``."""
        self._set(self._seconds)

    def _keep(self, stop: threading.Event) -> None:
        while not stop.wait(self._seconds / 2):
            self._try(self._seconds)

    def _try(self, seconds: int) -> None:
        """A message that could not be held, or let go, comes again by itself: ids tell that its events are known."""
        try:
            self._set(seconds)
        except (Retry, NeedsOperator) as error:
            _log.warning("messages may be received twice: %s", error)

    def _set(self, seconds: int) -> None:
        with self._lock:
            handles = list(self._handles)
        for batch in batches(handles):
            with translated(self._url, "sqs:ChangeMessageVisibility on the queue"):
                self._sqs().change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                        for number, handle in enumerate(batch)
                    ],
                )


def batches(handles: Iterable[str]) -> Iterator[Sequence[str]]:
    """As many as one request may name, each."""
    rest = iter(handles)
    while batch := list(islice(rest, BATCH)):
        yield batch
