"""A world for collection: a fake vendor whose events appear late, a clock that is set, a lake and a state store."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mantissa_core.collect import Budget, Ingester, StreamRunner
from mantissa_core.collect.backfill import Backfill, stream_name
from mantissa_core.errors import BadRecord, Incomplete, NeedsOperator, Retry
from mantissa_core.lake.lake import Lake
from mantissa_core.model import LogType, Page, Stream
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
DELAY, OVERLAP = timedelta(minutes=2), timedelta(minutes=20)

LOG_TYPE = LogType.model_validate(
    {
        "name": "fake.audit",
        "title": "Fake",
        "time": {"path": "at"},
        "id": {"native": ["id"]},
        "columns": [{"path": "id"}, {"path": "at"}, {"path": "verb"}],
    }
)


class Clock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now=START):
        self.now = now

    def __call__(self):
        return self.now

    def forward(self, **span):
        self.now += timedelta(**span)


class Vendor:
    """A source with a ledger. ``most`` is what one query gives at most; instants in ``poison`` cannot be answered."""

    def __init__(self, clock, page_size=3):
        self.clock, self.page_size = clock, page_size
        self.ledger: dict[str, tuple[datetime, datetime]] = {}
        self.faults: list[BaseException] = []
        self.poison: list[datetime] = []
        self.most: int | None = None
        self.reads = 0
        self.resumable = True
        self.by_arrival = False
        self.asked = []

    def put(self, at, lag=timedelta(0)):
        name = f"e{len(self.ledger)}"
        self.ledger[name] = (at, at + lag)
        return name

    def visible(self, start, end):
        now = self.clock()
        found = [(at, name) for name, (at, seen) in self.ledger.items() if start <= at < end and seen <= now]
        return sorted(found)

    def check(self):
        """Nothing to complain about."""

    def streams(self):
        return [Stream("audit", "fake.audit", overlap=OVERLAP, delay=DELAY, by_arrival=self.by_arrival)]

    def read(self, stream, window, state):
        self.reads += 1
        self.asked.append(window)
        done = 0
        if state.get("window") == [window.start.isoformat(), window.end.isoformat()] and self.resumable:
            done = int(state["done"])
        events = self.visible(window.start, window.end)
        if self.most is not None and len(events) > self.most:
            raise Incomplete(f"more than {self.most} events")
        if any(window.start <= at < window.end for at in self.poison):
            raise BadRecord("an answer that is no JSON (request req-77)")
        while True:
            if self.faults:
                raise self.faults.pop()
            page = events[done : done + self.page_size]
            done += len(page)
            more = done < len(events)
            state = {"window": [window.start.isoformat(), window.end.isoformat()], "done": str(done)}
            records = [{"id": name, "at": at.isoformat(), "verb": "go"} for at, name in page]
            yield Page(state if more and self.resumable else {}, records, more=more)
            if not more:
                return


class World:
    """Everything that survives a process, and what a process does."""

    def __init__(self, folder: Path, page_size=3):
        self.folder = folder
        self.clock = Clock()
        self.vendor = Vendor(self.clock, page_size)
        self.store = SQLite(SQLite.Config(path=folder / "state.sqlite"))
        self.state = State(self.store)
        self.lake = Lake.open(folder / "lake")
        self.log_types = LogTypes([LOG_TYPE])
        self.ingesters: dict[str, Ingester] = {}

    def ingester(self, name="fake/audit") -> Ingester:
        """The stream's ingester, kept as a process keeps it."""
        if name not in self.ingesters:
            self.ingesters[name] = Ingester(
                self.lake, self.state, self.log_types, lambda _: None, stream=name, source="fake", clock=self.clock
            )
        return self.ingesters[name]

    def restart(self):
        """Begin anew with what is durable."""
        for each in self.ingesters.values():
            each.close()
        self.ingesters = {}
        self.lake = Lake.open(self.folder / "lake")

    def runner(self, **budget):
        stream = self.vendor.streams()[0]
        return StreamRunner(
            "fake",
            self.vendor,
            stream,
            self.ingester(),
            lookback=timedelta(hours=1),
            budget=Budget(**budget),
            clock=self.clock,
        )

    def collect(self, **budget):
        return list(self.runner(**budget).run())

    def backfill(self):
        stream, name = self.vendor.streams()[0], stream_name("fake", "audit")
        return Backfill("fake", self.vendor, stream, self.ingester(name), clock=self.clock, wait=lambda _seconds: None)

    def stored(self, table="fake_audit", column="id"):
        if table not in self.lake.tables():
            return Counter()
        found = self.lake.table(table)
        return Counter(row[column] for batch in found.read(found.live()) for row in batch.to_pylist())


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.restart()
    made.store.close()


__all__ = ["DELAY", "OVERLAP", "START", "Clock", "NeedsOperator", "Retry", "Vendor", "World"]
