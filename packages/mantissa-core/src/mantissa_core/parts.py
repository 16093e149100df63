"""The parts that everything else stands on: plugins, stores, the lake, SQL. Each is made when it is first asked for."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from . import catalog
from .config import FILE, Settings, _Labelled
from .errors import ConfigError, MantissaError, PluginError
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
from .model import CostEstimate, Query, QueryResult
from .references import References, stored_names
from .settings import configure
from .stored_secret import Keeper, Secrets

if TYPE_CHECKING:
    from .ask.model import Budget
    from .collect import Ingester
    from .collect.attempts import Attempts
    from .lake.lake import Lake
    from .lake.spec import TableSpec
    from .parse.log_types import LogTypes
    from .query.cost import Prices
    from .query.guarded import Guarded, Window
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

CREDENTIALS = frozenset({"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})
"""Options of the object store that the configuration may only refer to."""


class Parts:
    """Settings turned into running plugins, stores and the lake."""

    def __init__(self, settings: Settings, home: Path) -> None:
        self.settings, self.home = settings, home
        self._file = str(home / FILE)
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._started: set[type] = set()
        self._log = get_logger("runtime")
        self.host = Host(where=self._file)

    def _own(self) -> None:
        if self._pid != os.getpid():
            raise MantissaError("this Runtime was opened before a fork: open one in the child process")

    # --- stores -------------------------------------------------------------------------------------------

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
        """The tables.

        Raises:
            ConfigError: a reference among the object store's options leads nowhere, or a credential is none.
            LakeError: the place holds something else.
        """
        from .lake.lake import Lake

        section, references = self.settings.lake, References(Secrets(self.secrets), self._file)
        options = {
            name: references.text(value, name.upper() in CREDENTIALS, f"lake.storage.{name}")
            for name, value in section.storage.items()
        }
        self.host.hide(references.hidden)
        return Lake.open(section.url if "://" in section.url else self.home / section.url, storage_options=options)

    @cached_property
    def query_backend(self) -> QueryBackend:
        """What runs SQL."""
        section = self.settings.query
        own = {key: value for key, value in section.settings.items() if key not in {"max_result_rows", "timeout"}}
        with self._lock:
            if "query" not in self.host.labels(QueryBackend):
                self._must_start(QueryBackend, section.plugin, "query", own, "query")
        return self.host.get(QueryBackend, "query")

    # --- stages -------------------------------------------------------------------------------------------

    @cached_property
    def log_types(self) -> LogTypes:
        """What events look like."""
        from .parse.log_types import LogTypes, read

        found = LogTypes.load([self.home / path for path in self.settings.log_types.paths])
        found.add(read(files("mantissa_core.alert") / "canary.yaml"))
        return found

    @cached_property
    def model_budget(self) -> Budget:
        """What a language model may cost for questions.

        Raises:
            ConfigError: the file with prices is missing or of another shape.
        """
        from .ask.model import Budget, Limits, Prices

        ask = self.settings.ask
        limits = Limits(ask.tokens_per_question, ask.money_per_question, ask.tokens_per_day, ask.money_per_day)
        prices = Prices.load(self.home / ask.prices if ask.prices else None)
        return Budget(limits, prices, self.state, lambda: datetime.now(UTC))

    @cached_property
    def attempts(self) -> Attempts:
        """How reading each stream went."""
        from .collect.attempts import Attempts

        return Attempts(self.state)

    # --- plugins ------------------------------------------------------------------------------------------

    def decoder(self, name: str) -> Parser:
        """A parser plugin, or one that ``[parsers]`` sets up under a name of its own, started at first use."""
        with self._lock:
            if name not in self.host.labels(Parser):
                own = dict(self.settings.parsers.get(name, {}))
                self._must_start(Parser, str(own.pop("plugin", name)), name, own, f"parsers.{name}")
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

    def restart(self, kind: type, label: str) -> bool:
        """Stop a configured plugin and start it again, its references read anew. Returns whether it runs."""
        section = self._sections(kind)[label]
        self._start(kind)
        with self._lock:
            self.host.stop(kind, label)
            return self.host.start(kind, section.plugin, label, dict(section.settings), f"{SECTIONS[kind]}.{label}")

    def trial_host(self, secrets: Keeper) -> Host:
        """A host of its own, with this instance's policies, for a plugin that is not configured yet. Close it."""
        host = Host(where=self._file)
        host.secrets = Secrets(secrets, host.hide)
        self._use_policies(host)
        return host

    def secret_versions(self, kind: type, label: str) -> Mapping[str, int]:
        """The secrets that a label's settings refer to, with their versions; empty where it is not configured."""
        section = self._sections(kind).get(label)
        names = stored_names(section.settings) if section else set()
        return {name: each for name, each in self.secrets.list_secrets().items() if name in names} if names else {}

    # --- inside -------------------------------------------------------------------------------------------

    def _start_stores(self) -> None:
        secrets, state = self.settings.secrets, self.settings.state
        self._must_start(SecretStore, secrets.plugin, "secrets", secrets.settings, "secrets")
        self.host.secrets = Secrets(self.secrets, self.host.hide)
        self._must_start(StateStore, state.plugin, "state", state.settings, "state")
        self._know_parsers()
        self._use_policies(self.host)

    def _use_policies(self, host: Host) -> None:
        for index, section in enumerate(self.settings.policies):
            if section.enabled:
                policy = catalog.load(Policy.group, section.plugin)
                key = f"policies.{index}"
                config, hidden = configure(policy.Config, section.settings, host.secrets, self._file, key)
                host.hide(hidden)
                host.use(policy(config), section.plugin)

    def _know_parsers(self) -> None:
        """Settings of a decoder that is not installed would have no effect, silently."""
        known = [each.name for each in catalog.installed(Parser.group)] if self.settings.parsers else []
        for name, own in self.settings.parsers.items():
            if own.get("plugin", name) not in known:
                expected = f"one of {', '.join(known)}, or 'plugin' with one of them"
                raise ConfigError(self._file, f"parsers.{name}", "no parser of that name", expected)

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

    def _revive(self, kind: type, label: str) -> bool:
        """Start a configured plugin again that was put in quarantine."""
        return label in self._sections(kind) and self.restart(kind, label)

    def _open_ingester(self, stream: str, source: str) -> Ingester:
        from .collect import Ingester
        from .collect.ingest import Settings as IngestSettings

        section = self.settings.lake
        return Ingester(
            self.lake,
            self.state,
            self.log_types,
            self.decoder,
            stream=stream,
            source=source,
            settings=IngestSettings(section.retention_days, section.raw == "keep"),
        )

    def prepare(
        self,
        sql: str,
        parameters: Mapping[str, Any],
        max_rows: int,
        absent: Sequence[TableSpec] = (),
        timeout: float | None = None,
        *,
        allowed: Collection[str] | None = None,
        execution_id: str = "",
    ) -> Query:
        """A statement with the tables that it names, as of now; with ``allowed`` it may name those alone."""
        from .lake.named import tables_named

        known, tables = tables_named(sql, self.lake, self.log_types, absent, allowed)
        return Query(
            sql=sql,
            tables=tables,
            parameters=parameters,
            max_rows=max_rows,
            timeout=timeout or self.settings.query.timeout,
            execution_id=execution_id or str(uuid.uuid4()),
            known=known,
        )

    def _ask(
        self,
        sql: str,
        parameters: Mapping[str, Any],
        max_rows: int,
        absent: Sequence[TableSpec] = (),
        timeout: float | None = None,
        allowed: Collection[str] | None = None,
        execution_id: str = "",
    ) -> QueryResult:
        query = self.prepare(sql, parameters, max_rows, absent, timeout, allowed=allowed, execution_id=execution_id)
        return self.query_backend.run_query(query)

    def guarded(
        self,
        sql: str,
        window: Window | None,
        *,
        allowed: Collection[str] | None = None,
        parameters: Collection[str] = (),
        max_rows: int | None = None,
    ) -> Guarded:
        """Bound SQL that a model or a stranger wrote; ``query`` runs the ``sql`` of what comes back.

        ``window`` bounds every table that has times; ``None`` leaves time open. ``allowed`` names the tables that
        may be read, ``None`` for all; a view shows those tables' rows only. ``parameters`` are the names that will
        be bound.

        Raises:
            QueryError: the statement is refused; the message says why, and what to do.
        """
        from .query.guarded import guard
        from .query.guarded.granted import granted

        tables, may = granted(sql, self.lake, self.log_types, window, allowed)
        limit = min(max_rows or self.settings.query.max_result_rows, 10_000)
        # One row more than is returned tells that there were more.
        return guard(sql, tables, "duckdb", max_rows=limit + 1, parameters=parameters, known=may)

    def estimate(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, allowed: Collection[str] | None = None
    ) -> CostEstimate:
        """What ``query`` would read and cost; reads nothing but the files' footers.

        Raises:
            QueryError: the statement would be refused.
        """
        return self.query_backend.estimate_query(self.prepare(sql, parameters or {}, 0, allowed=allowed))

    @cached_property
    def prices(self) -> Prices:
        """What engines that bill by bytes charge."""
        from .query.cost import read_prices

        path = self.settings.query.prices
        return read_prices(self.home / path if path else None)


def attribute_of(kind: type, name: str, attribute: str) -> Any:
    """What a plugin's class says about itself, or its kind of all; of a plugin that cannot be loaded, the latter."""
    try:
        return getattr(catalog.load(kind.group, name), attribute)  # type: ignore[attr-defined]  # every kind has one
    except (PluginError, AttributeError):
        return getattr(kind, attribute)
