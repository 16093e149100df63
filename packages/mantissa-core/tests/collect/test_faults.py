"""Random faults, kills and restarts over simulated hours: the lake holds what the vendor's ledger holds.

A kill is an exception at one of the moments around a commit: before anything is durable, with the files written, with
the intent declared, with the tables committed, with everything done.
"""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from mantissa_core.collect import Coverage, Progress
from mantissa_core.collect.backfill import plan, stream_name
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.lake.stream_log import StreamLog
from mantissa_core.lake.table import Table
from mantissa_core.model import Window

from .conftest import DELAY, OVERLAP, START, World

MOMENTS = [(StreamLog, "commit"), (StreamLog, "_declare"), (Table, "commit"), (StreamLog, "_done")]

HISTORY = 15
"""Hours of events before collection begins, which only a backfill reads."""


class Killed(BaseException):
    """The process is gone."""


class Kill:
    """Raises at the ``count``-th call of a moment, before it or behind it."""

    def __init__(self, owner, name, count, behind):
        self.owner, self.name, self.count, self.behind = owner, name, count, behind
        self.original = getattr(owner, name)

    def __enter__(self):
        def lethal(*arguments):
            self.count -= 1
            if self.count == 0 and not self.behind:
                raise Killed
            result = self.original(*arguments)
            if self.count == 0:
                raise Killed
            return result

        setattr(self.owner, self.name, lethal)

    def __exit__(self, *_):
        setattr(self.owner, self.name, self.original)


class Collection(RuleBasedStateMachine):
    """What may happen to the collection of one stream."""

    @initialize(resumable=st.booleans(), page_size=st.integers(1, 4))
    def begin(self, resumable, page_size):
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder, page_size)
        self.world.vendor.resumable = resumable
        self.changed = True
        for hours in range(2, HISTORY):
            self.world.vendor.put(START - timedelta(hours=hours))

    @rule(ages=st.lists(st.sampled_from([0, 1, 3, 8, 15, 19]), min_size=1, max_size=4), hidden=st.integers(0, 3))
    def events_happen(self, ages, hidden):
        """Some minutes ago, and are shown in some minutes: as late as the vendor promises at most."""
        now = self.world.clock()
        for age in ages:
            self.world.vendor.put(now - timedelta(minutes=age), timedelta(minutes=age + hidden))

    @rule(count=st.integers(5, 12))
    def many_events_happen(self, count):
        for number in range(count):
            age = timedelta(seconds=50 * number)
            self.world.vendor.put(self.world.clock() - age, age)

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes):
        self.world.clock.forward(minutes=minutes)

    @rule(pages=st.sampled_from([None, 1, 3]))
    def collect(self, pages):
        self.changed = True
        self.world.collect(pages=pages)

    @rule(fault=st.sampled_from([Retry("busy"), NeedsOperator("token"), Retry("slow", 30.0)]), limit=st.integers(1, 2))
    def collect_and_fail(self, fault, limit):
        self.world.vendor.faults = [fault] * limit
        self._survive(lambda: self.world.collect())
        self.world.vendor.faults = []

    @rule(moment=st.sampled_from(MOMENTS), count=st.integers(1, 6), behind=st.booleans())
    def collect_and_die(self, moment, count, behind):
        with Kill(*moment, count, behind):
            self._survive(lambda: self.world.collect())
        self.world.restart()

    @rule()
    def restart(self):
        self.world.restart()

    @rule(most=st.sampled_from([None, 3, 10]))
    def the_vendor_gives_no_more_than(self, most):
        self.world.vendor.most = most

    @precondition(lambda self: not self.world.vendor.poison)
    @rule(minutes=st.integers(1, 10))
    def the_vendor_will_answer_garbage(self, minutes):
        """For an instant to come, at which something happens."""
        at = self.world.clock() + timedelta(minutes=minutes)
        self.world.vendor.put(at)
        self.world.vendor.poison = [at]

    @rule()
    def the_vendor_is_mended(self):
        self.world.vendor.poison = []

    @rule(moment=st.sampled_from(MOMENTS), count=st.integers(2, 8), behind=st.booleans())
    def backfill_and_die(self, moment, count, behind):
        with Kill(*moment, count, behind):
            self._survive(self._backfill)
        self.world.restart()

    @rule()
    def backfill(self):
        self._backfill()

    @invariant()
    def coverage_claims_nothing_that_is_not_there(self):
        """Of what was read, only the newest part may miss what the vendor had not shown yet: the overlap."""
        if not getattr(self, "changed", False):
            return
        self.changed = False
        live, filled = self._progress()
        stored = self.world.stored()
        assert all(count == 1 for count in stored.values())
        settled = live.reached - OVERLAP if live.reached else START
        if live.sweep is not None:
            settled = min(settled, live.sweep.at)
        claimed = Coverage([*live.covered.windows, *filled.windows]).windows
        ledger = self.world.vendor.ledger
        missing = [
            name
            for name, (at, _) in ledger.items()
            if at < settled and any(each.start <= at < each.end for each in claimed) and name not in stored
        ]
        assert not missing, (missing, claimed)
        assert set(stored) <= set(ledger)

    def teardown(self):
        """Heal, wait until everything is visible, collect, fill what is missing: the ledger, once."""
        if not hasattr(self, "world"):
            return
        world = self.world
        world.restart()
        world.vendor.poison, world.vendor.most, world.vendor.faults = [], None, []
        for _ in range(3):
            world.clock.forward(minutes=45)
            world.collect()
        self._backfill()
        live, filled = self._progress()
        since = START - timedelta(hours=HISTORY)
        assert Coverage([*live.covered.windows, *filled.windows]).gaps(Window(since, live.reached)) == []
        assert world.stored() == dict.fromkeys(world.vendor.ledger, 1)
        world.restart()
        world.store.close()
        shutil.rmtree(self.folder)

    def _progress(self):
        filled = Progress.load(self.world.ingester(stream_name("fake", "audit")).progress)
        return Progress.load(self.world.ingester().progress), filled.covered

    def _backfill(self):
        live, filled = self._progress()
        self.changed = True
        within = Window(START - timedelta(hours=HISTORY), self.world.clock() + DELAY)
        backfill = self.world.backfill()
        backfill.request(plan(within, live, filled, self.world.vendor.streams()[0]))
        list(backfill.run())

    def _survive(self, work):
        self.changed = True
        try:
            work()
        except (Killed, Retry, NeedsOperator):
            self.world.restart()


Collection.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestCollection = Collection.TestCase
