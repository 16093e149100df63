"""Events of a stream, gathered into pages that are committed with the offset of their last event."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from mantissa_core.errors import Retry
from mantissa_core.model import Page, Rejected

from .event_lines import understood

PAGE_BYTES = 16 * 1024 * 1024
"""Bytes of lines after which a page is full, however few events it holds."""
LINGER = 5.0
"""Seconds after which a page is handed over with the next line, however few events it holds."""
KEPT = 64 * 1024
"""Bytes that are kept of a line that is no event."""


class EventPages:
    """``offset`` is that of the last event, as text: stores keep numbers as doubles. ``None`` at the beginning."""

    def __init__(self, offset: str | None, most: int) -> None:
        self.offset, self._most = offset, most
        self._records: list[dict[str, Any]] = []
        self._rejected: list[Rejected] = []
        self._bytes, self._since = 0, 0.0

    def add(self, lines: Sequence[bytes]) -> Iterator[Page]:
        """Take lines, and yield the pages that become full.

        Raises:
            Retry: a line is an answer of the API in place of the stream. What came before it is yielded first.
        """
        for line in lines:
            found = understood(line)
            if found.is_error:
                yield from self.rest()
                raise Retry(f"CrowdStrike answered with an error document instead of an event: {found.reason}")
            self._take(line, found.event, found.offset, found.reason)
            if len(self._records) + len(self._rejected) >= self._most or self._bytes >= PAGE_BYTES:
                yield from self.rest()
        if self._bytes and time.monotonic() - self._since > LINGER:
            yield from self.rest()

    def rest(self, *, more: bool = True) -> Iterator[Page]:
        """What is left, where there is something. ``more``: the next page is to be asked for at once."""
        if not self._records and not self._rejected:
            return
        state = {} if self.offset is None else {"offset": self.offset}
        page = Page(state, self._records, rejected=self._rejected, more=more)
        self._records, self._rejected, self._bytes = [], [], 0
        yield page

    def _take(self, line: bytes, event: dict[str, Any] | None, offset: int, reason: str) -> None:
        if event is None:
            behind = int(self.offset or 0)
            said = f"{reason}; it stood behind the event with the offset {behind}"
            self._rejected.append(Rejected(line[:KEPT], said, behind, len(line)))
        elif str(offset) == self.offset:
            return  # the one that reading goes on from
        else:
            self._records.append(event)
            self.offset = str(offset)
        self._since = self._since if self._bytes else time.monotonic()
        self._bytes += len(line)
