"""The instance's alerts: what groups signals, and what enriches and words the alerts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from .config import EnricherSection, SinkSection
from .detections import Detections
from .hookspecs import AlertSink, Enricher, LLMProvider
from .model import Alert
from .parts import attribute_of

if TYPE_CHECKING:
    from .alert.alerts import Alerts
    from .alert.enrich.enrichers import Enriched, Enrichers
    from .alert.enrich.source import Source
    from .alert.group import Grouping
    from .alert.redact.policy import Redaction
    from .alert.verdicts import Verdicts


class Alerting(Detections):
    """From signals to alerts."""

    @cached_property
    def alerts(self) -> Alerts:
        """From signals to alerts."""
        from .alert.alerts import Alerts

        enrich = (lambda alert: self._enrichers(alert)) if self.settings.alerts.enrichment else None
        return Alerts(self.state, grouping=self._grouping, enrich=self._rewriting(enrich))

    @cached_property
    def verdicts(self) -> Verdicts:
        """What analysts say about alerts."""
        from .alert.verdicts import Verdicts

        return Verdicts(self.state)

    @cached_property
    def _enrichers(self) -> Enrichers:
        from .alert.enrich.enrichers import Enrichers
        from .alert.enrich.source import Limits, Source

        sources = []
        for label, enricher in self.plugins(Enricher).items():
            section = self.settings.enrichers.get(label) or EnricherSection(plugin="")
            about = attribute_of(Enricher, section.plugin, "about") if section.plugin else None
            limits = Limits(section.budget, section.ttl, section.per_minute)
            sources.append(Source(label, enricher, limits, about, partial(self._revive, Enricher)))
        if self.settings.alerts.peers:
            sources.append(self._peers())
        return Enrichers(sources)

    def _peers(self) -> Source:
        from .alert.enrich.peers import PER_MINUTE, Peers
        from .alert.enrich.source import Limits, Source

        alerts = self.settings.alerts
        ask = partial(self._ask, timeout=alerts.peer_budget)
        self.host.add(Enricher, "peers", Peers(ask, alerts.peer_days))
        return Source("peers", self.host.get(Enricher, "peers"), Limits(alerts.peer_budget, per_minute=PER_MINUTE))

    def _rewriting(self, enrich: Callable[[Alert], Enriched] | None) -> Callable[[Alert], Enriched] | None:
        """The same, and the answers in a language model's words where that is asked for."""
        section, provider = self.settings.alerts, self.settings.ask.provider
        if not section.rewrite or provider is None:
            return enrich
        from .alert.enrich.source import Limits, Source
        from .alert.redact.policy import Redaction, strictest
        from .alert.redact.redactor import Redactor
        from .alert.rewrite import LABEL, PER_MINUTE, Rewriter, Rewriting

        # The provider is a destination, too, and its words go to all others.
        policy = strictest([Redaction(), *(redaction_of(each) for each in self.settings.sinks.values())])
        rewriter = Rewriter(self.plugin(LLMProvider, provider), Redactor(policy))
        limits = Limits(section.rewrite_budget, per_minute=PER_MINUTE)
        return Rewriting(enrich, Source(LABEL, rewriter, limits, revive=lambda _: self._revive(LLMProvider, provider)))

    def _grouping(self, rule_id: str) -> Grouping:
        from .alert.group import Grouping

        rule = self.rules.get(rule_id)
        window = (rule and rule.alert_window) or timedelta(minutes=self.settings.alerts.window_minutes)
        return Grouping(window, rule.description if rule else "")


def redaction_of(section: SinkSection) -> Redaction:
    """What a destination may be told: as configured, or what goes for its kind."""
    from .alert.redact.policy import SECRETS_ONLY, Redaction

    return section.redact or (SECRETS_ONLY if attribute_of(AlertSink, section.plugin, "local") else Redaction())
