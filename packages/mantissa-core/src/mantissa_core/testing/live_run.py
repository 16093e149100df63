"""Hours of live collection from many sources at once, under faults and kills, in minutes.

The fakes run in this process, the instance in another one (:mod:`.live_process`), which is killed now and then in the
middle of its work. Events appear up to as late as a stream allows for. In the end time goes on without faults until
everything had its turn; then each table is compared with what was put.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mantissa_core.collect.report import StreamReport, stream_reports
from mantissa_core.hookspecs import Collector
from mantissa_core.runtime import Runtime

from .collector_source import Event
from .live import Live, read
from .live_child import Child

STEP = timedelta(minutes=1)
CALM_STEP = timedelta(minutes=10)
CALM = timedelta(hours=2)
"""How long nothing goes wrong in the end: the longest pause after a failure ends in it."""
LATE = 0.9
"""Share of a stream's overlap that events may be late."""
UNBOUNDED = timedelta(minutes=30)
"""How late events may be of a stream that is not read by time."""
TIDY_EVERY = 15
"""Steps between two compactions."""
PATIENCE = 40
"""Steps of half a second, at most, for what a queue still hides from everybody."""


@dataclass(frozen=True)
class Plan:
    """What shall happen. ``events`` are those of one source in one minute, on average; ``kills`` come in the first half
    of the time, so that the second shows how much memory one process needs as time goes by.
    """

    hours: float = 2.0
    events: float = 4.0
    every: float = 300.0
    fault: float = 0.1
    """How likely a source gets a fault in a minute when it has none."""
    longest: int = 6
    """Minutes that a fault lasts at most."""
    kills: int = 6
    seed: int = 1


@dataclass(frozen=True)
class Compared:
    """One table of one source: ids that were put and are not there, that are there twice, that were never put."""

    label: str
    table: str
    put: int
    missing: Sequence[str]
    doubled: Sequence[str]
    foreign: Sequence[str]

    @property
    def equal(self) -> bool:
        """Whether the table is what was put."""
        return not (self.missing or self.doubled or self.foreign)


