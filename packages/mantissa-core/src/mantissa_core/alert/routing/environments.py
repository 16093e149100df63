"""Which environments an alert belongs to: by what the configuration says of it, and by what enrichers know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mantissa_core.model.alert import Alert

from .conditions import Subject, compiled, unmet
from .sections import EnvironmentSection

_ALWAYS = datetime.min  # an environment has no times


class Environments:
    """The configured environments, and those that the facts about an alert's assets name."""

    def __init__(self, sections: Mapping[str, EnvironmentSection]) -> None:
        self.conditions = {name: compiled(each.when) for name, each in sections.items()}

    def of(self, alert: Alert) -> Sequence[str]:
        """The names, sorted, each once without regard to case; the configured spelling counts."""
        subject = Subject(alert, _ALWAYS, lambda _: ())
        found = {name.casefold(): name for name, each in self.conditions.items() if unmet(each, subject) is None}
        for name in _of_assets(alert):
            found.setdefault(name.casefold(), name)
        return sorted(found.values())


def _of_assets(alert: Alert) -> Iterator[str]:
    """``environment`` of each asset in the enrichers' facts, where it is a text (see docs/hooks/enricher.md)."""
    for facts in alert.enrichment.values():
        assets = facts.get("assets") if isinstance(facts, Mapping) else None
        for asset in assets.values() if isinstance(assets, Mapping) else ():
            name = asset.get("environment") if isinstance(asset, Mapping) else None
            if isinstance(name, str) and name:
                yield name
