"""How the runtime reads a collector, in short: commit a page with its state, drop repeats, go on from there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

import pytest

from mantissa_core.hookspecs import Collector, Parser
from mantissa_core.model import Page, Stream, Window
from mantissa_core.parse.compression import open_blob

MANY_PAGES = 1_000
"""More than any test's events make: whoever reads on is caught in a loop."""


@dataclass
class Reader:
    """Reads one stream as the runtime does: each page is committed with its state, repeats are dropped by id."""

    collector: Collector
    stream: Stream
    event_id: Callable[[Mapping[str, Any]], str]
    decoder: Parser | None = None
    state: Mapping[str, Any] = field(default_factory=dict)
    ids: Counter[str] = field(default_factory=Counter)
    covered: datetime | None = None
    pages: int = 0

    def read(self, window: Window, limit: int | None = None) -> None:
        """Commit up to ``limit`` pages, or all."""
        before = json.dumps(self.state)
        given = json.loads(before)
        pages = self.collector.read(self.stream, window, given)
        try:
            for page in islice(pages, limit):
                self._commit(page, window)
                assert self.pages <= MANY_PAGES, f"read {self.pages:,} pages and no end: is the last cursor repeated?"
        finally:
            _close(pages)
        assert json.dumps(given) == before, "read() changed the state that it was given"
        if limit is None and self.stream.windowed:
            self.covered = window.end

    def peek(self, window: Window) -> None:
        """Take one more page and lose it, as a process does that is killed before the commit."""
        pages = self.collector.read(self.stream, window, json.loads(json.dumps(self.state)))
        next(pages, None)
        _close(pages)

    def restarted(self, collector: Collector) -> Reader:
        """The same progress in the hands of a new process."""
        return Reader(
            collector, self.stream, self.event_id, self.decoder, self.state, self.ids, self.covered, self.pages
        )

    def next_window(self, first: Window, end: datetime) -> Window:
        """What the runtime asks for next: everything since what is covered, and the overlap again."""
        start = first.start if self.covered is None else max(first.start, self.covered - self.stream.overlap)
        return Window(start, end)

    def _commit(self, page: Page, window: Window) -> None:
        assert isinstance(page, Page), f"read() yielded {type(page).__name__}, expected Page"
        self.pages += 1
        for record in self._records(page):
            self.ids[self.event_id(record)] = 1
        self.state = _stored(page.next_state)
        if page.complete_until is not None:
            until = min(page.complete_until, window.end)
            self.covered = max(self.covered or until, until)
        if page.acks:
            self.collector.acknowledge(self.stream, page.acks)

    def _records(self, page: Page) -> Iterator[Mapping[str, Any]]:
        by_type = page.records if isinstance(page.records, Mapping) else {self.stream.log_type: page.records}
        for records in by_type.values():
            for record in records:
                yield record if isinstance(record, Mapping) else json.loads(record)
        for blob in page.blobs:
            assert self.decoder is not None, "the page has blobs: override decoder()"
            for decoded in self.decoder.decode(open_blob(blob)):
                yield from map(json.loads, decoded.records)


def _stored(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state as a store gives it back: JSON, and some keep numbers as doubles."""
    try:
        text = json.dumps(state)
    except (TypeError, ValueError) as error:
        pytest.fail(f"next_state is no JSON: {error}")
    stored: Mapping[str, Any] = json.loads(text, parse_int=lambda digits: int(float(digits)))
    return stored


def _close(pages: Any) -> None:
    if hasattr(pages, "close"):
        pages.close()