@dataclass
class Outcome:
    """What happened. ``memory`` is that of the last process after each step, in bytes."""

    compared: list[Compared] = field(default_factory=list)
    streams: list[StreamReport] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    memory: list[int] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def gaps(self) -> list[str]:
        """Streams with spans that were not read, or given up."""
        return [f"{each.label}/{each.stream}" for each in self.streams if each.gaps or each.figures.given_up]

    @property
    def dead_letters(self) -> int:
        """Records that could not be stored as events."""
        return sum(each.figures.dead for each in self.streams)

    @property
    def growth(self) -> float:
        """By which share memory rose from the second fifth of the last process's time to its last fifth."""
        fifth = len(self.memory) // 5
        if not fifth:
            return 0.0
        return sorted(self.memory[-fifth:])[fifth // 2] / sorted(self.memory[fifth : 2 * fifth])[fifth // 2] - 1


def run(files: Sequence[Path], home: Path, plan: Plan) -> Outcome:
    """Let ``plan`` happen to the sources of some ``live.py`` files, with an instance in ``home``."""
    began = time.monotonic()
    with ExitStack() as stack:
        lives = [each for file in files for each in stack.enter_context(read(file)())]
        simulation = _Simulation(lives, home, plan)
        simulation.run()
        simulation.compare()
    simulation.outcome.seconds = time.monotonic() - began
    return simulation.outcome


class _Simulation:
    def __init__(self, lives: Sequence[Live], home: Path, plan: Plan) -> None:
        self.lives = _labelled(lives)
        self.plan, self.outcome = plan, Outcome()
        self._draw = random.Random(plan.seed)  # noqa: S311  # no secret depends on it
        self._put: dict[str, list[Event]] = {label: [] for label in self.lives}
        self._faulty: dict[str, int] = {}
        self._environment = {"NO_PROXY": "127.0.0.1", **{k: v for each in lives for k, v in each.environment.items()}}
        self._settings = _settings(self.lives, home, plan)
        with Runtime.open({"home": str(home)}) as runtime:
            for label, live in self.lives.items():
                for name, value in live.secrets.items():
                    runtime.secrets.put_secret(_secret(label, name), value, None)
        steps = round(timedelta(hours=plan.hours) / STEP)
        delay, self._late = self._look_at_streams()
        calm = round((CALM + delay) / CALM_STEP)
        self._start = datetime.now(UTC).replace(microsecond=0) - steps * STEP - calm * CALM_STEP
        self._times = [self._start + (number + 1) * STEP for number in range(steps)]
        self._calm = [self._times[-1] + (number + 1) * CALM_STEP for number in range(calm)]
        self._kills = set(self._draw.sample(range(1, max(steps // 2, 2)), min(plan.kills, max(steps // 2 - 1, 0))))

    def run(self) -> None:
        """Let time go by."""
        child = Child(self._settings, self._environment)
        try:
            for number, now in enumerate(self._times):
                self._events(now)
                self._misbehave()
                if number in self._kills:
                    child.step(now, tidy=False, killed_after=self._draw.uniform(0.0, 1.0))
                    child = Child(self._settings, self._environment)
                    self.outcome.kills += 1
                    self.outcome.memory.clear()
                self.outcome.memory.append(child.step(now, tidy=number % TIDY_EVERY == 0))
            for label in list(self._faulty):
                self._heal(label)
            for now in self._calm:
                child.step(now, tidy=False)
            now = self._calm[-1]
            for _ in range(PATIENCE):  # what a killed consumer had received is hidden for real seconds
                if all(each.equal for each in self._compared()):
                    break
                time.sleep(0.5)
                now += timedelta(seconds=self.plan.every)  # so that each is read again
                child.step(now, tidy=False)
        finally:
            child.end()

    def compare(self) -> None:
        """Look into the lake, and at what collection says of itself."""
        self.outcome.compared = self._compared()
        with _opened(self._settings, self._environment) as runtime:
            self.outcome.streams = list(stream_reports(runtime.state, self.lives))

    def _compared(self) -> list[Compared]:
        with _opened(self._settings, self._environment) as runtime:
            return [
                _compare(runtime, label, table, expression, self._put[label])
                for label, live in self.lives.items()
                for table, expression in live.tables.items()
            ]

    def _look_at_streams(self) -> tuple[timedelta, Mapping[str, timedelta]]:
        """The longest delay of all streams, and how late each source's events may be."""
        delays, late = [timedelta(0)], {}
        with _opened(self._settings, self._environment) as runtime:
            for label, live in self.lives.items():
                streams = list(runtime.plugin(Collector, label).streams())
                bounds = [LATE * each.overlap if each.windowed else UNBOUNDED for each in streams]
                late[label] = live.late if live.late is not None else min(bounds, default=timedelta(0))
                delays += [each.delay for each in streams]
        return max(delays), late

    def _events(self, now: datetime) -> None:
        """Some new events of the last minute, and some that appear late."""
        for label, live in self.lives.items():
            events: list[Event] = []
            for _ in range(self._draw.randrange(round(2 * self.plan.events) + 1)):
                late = self._late[label] if self._draw.random() < 0.2 else timedelta(0)
                age = self._draw.random() * max(late, STEP) + timedelta(seconds=1)
                at = max(self._start, (now - age).replace(microsecond=0))
                events.append(Event(f"{label}-{len(self._put[label]) + len(events)}", at))
            self._put[label] += events
            if events:
                live.source.put(events)

    def _misbehave(self) -> None:
        for label, live in self.lives.items():
            if label in self._faulty:
                self._faulty[label] -= 1
                if not self._faulty[label]:
                    self._heal(label)
            elif (possible := live.possible()) and self._draw.random() < self.plan.fault:
                fault = self._draw.choice(possible)
                live.source.inject(fault, self._draw.randrange(3))
                self._faulty[label] = self._draw.randint(1, self.plan.longest)
                self.outcome.faults[fault.name] += 1

    def _heal(self, label: str) -> None:
        self.lives[label].source.heal()
        del self._faulty[label]


def _labelled(lives: Sequence[Live]) -> dict[str, Live]:
    """Sources under labels made of their plugins' names."""
    labelled: dict[str, Live] = {}
    for each in lives:
        name = each.plugin.replace(".", "_")
        labelled[name if name not in labelled else f"{name}_{len(labelled)}"] = each
    return labelled


def _settings(lives: Mapping[str, Live], home: Path, plan: Plan) -> dict[str, Any]:
    collectors = {
        label: {
            **each.settings,
            **{name: f"secret://{_secret(label, name)}" for name in each.secrets},
            "plugin": each.plugin,
            "every": plan.every,
            "since_hours": 0.25,
        }
        for label, each in lives.items()
    }
    return {"home": str(home), "collectors": collectors}


def _secret(label: str, setting: str) -> str:
    return f"{label}-{setting}"


class _opened:  # noqa: N801  # used as a function
    """An instance in this process, with the environment that its plugins want."""

    def __init__(self, settings: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._settings, self._environment = settings, environment

    def __enter__(self) -> Runtime:
        self._before = {name: os.environ.get(name) for name in self._environment}
        os.environ.update(self._environment)
        self._runtime = Runtime.open(self._settings)
        return self._runtime

    def __exit__(self, *_error: object) -> None:
        self._runtime.close()
        for name, value in self._before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _compare(runtime: Runtime, label: str, table: str, expression: str, put: Sequence[Event]) -> Compared:
    stored: Counter[str] = Counter()
    if table in runtime.lake.tables():
        sql = f"SELECT {expression} AS id, count(*) AS n FROM {table} WHERE m_source = '{label}' GROUP BY ALL"
        stored.update({row["id"]: row["n"] for row in _rows(runtime, sql)})
    expected = Counter(each.id for each in put)
    return Compared(
        label,
        table,
        len(put),
        sorted(expected.keys() - stored.keys()),
        sorted(each for each, times in stored.items() if times > 1),
        sorted(map(str, stored.keys() - expected.keys())),
    )


def _rows(runtime: Runtime, sql: str) -> list[dict[str, Any]]:
    """All rows: an instance gives no more than a person reads."""
    pages: list[dict[str, Any]] = []
    while True:
        page = runtime.query(f"{sql} ORDER BY id LIMIT 5000 OFFSET {len(pages)}", max_rows=5000).rows.to_pylist()
        pages += page
        if len(page) < 5000:
            return pages
