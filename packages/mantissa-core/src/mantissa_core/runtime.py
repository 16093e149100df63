"""The public object: an instance of Mantissa Log. For programs that embed it, and for its command line.

.. code-block:: python

    from mantissa_core import Runtime

    with Runtime.open({"home": "/var/lib/mantissa"}) as siem:
        siem.on_alert(lambda alert: print(alert.summary))
        siem.ingest("generic.json", [{"message": "hello"}])
        siem.detect()
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .config import Settings, load
from .drafting import Drafting
from .errors import BadRecord, MantissaError, NeedsOperator, PluginError, Retry
from .hookspecs import Collector
from .model import Alert, Page, QueryResult, Signal, Stream

if TYPE_CHECKING:
    import pyarrow as pa

    from .alert.statistics import Tally
    from .ask.rule import RuleDraft
    from .collect import Budget, Buffer, Collected, Ingested, Ingester, Ingesters
    from .detect.follow.gap_replay import Replayed
    from .detect.follow.progress import Gap
    from .model.collection import Records


@dataclass(slots=True)
class Detected:
    """What a detection run found: signals, the alerts that they opened, and those that they added to.

    ``problems`` says, by rule id, why a rule failed on stored events.
    """

    signals: list[Signal] = field(default_factory=list)
    opened: list[Alert] = field(default_factory=list)
    updated: list[Alert] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


class Runtime(Drafting):
    """An instance of Mantissa Log in this process. Open one with :meth:`open`; close it, or use ``with``.

    Thread-safe. Two instances with different homes live side by side. After a fork the child must open its own:
    an inherited one refuses to work.
    """

    def __init__(self, settings: Settings, home: Path) -> None:
        super().__init__(settings, home)
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        """What live collection takes for the present. Simulations, whose hours pass in minutes, set another."""
        self.stored = threading.Event()
        """Set when :meth:`ingest` or :meth:`flush` stored events, so that a service evaluates them at once."""
        self._detecting = threading.Lock()
        self._buffers: dict[tuple[str, str], Buffer] = {}
        self._open_streams: Ingesters | None = None

    @classmethod
    def open(cls, source: str | Path | Mapping[str, Any] = ".") -> Self:
        """Open from a ``mantissa.toml``, the folder it lies in, or a dict of the same shape (plus ``"home"``).

        Raises:
            ConfigError: names the file, the key, what was found and what was expected.
            PluginError: the state store, the secret store or a policy cannot start; any other plugin that
                cannot is put in quarantine.
        """
        settings, home = load(source if isinstance(source, Mapping) else Path(source))
        runtime = cls(settings, home)
        try:
            runtime._start_stores()
        except BaseException:
            runtime.close()
            raise
        return runtime

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- the pipeline -------------------------------------------------------------------------------------

    def ingest(
        self,
        log_type: str,
        records: Records | pa.Table | pa.RecordBatch,
        *,
        source: str = "api",
        wait: bool = True,
    ) -> Ingested:
        """Store records of ``log_type``: mappings, JSON texts, or an Arrow table whose columns are fields.

        With ``wait`` returns after the commit: the records are durable and queryable. Without it they are
        buffered in memory until :meth:`flush`, the next ``ingest`` of the same source, or :meth:`close`.

        Raises:
            MantissaError: the log type is unknown, or the lake or the state store fails. Records that were buffered
                stay so. Of the others nothing is stored but where the lake failed in the middle of a commit:
                that is finished before the source's next one.
        """
        from .collect import Ingested

        self._own()
        listed = records.to_pylist() if hasattr(records, "to_pylist") else list(records)
        self.log_types.get(log_type)
        if not wait:
            self._buffer(log_type, source).add(listed)
            return Ingested()
        with self._ingesters.use(f"ingest/{source}", source) as ingester:
            stored = self._buffer(log_type, source).store(ingester, log_type)
            if listed:
                stored += ingester.ingest(Page({}, records=listed), log_type, {})
        self.stored.set()
        return stored

    @contextmanager
    def writing(self, stream: str, source: str) -> Iterator[Ingester]:
        """The one writer of a stream, for this thread alone; its last commit is finished where it was left open."""
        self._own()
        with self._ingesters.use(stream, source) as ingester:
            yield ingester

    def flush(self) -> None:
        """Commit what ``ingest(wait=False)`` has buffered.

        Raises:
            MantissaError: the lake or the state store fails; what is not stored stays buffered.
        """
        self._own()
        for (log_type, source), buffer in list(self._buffers.items()):
            if buffer:
                with self._ingesters.use(f"ingest/{source}", source) as ingester:
                    buffer.store(ingester, log_type)
                self.stored.set()

    def collect(self, label: str | None = None, stop: Callable[[], bool] = lambda: False) -> Iterator[Collected]:
        """Read every stream of one collector, or of all, until each has no more; yields after every commit.

        Raises:
            Retry, NeedsOperator, PluginError: from the first stream that failed, after the others were read.
        """
        failures: list[MantissaError] = []
        for name in [label] if label else self.labels(Collector):
            try:
                for stream in self.streams(name):
                    try:
                        yield from self.collect_stream(name, stream, stop)
                    except (Retry, NeedsOperator, PluginError, BadRecord) as error:
                        self._log.warning("collection stopped", label=name, stream=stream.name, reason=str(error))
                        failures.append(error)
            except (Retry, NeedsOperator, PluginError) as error:
                self._log.warning("collection stopped", label=name, reason=str(error))
                failures.append(error)
        if failures:
            raise failures[0]

    def streams(self, label: str) -> Sequence[Stream]:
        """The streams that a collector names now. Errors are remembered, as are those of :meth:`collect_stream`.

        Raises:
            Retry, NeedsOperator, PluginError: from the collector.
        """
        self._own()
        try:
            streams = self.plugin(Collector, label).streams()
        except MantissaError as error:
            self.attempts.failed(label, "", error)
            raise
        if self.attempts.get(label, "").failing:
            self.attempts.succeeded(label, "")
        return streams

    def collect_stream(
        self, label: str, stream: Stream, stop: Callable[[], bool] = lambda: False, budget: Budget | None = None
    ) -> Iterator[Collected]:
        """Read one stream until it has no more or ``budget`` is spent; yields after every commit.

        Raises:
            Retry, NeedsOperator, PluginError: from the collector; what was committed before stays.
        """
        from .collect import StreamRunner

        self._own()
        section = self.settings.collectors.get(label)
        lookback = timedelta(hours=section.since_hours if section else 24.0)
        collector = self.plugin(Collector, label)
        try:
            with self._ingesters.use(f"{label}/{stream.name}", label) as ingester:
                runner = StreamRunner(
                    label, collector, stream, ingester, lookback=lookback, budget=budget, clock=self.clock
                )
                yield from runner.run(stop)
        except MantissaError as error:
            self.attempts.failed(label, stream.name, error)
            raise
        self.attempts.succeeded(label, stream.name)

    def backfill(
        self,
        label: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        again: bool = False,
        stop: Callable[[], bool] = lambda: False,
        wait: Callable[[float], object] = time.sleep,
    ) -> Iterator[Collected]:
        """Read the gaps of a source between two times, newest first, beside its live collection; yields after commits.

        Without ``start`` all gaps since collection began, and what an earlier call left; without ``end`` up to now.
        ``again`` reads what was read before, too. ``wait`` sleeps for so many seconds.

        Raises:
            Retry, NeedsOperator, PluginError: from the collector; what was committed stays.
        """
        from .collect.backfill import Backfill, refuse_without_ids, requested, stream_name
        from .collect.report import live_and_filled

        collector = self.plugin(Collector, label)
        for stream in [each for each in self.streams(label) if each.windowed]:
            if again:
                refuse_without_ids(stream, self.log_types.get(stream.log_type))
            with self._ingesters.use(stream_name(label, stream.name), label) as ingester:
                live, filled = live_and_filled(self.state, label, stream.name)
                backfill = Backfill(label, collector, stream, ingester, wait=wait)
                backfill.request(requested(start, end, live, filled, stream, again=again))
                yield from backfill.run(stop)

    def detect(self, *, schedules: bool = True) -> Detected:
        """Evaluate what was committed and not yet evaluated, store the signals, open or update alerts.

        With ``schedules`` the scheduled rules that are due run first.
        """
        self._own()
        scheduled = self.run_schedules() if schedules else []
        with self._detecting:
            return self._detected([*scheduled, *self.engine.run()])

    def run_schedules(self) -> list[Signal]:
        """Run the scheduled rules that are due, and return their signals; alerts are opened by :meth:`detect`."""
        self._own()
        return self.scheduler.run()

    def detect_span(self, start: datetime, end: datetime, rules: Collection[str] = ()) -> Detected:
        """Detect what is new, then evaluate the rules (all, or those of some ids) on the stored events of a span.

        Signals that are stored already are not found again. ``start <= m_time < end``; SQL rules run at their scheduled
        times in the span.

        Raises:
            RuleError: an SQL rule has no schedule, or runs too often within the span.
        """
        from .detect.follow.backfill import Backfill
        from .detect.follow.history import Span
        from .detect.sql_rules import SqlRule

        self._own()
        chosen = [each for each in self.rules.rules if not rules or each.id in rules]
        queries = [
            (each.rule, each.timing)
            for each in self.schedules
            if isinstance(each.rule, SqlRule) and (each.rule.id in rules if rules else each.enabled)
        ]
        with self._detecting:
            backfill = Backfill(
                self.lake, self.log_types, self.scheduler, chosen, queries, Span(start, end), self.shadows()
            )
            signals = [*self.engine.run(), *backfill.run()]
            result = self._detected([*signals, *self.engine.correlate()])
        result.problems.update(backfill.problems)
        return result

    def replay_gaps(self, rules: Collection[str] = ()) -> tuple[list[Replayed], Detected]:
        """Evaluate again what rules (all, or those of some ids) could not, and forget the gaps that are closed."""
        self._own()
        with self._detecting:
            replayed = list(self.engine.gap_replay().run(rules))
            found = [signal for each in replayed for signal in each.signals]
            return replayed, self._detected([*found, *self.engine.correlate()])

    def gaps(self) -> list[Gap]:
        """What rules could not evaluate."""
        from .detect.follow.progress import Progress

        return Progress(self.state).gaps()

    def forget_gaps(self, gaps: Iterable[Gap]) -> None:
        """Forget these gaps, unless they were widened in the meantime."""
        from .detect.follow.progress import Progress

        for gap in gaps:
            Progress(self.state).close(gap)

    def alert_statistics(self, days: int = 7) -> list[Tally]:
        """What became of signals, by rule and day (UTC), today and the days before it; the newest day first."""
        from .alert.statistics import tallies
        from .detect.workflow.suppressed import suppressed_by_day

        self._own()
        today = self.clock().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        since = today - timedelta(days=days - 1)
        return tallies(self.state, since, suppressed_by_day(self.lake, since))

    def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        max_rows: int | None = None,
        allowed: Collection[str] | None = None,
        execution_id: str = "",
    ) -> QueryResult:
        """Run one read-only statement over the lake's tables and views.

        With ``allowed`` there are no tables but these, and views show rows of these alone. ``execution_id`` is what
        :meth:`cancel` knows the query by.

        Raises:
            QueryError: the statement is refused or fails; the message says what to change.
        """
        self._own()
        limit = min(max_rows or self.settings.query.max_result_rows, 10_000)
        return self._ask(sql, parameters or {}, limit, allowed=allowed, execution_id=execution_id)

    def cancel(self, execution_id: str) -> bool:
        """Stop a running query; who waits for it gets ``QueryError``. False where it is not running."""
        self._own()
        return self.query_backend.cancel_query(execution_id)

    def reload_rules(self) -> None:
        """Read the rules again, for lists and for detections of this process that begin from now on."""
        with self._detecting:
            for part in ("rules", "packs", "schedules", "scheduler", "engine"):
                self.__dict__.pop(part, None)

    def save_rule(self, draft: RuleDraft, name: str = "", file: Path | None = None, *, user: str = "") -> Path:
        """Write a rule that :meth:`rule_from` made: as ``name`` into the folder of ``rules.paths``, or into ``file``.

        Raises:
            RuleError: there is no such folder, a rule or a file of that name is there already, or its tests fail.
        """
        from .rule_files import add

        self._own()
        path = add(self, draft, name or draft.file_stem, file, user, self.clock())
        self.reload_rules()
        return path

    def close(self) -> None:
        """Commit what is buffered, finish, and release everything. Harmless when repeated."""
        if self._pid != os.getpid():
            return
        try:
            self.flush()
        finally:
            if self._open_streams is not None:
                self._open_streams.close()
            self.host.close()

    # --- inside -------------------------------------------------------------------------------------------

    @property
    def _ingesters(self) -> Ingesters:
        from .collect import Ingesters

        with self._lock:
            self._open_streams = self._open_streams or Ingesters(self._open_ingester)
            return self._open_streams

    def _buffer(self, log_type: str, source: str) -> Buffer:
        from .collect import Buffer

        with self._lock:
            return self._buffers.setdefault((log_type, source), Buffer())

    def _alert(self) -> Detected:
        """Apply the signals committed since the cursor; the cursor moves behind each version that was applied."""
        from .detect.signals import SIGNALS, signals_from_rows

        result = Detected()
        if SIGNALS.name not in self.lake.tables():
            return result
        table = self.lake.table(SIGNALS.name)
        cursor = self.state.get("alert", "cursor")
        after = int(cursor.value["version"]) if cursor else -1
        routes = self._routes()
        for version, files in table.added(after):
            for batch in table.read(files):
                for change, alert in self.alerts.apply(signals_from_rows(batch), routes):
                    (result.opened if change == "opened" else result.updated).append(alert)
            self.state.update("alert", "cursor", lambda _old, at=version: {"version": at})  # type: ignore[misc]
        return result

    def _detected(self, signals: list[Signal]) -> Detected:
        """Open or update alerts for what was stored, and tell the listeners."""
        result = self._alert()
        result.signals = signals
        for alert in result.opened:
            self._announce(alert)
        return result
