"""All that the configuration says about routing, compiled once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from mantissa_core.duration import parse_duration
from mantissa_core.model.signal import Severity

from .conditions import Condition, compiled
from .environments import Environments
from .sections import EnvironmentSection, EscalationSection, MaintenanceSection, RouteSection
from .windows import Window


@dataclass(frozen=True, slots=True)
class Rule:
    """``[routes.<label>]``: the sinks that hear of the alerts that fit every condition.

    ``rest`` takes of these only what no other rule took. ``escalation`` is the chain that begins then.
    """

    label: str
    to: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    rest: bool = False
    escalation: str | None = None


@dataclass(frozen=True, slots=True)
class ChainStep:
    """Who is told while nobody acknowledged for so long."""

    after: timedelta
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the configuration that has no effect. ``place`` is its key."""

    place: str
    detail: str


@dataclass(frozen=True)
class Rules:
    """The routes in the order of the file, the environments, the maintenance windows and the chains by label."""

    routes: tuple[Rule, ...] = ()
    environments: Environments = field(default_factory=lambda: Environments({}))
    windows: tuple[Window, ...] = ()
    chains: Mapping[str, tuple[ChainStep, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        routes: Mapping[str, RouteSection],
        environments: Mapping[str, EnvironmentSection],
        maintenance: Mapping[str, MaintenanceSection],
        escalations: Mapping[str, EscalationSection],
    ) -> Rules:
        """Compile validated sections."""
        return cls(
            tuple(
                Rule(label, tuple(dict.fromkeys(each.to)), compiled(each.when), each.rest, each.escalation)
                for label, each in routes.items()
            ),
            Environments(environments),
            tuple(Window.of(label, each) for label, each in maintenance.items()),
            {
                label: tuple(ChainStep(parse_duration(step.after), step.to) for step in each.steps)
                for label, each in escalations.items()
            },
        )

    @property
    def named(self) -> frozenset[str]:
        """The sinks that some route names, or a chain that a route begins: those wait until nobody acknowledged."""
        begun = {each.escalation for each in self.routes if each.escalation}
        later = {label for name in begun & self.chains.keys() for step in self.chains[name] for label in step.to}
        return frozenset(later | {label for each in self.routes for label in each.to})

    def problems(self, sinks: Mapping[str, Collection[Severity] | None]) -> list[Problem]:
        """What has no effect, or leaves alerts to nobody.

        ``sinks`` are the severities that each configured sink hears of by its label; ``None`` where it is disabled.
        """
        return [*self._lost_references(sinks), *self._alerts_for_nobody(sinks)]

    def _lost_references(self, sinks: Mapping[str, Collection[Severity] | None]) -> Iterator[Problem]:
        for rule in self.routes:
            for label in rule.to:
                if why := _unusable(label, sinks):
                    yield Problem(f"routes.{rule.label}", why)
            if rule.escalation is not None and rule.escalation not in self.chains:
                yield Problem(f"routes.{rule.label}", f"no chain {rule.escalation!r} under [escalations]")
        begun = {rule.escalation for rule in self.routes}
        for name, steps in self.chains.items():
            for number, step in enumerate(steps, start=1):
                for label in step.to:
                    if why := _unusable(label, sinks):
                        yield Problem(f"escalations.{name}", f"step {number}: {why}")
            if name not in begun:
                yield Problem(f"escalations.{name}", "no route names it, so it never begins")

    def _alerts_for_nobody(self, sinks: Mapping[str, Collection[Severity] | None]) -> Iterator[Problem]:
        """Severities that some sink would hear of without routes, and that need a route with conditions now."""
        sure = {label for label in sinks if label not in self.named}
        sure |= {label for rule in self.routes if not rule.conditions for label in rule.to}
        heard = {each for label in sinks for each in sinks[label] or ()}
        lost = [
            each for each in Severity if each in heard - {each for label in sure for each in sinks.get(label) or ()}
        ]
        if lost:
            which = "" if len(lost) == len(heard) else f" of severity {', '.join(lost)}"
            remedy = "add a route with 'rest = true', or a sink that no route names"
            yield Problem("routes", f"alerts{which} that no route takes reach nobody: {remedy}")


def _unusable(label: str, sinks: Mapping[str, Collection[Severity] | None]) -> str:
    if label not in sinks:
        return f"no sink {label!r} is configured"
    return f"sink {label!r} is disabled" if sinks[label] is None else ""
