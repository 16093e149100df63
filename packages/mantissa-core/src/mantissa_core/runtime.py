"""The wiring: configuration, plugins and stages as one object. For programs that embed Mantissa Log, and its CLI.

.. code-block:: python

    from mantissa_core import Runtime

    with Runtime.open({"home": "/var/lib/mantissa"}) as siem:
        siem.on_alert(lambda alert: print(alert.summary))
        siem.ingest("generic.json", [{"message": "hello"}])
        siem.detect()
"""

from __future__ import annotations

import os
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from . import catalog
from .config import Settings, _Labelled, load
from .errors import MantissaError, NeedsOperator, PluginError, Retry
from .hookspecs import (
    AlertSink,
    Collector,
    Enricher,
    LLMProvider,
    Module,
    Parser,
    Policy,
    QueryBackend,
    Receiver,
    ResponseAction,
    SecretStore,
    StateStore,
)
from .host import Host
from .log import get_logger
from .model import Alert, Page, Query, QueryResult, Signal, TableSnapshot
from .settings import configure

if TYPE_CHECKING:
    import pyarrow as pa

    from .alert.alerts import Alerts
    from .alert.outbox import Outbox
    from .collect import Collected, Ingested, Ingester
    from .detect.engine import Engine
    from .detect.rules import RuleSet
    from .lake.lake import Lake
    from .model.collection import Records
    from .parse.log_types import LogTypes
    from .state import State

K = TypeVar("K")

SECTIONS: Mapping[type, str] = {
    Collector: "collectors",
    Receiver: "receivers",
    AlertSink: "sinks",
    Enricher: "enrichers",
    ResponseAction: "actions",
    LLMProvider: "llm_providers",
    Module: "modules",
}
"""Kinds that are configured under labels, and the section that holds them."""


@dataclass(slots=True)
class Detected:
    """What a detection run found: signals, the alerts that they opened, and those that they added to."""

    signals: list[Signal] = field(default_factory=list)
    opened: list[Alert] = field(default_factory=list)
    updated: list[Alert] = field(default_factory=list)


