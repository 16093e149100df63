"""The instance's destinations: sinks and modules that hear of alerts, how they are, and alerts about them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from . import catalog
from .alerting import Alerting, redaction_of
from .config import Settings, SinkSection
from .errors import PluginError
from .hookspecs import AlertSink, Module
from .model import Alert, Severity, Signal
from .parts import SECTIONS, attribute_of
from .references import References
from .stored_secret import Secrets

if TYPE_CHECKING:
    from .alert.canary import Canaries
    from .alert.escalation import Escalation
    from .alert.hold import Digest, Pace
    from .alert.lifecycle import Lifecycle
    from .alert.outbox import Outbox
    from .alert.outbox.trouble import Troubles
    from .alert.redact.redactor import Redactor
    from .alert.route import Route
    from .alert.routing.explain import Explanation
    from .alert.routing.routing import Routing
    from .alert.routing.rules import Problem, Rules
    from .alert.sink_health import SinkHealth, SinkHealths
    from .alert.summaries import Summaries


class Deliveries(Alerting):
    """From alerts to people."""

    def __init__(self, settings: Settings, home: Path) -> None:
        super().__init__(settings, home)
        self._listeners: list[Callable[[Alert], None]] = []
        self._noticed: dict[str, str] = {}
        self._paces: dict[str, Pace] = {}

    @cached_property
    def outbox(self) -> Outbox:
        """From alerts to destinations."""
        from .alert.module_sink import ModuleSink, destination
        from .alert.outbox import Outbox

        sinks = {label: self.plugin(AlertSink, label) for label in self.labels(AlertSink)} | self.plugins(AlertSink)
        modules = {destination(label): ModuleSink(self.plugin(Module, label)) for label in self._hearing_modules()}
        return Outbox(self.state, {**sinks, **modules}, hung=self._destination_hung, revive=self._revive_destination)

    @cached_property
    def summaries(self) -> Summaries:
        """Messages that are told together."""
        from .alert.summaries import Summaries

        return Summaries(self.state)

    @cached_property
    def lifecycle(self) -> Lifecycle:
        """What people do with alerts."""
        from .alert.lifecycle import Lifecycle

        return Lifecycle(self.state, self._routes)

    @cached_property
    def escalation(self) -> Escalation:
        """What happens to alerts that nobody looks at, and to those of a maintenance window."""
        from .alert.escalation import Escalation

        return Escalation(self.state, self._routes)

    @cached_property
    def routing_rules(self) -> Rules:
        """Which alerts go where."""
        from .alert.routing.rules import Rules

        own = self.settings
        rules = Rules.of(own.routes, own.environments, own.maintenance, own.escalations)
        for each in rules.problems(self._heard_by_sink):
            self._log.warning("routing", place=each.place, problem=each.detail)
        return rules

    def routing_problems(self) -> Sequence[Problem]:
        """What the configuration says about routing to no effect."""
        return self.routing_rules.problems(self._heard_by_sink)

    @cached_property
    def sink_healths(self) -> SinkHealths:
        """How the destinations are."""
        from .alert.sink_health import SinkHealths

        return SinkHealths(self.state, self.outbox)

    @cached_property
    def canaries(self) -> Canaries:
        """Test alerts, and what became of them."""
        from .alert.canary import Canaries

        return Canaries(self.state, self.outbox)

    @cached_property
    def troubles(self) -> Troubles:
        """What is wrong with destinations."""
        from .alert.outbox.trouble import Troubles

        return Troubles(self.state)

    def destinations(self) -> list[str]:
        """Whom alerts go to: the labels of the enabled sinks, and modules as ``modules/<label>``."""
        from .alert.module_sink import destination

        return [*self.labels(AlertSink), *map(destination, self._hearing_modules())]

    def announce(self, signals: Sequence[Signal]) -> list[Alert]:
        """Open or update alerts for signals of the product's own, not of a rule; return the alerts that are new."""
        self._own()
        applied = self.alerts.apply(signals, self._routes())
        opened = [alert for change, alert in applied if change == "opened"]
        for alert in opened:
            self._announce(alert)
        return opened

    def escalate(self) -> int:
        """Do what time makes due: steps of escalation chains, and telling of alerts whose maintenance window closed.

        Returns of how many alerts people are told now; :meth:`deliver` sends the messages.
        """
        self._own()
        return self.escalation.run()

    def explain_routes(self, alert: Alert, at: datetime | None = None) -> Explanation:
        """Where an alert would go if it opened now, or at some time, and why."""
        from .alert.routing.explain import explain

        return explain(self._routes(), alert, at or datetime.now(UTC))

    def told(self, alert_id: str) -> frozenset[str]:
        """The labels of the destinations that have a message about an alert, or one on its way."""
        from .alert.telling import heard

        alert = self.alerts.get(alert_id)
        return heard(self.state, alert, self._routes()) if alert else frozenset()

    def routes(self) -> Routing:
        """The destinations as they are configured now."""
        return self._routes()

    def deliver(self) -> int:
        """Attempt every delivery that is due; returns how many messages arrived.

        Destinations that refuse, or are down for long, become alerts for the others.
        """
        self._own()
        self.summaries.tell()
        delivered = self.outbox.dispatch()
        return delivered + self.outbox.dispatch() if self.report_deliveries() else delivered

    def report_deliveries(self, now: datetime | None = None) -> bool:
        """Open an alert about each destination that refuses or is down, resolve those about what is back.

        The destination itself is not told. Returns whether there is something new to deliver.
        """
        from .alert.lifecycle import Step
        from .alert.telling import PRODUCT

        self._own()
        now = now or datetime.now(UTC)
        news = list(self.troubles.news(now))
        for trouble, document in news:
            signal = trouble.signal(now)
            self.announce([signal])
            self.troubles.told(trouble, signal, document)
        over = list(self.troubles.over())
        for alert_id, document in over:
            if self.alerts.get(alert_id) is not None:
                self.lifecycle.change(alert_id, Step.RESOLVE, by=PRODUCT, note="alerts get there again")
            self.troubles.settled(document)
        return bool(news or over)

    def sink_health(self) -> list[SinkHealth]:
        """How each destination took its messages in the last 24 hours, whether it is down, and why."""
        self._own()
        now = datetime.now(UTC)
        return [self.sink_healths.evaluate(each, now) for each in self.destinations()]

    def notice_changes(self) -> list[str]:
        """Try again what destinations refused, where their settings or secrets have changed since; return which.

        One whose secrets changed while it runs is started anew.
        """
        self._own()
        changed = []
        for label in self.labels(AlertSink):
            now = self._fingerprint(label)
            if self._noticed.get(label) == now:
                continue
            if label in self._noticed:
                self.restart(AlertSink, label)
            self._noticed[label] = now
            if self.sink_healths.changed(label, now):
                self.outbox.redrive(label)
                changed.append(label)
        return changed

    def on_alert(self, listener: Callable[[Alert], None]) -> None:
        """Call ``listener`` with every alert that is opened, on the thread that detects.

        At most once per alert and process: for what survives a crash configure a sink, or a module with
        ``alert_created``.
        """
        self._listeners.append(listener)

    def _announce(self, alert: Alert) -> None:
        for listener in self._listeners:
            try:
                listener(alert)
            except Exception as error:  # noqa: BLE001  # the listener is the embedding program's
                self._log.error("on_alert listener failed", error=type(error).__name__, alert=alert.id)

    @property
    def _heard_by_sink(self) -> Mapping[str, Sequence[Severity] | None]:
        return {label: each.severity_filter if each.enabled else None for label, each in self.settings.sinks.items()}

    def _routes(self) -> Routing:
        from .alert.routing.routing import Routing

        sinks = [self._route(label, each) for label, each in self.settings.sinks.items()]
        return Routing([*sinks, *self._module_routes()], self.routing_rules)

    def _route(self, label: str, section: SinkSection) -> Route:
        from .alert.route import Route

        return Route(
            label,
            section.enabled,
            frozenset(section.severity_filter),
            section.plugin,
            self._redactor(label, section),
            self._digest(section),
            self._pace(label, section),
            section.canary,
        )

    def _digest(self, section: SinkSection) -> Digest | None:
        from .alert.hold import Digest

        own = section.digest
        return Digest(timedelta(seconds=own.every), frozenset(own.severities)) if own else None

    def _pace(self, label: str, section: SinkSection) -> Pace | None:
        from .alert.hold import Pace

        own: int | None = attribute_of(AlertSink, section.plugin, "per_minute")
        limit = own if section.per_minute is None else section.per_minute
        return self._paces.setdefault(label, Pace(limit)) if limit else None

    def _redactor(self, label: str, section: SinkSection) -> Redactor:
        from .alert.redact.redactor import Redactor

        policy = redaction_of(section)
        references = References(Secrets(self.secrets), self._file)
        key = references.text(policy.hash_key, True, f"sinks.{label}.redact.hash_key") if policy.hash_key else ""
        self.host.hide(references.hidden)
        return Redactor(policy, key)

    def _module_routes(self) -> list[Route]:
        """Modules that want to hear of new alerts get them through the outbox, as destinations do."""
        from .alert.module_sink import destination
        from .alert.redact.policy import SECRETS_ONLY
        from .alert.redact.redactor import Redactor
        from .alert.route import Route

        secrets_only, sections = Redactor(SECRETS_ONLY), self._sections(Module)
        return [
            Route(destination(label), type=sections[label].plugin, redactor=secrets_only, canary=False)
            for label in self._hearing_modules()
        ]

    def _hearing_modules(self) -> list[str]:
        """The configured modules whose class has the hook; none is started for that."""
        from .alert.module_sink import HOOK

        return [label for label in self.labels(Module) if _has(self._sections(Module)[label].plugin, HOOK)]

    def _fingerprint(self, label: str) -> str:
        """Differs where the settings or secrets do, and is too short to tell a secret by."""
        section = self.settings.sinks[label].model_dump(mode="json")
        text = json.dumps([section, dict(self.secret_versions(AlertSink, label))], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def _destination_hung(self, destination: str) -> bool:
        return self.host.is_quarantined(*_kind_and_label(destination))

    def _revive_destination(self, destination: str) -> bool:
        return self._revive(*_kind_and_label(destination))


def _kind_and_label(destination: str) -> tuple[type, str]:
    """The plugin that a destination is: a sink, or under ``modules/`` a module."""
    section, _, label = destination.partition("/")
    return (Module, label) if section == SECTIONS[Module] and label else (AlertSink, destination)


def _has(module: str, hook: str) -> bool:
    """Whether a module's class has a hook; one that cannot be loaded has none."""
    try:
        return hasattr(catalog.load(Module.group, module), hook)
    except PluginError:
        return False