class Runtime:
    """An instance of Mantissa Log in this process. Open one with :meth:`open`; close it, or use ``with``.

    Thread-safe. Two instances with different homes live side by side. After a fork the child must open its own:
    an inherited one refuses to work.
    """

    def __init__(self, settings: Settings, home: Path) -> None:
        self.settings, self.home = settings, home
        self._file = str(home / "mantissa.toml")
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._ingesters: dict[str, tuple[threading.Lock, Ingester]] = {}
        self._buffers: dict[tuple[str, str], list[Any]] = {}
        self._listeners: list[Callable[[Alert], None]] = []
        self._started: set[type] = set()
        self._log = get_logger("runtime")
        self.host = Host(where=self._file)

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
            MantissaError: the log type is unknown, or the lake refuses; nothing was stored.
        """
        self._own()
        listed = records.to_pylist() if hasattr(records, "to_pylist") else list(records)
        self.log_types.get(log_type)
        with self._lock:
            buffered = self._buffers.setdefault((log_type, source), [])
            buffered.extend(listed)
        return self._flush(log_type, source) if wait else _nothing()

    def flush(self) -> None:
        """Commit what ``ingest(wait=False)`` has buffered."""
        self._own()
        for log_type, source in list(self._buffers):
            self._flush(log_type, source)

    def collect(self, label: str | None = None, stop: Callable[[], bool] = lambda: False) -> Iterator[Collected]:
        """Read every stream of one collector, or of all, until each has no more; yields after every commit.

        Raises:
            Retry, NeedsOperator, PluginError: from the collector, after the other streams were read.
        """
        from .collect import StreamRunner

        self._own()
        failures: list[MantissaError] = []
        for name in [label] if label else self.labels(Collector):
            section = self.settings.collectors.get(name)
            lookback = timedelta(hours=section.since_hours if section else 24.0)
            collector = self.plugin(Collector, name)
            try:
                for stream in collector.streams():
                    lock, ingester = self._ingester(f"{name}/{stream.name}", name)
                    with lock:
                        yield from StreamRunner(name, collector, stream, ingester, lookback=lookback).run(stop)
            except (Retry, NeedsOperator, PluginError) as error:
                self._log.warning("collection stopped", label=name, reason=str(error))
                failures.append(error)
        if failures:
            raise failures[0]

    def detect(self) -> Detected:
        """Evaluate what was committed and not yet evaluated, store the signals, open or update alerts."""
        self._own()
        with self._lock:
            signals = list(self.engine.run())
            result = self._alert()
        result.signals = signals
        for alert in result.opened:
            self._announce(alert)
        return result

    def deliver(self) -> int:
        """Attempt every delivery that is due; returns how many were attempted."""
        self._own()
        return self.outbox.dispatch()

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, max_rows: int | None = None
    ) -> QueryResult:
        """Run one read-only statement over the lake's tables and views.

        Raises:
            QueryError: the statement is refused or fails; the message says what to change.
        """
        self._own()
        limit = min(max_rows or self.settings.query.max_result_rows, 10_000)
        query = Query(
            sql=sql,
            tables=tuple(self._snapshots(sql)),
            parameters=parameters or {},
            max_rows=limit,
            timeout=self.settings.query.timeout,
            execution_id=str(uuid.uuid4()),
        )
        return self.query_backend.run_query(query)

    def on_alert(self, listener: Callable[[Alert], None]) -> None:
        """Call ``listener`` with every alert that :meth:`detect` opens, on the thread that detects.

        At most once per alert and process: for delivery that survives a crash configure a sink.
        """
        self._listeners.append(listener)

    def close(self) -> None:
        """Commit what is buffered, finish, and release everything. Harmless when repeated."""
        if self._pid != os.getpid():
            return
        if "state" in self.__dict__:
            self.flush()
        self.host.close()

    # --- parts --------------------------------------------------------------------------------------------

    @cached_property
    def state(self) -> State:
        """Documents: progress, alerts, deliveries."""
        from .state import State

        return State(self.host.get(StateStore, "state"))

    @cached_property
    def secrets(self) -> SecretStore:
        """The secret store."""
        return self.host.get(SecretStore, "secrets")

    @cached_property
    def lake(self) -> Lake:
        """The tables."""
        from .lake.lake import Lake

        section = self.settings.lake
        url = section.url if "://" in section.url else self.home / section.url
        return Lake.open(url, storage_options={key: self._resolved(value) for key, value in section.storage.items()})

    @cached_property
    def log_types(self) -> LogTypes:
        """What events look like."""
        from .parse.log_types import LogTypes

        return LogTypes.load([self.home / path for path in self.settings.log_types.paths])

    @cached_property
    def rules(self) -> RuleSet:
        """The detections that run."""
        from .detect.rules import RuleSet

        section = self.settings.rules
        rules = RuleSet.load(packs=section.packs, paths=[self.home / path for path in section.paths])
        rules.rules = [rule for rule in rules.rules if rule.id not in section.disabled]
        return rules

    @cached_property
    def engine(self) -> Engine:
        """From committed rows to signals."""
        from .detect.engine import Engine

        return Engine(self.lake, self.state, self.rules, self.log_types)

    @cached_property
    def alerts(self) -> Alerts:
        """From signals to alerts."""
        from .alert.alerts import Alerts
        from .alert.group import Grouping

        window = timedelta(minutes=self.settings.alerts.window_minutes)

        def grouping(rule_id: str) -> Grouping:
            rule = self.rules.get(rule_id)
            return Grouping(window, rule.description if rule else "")

        return Alerts(self.state, grouping=grouping)

    @cached_property
    def outbox(self) -> Outbox:
        """From alerts to destinations."""
        from .alert.outbox import Outbox

        return Outbox(self.state, self.plugins(AlertSink))

    @cached_property
    def query_backend(self) -> QueryBackend:
        """What runs SQL."""
        section = self.settings.query
        own = {key: value for key, value in section.settings.items() if key not in {"max_result_rows", "timeout"}}
        self._must_start(QueryBackend, section.plugin, "query", own, "query")
        return self.host.get(QueryBackend, "query")

    def decoder(self, name: str) -> Parser:
        """A parser plugin, started at first use."""
        with self._lock:
            if name not in self.host.labels(Parser):
                self._must_start(Parser, name, name, {}, name)
        return self.host.get(Parser, name)

    def labels(self, kind: type) -> list[str]:
        """The configured and enabled labels of a kind."""
        return [label for label, section in self._sections(kind).items() if section.enabled]

    def plugin(self, kind: type[K], label: str) -> K:
        """One configured plugin; calls to it raise its quarantine reason where it could not start."""
        self._start(kind)
        return self.host.get(kind, label)

    def plugins(self, kind: type[K]) -> dict[str, K]:
        """Every configured plugin of a kind that runs."""
        self._start(kind)
        return self.host.all(kind)

    # --- inside -------------------------------------------------------------------------------------------

    def _own(self) -> None:
        if self._pid != os.getpid():
            raise MantissaError("this Runtime was opened before a fork: open one in the child process")

    def _start_stores(self) -> None:
        secrets, state = self.settings.secrets, self.settings.state
        self._must_start(SecretStore, secrets.plugin, "secrets", secrets.settings, "secrets")
        self.host.secrets = self._secret
        self._must_start(StateStore, state.plugin, "state", state.settings, "state")
        for index, section in enumerate(self.settings.policies):
            if section.enabled:
                policy = catalog.load(Policy.group, section.plugin)
                config, _ = configure(policy.Config, section.settings, self._secret, self._file, f"policies.{index}")
                self.host.use(policy(config), section.plugin)

    def _secret(self, name: str) -> str | None:
        found = self.secrets.get_secret(name)
        return found.value if found else None

    def _resolved(self, value: str) -> str:
        if value.startswith("env:"):
            return os.environ.get(value[4:], "")
        return (self._secret(value[9:]) or "") if value.startswith("secret://") else value

    def _must_start(self, kind: type, name: str, label: str, settings: Mapping[str, Any], key: str) -> None:
        if not self.host.start(kind, name, label, settings, key):
            raise next(error for label_, error in self.host.quarantine.items() if label_.endswith(f"/{label}"))

    def _sections(self, kind: type) -> Mapping[str, _Labelled]:
        sections: Mapping[str, _Labelled] = getattr(self.settings, SECTIONS[kind])
        if kind is Module:
            return {label: each for label, each in sections.items() if self.settings.features.get(label, True)}
        return sections

    def _start(self, kind: type) -> None:
        with self._lock:
            if kind in self._started:
                return
            self._started.add(kind)
            for label in self.labels(kind):
                section = self._sections(kind)[label]
                own = dict(section.settings.items())
                key = f"{SECTIONS[kind]}.{label}"
                if not self.host.start(kind, section.plugin, label, own, key):
                    self._log.error("plugin in quarantine", label=key)

    def _ingester(self, stream: str, source: str) -> tuple[threading.Lock, Ingester]:
        from .collect import Ingester
        from .collect.ingest import Settings as IngestSettings

        with self._lock:
            if stream not in self._ingesters:
                section = self.settings.lake
                ingester = Ingester(
                    self.lake,
                    self.state,
                    self.log_types,
                    self.decoder,
                    stream=stream,
                    source=source,
                    settings=IngestSettings(section.retention_days, section.raw == "keep"),
                )
                self._ingesters[stream] = (threading.Lock(), ingester)
            return self._ingesters[stream]

    def _flush(self, log_type: str, source: str) -> Ingested:
        lock, ingester = self._ingester(f"ingest/{source}", source)
        with lock:
            with self._lock:
                records = self._buffers.pop((log_type, source), [])
            if not records:
                return _nothing()
            return ingester.ingest(Page({}, records=records), log_type, {})

    def _alert(self) -> Detected:
        """Apply the signals committed since the cursor; the cursor moves behind each version that was applied."""
        from .alert.route import Route
        from .detect.signals import SIGNALS, signals_from_rows

        result = Detected()
        if SIGNALS.name not in self.lake.tables():
            return result
        table = self.lake.table(SIGNALS.name)
        cursor = self.state.get("alert", "cursor")
        after = int(cursor.value["version"]) if cursor else -1
        routes = [
            Route(label, each.enabled, frozenset(each.severity_filter), each.plugin)
            for label, each in self.settings.sinks.items()
        ]
        for version, files in table.added(after):
            for batch in table.read(files):
                for change, alert in self.alerts.apply(signals_from_rows(batch), routes):
                    (result.opened if change == "opened" else result.updated).append(alert)
            self.state.update("alert", "cursor", lambda _old, at=version: {"version": at})  # type: ignore[misc]
        return result

    def _announce(self, alert: Alert) -> None:
        for listener in self._listeners:
            try:
                listener(alert)
            except Exception as error:  # noqa: BLE001  # the listener is the embedding program's
                self._log.error("on_alert listener failed", error=type(error).__name__, alert=alert.id)

    def _snapshots(self, sql: str) -> Iterator[TableSnapshot]:
        """The tables and views whose names occur in ``sql``, and the tables below those views."""
        from .lake.views import views

        def named(text: str) -> set[str]:
            return {word.lower() for word in re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text)}

        tables, words = self.lake.tables(), named(sql)
        for view in views(self.log_types, tables):
            if view.name in words:
                words |= named(view.sql or "")
                yield view
        for name in tables:
            if name in words:
                yield self.lake.table(name).snapshot()


def _nothing() -> Ingested:
    from .collect import Ingested

    return Ingested()
