"""Where an alert would go and why, for people and programs. Decided by what decides in earnest: see :mod:`.routing`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from mantissa_core.alert.route import Route
from mantissa_core.model.alert import Alert
from mantissa_core.model.signal import Severity

from .conditions import Condition, Subject, unmet
from .routing import Decision, Routing
from .rules import Rule
from .windows import Window


@dataclass(frozen=True, slots=True)
class SinkAnswer:
    """One destination: whether it would hear of the alert, and why."""

    sink: str
    told: bool
    why: str


@dataclass(frozen=True, slots=True)
class RouteAnswer:
    """One route: whether it would take the alert. ``unmet`` is the first condition that fails, with what was found."""

    route: str
    takes: bool
    unmet: str = ""


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """A step of a chain, and when it would come. ``missing`` are the sinks of it that do not run."""

    chain: str
    step: int
    at: datetime
    to: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WindowAnswer:
    """A maintenance window: until when it is open, when it opens next, and why it does not concern the alert."""

    window: str
    until: datetime | None
    following: datetime | None
    unmet: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of it. ``muted_by`` is the window that keeps everybody from hearing, ``muted_until`` when it closes."""

    at: datetime
    environments: tuple[str, ...]
    sinks: tuple[SinkAnswer, ...]
    routes: tuple[RouteAnswer, ...]
    escalation: tuple[StepAnswer, ...]
    maintenance: tuple[WindowAnswer, ...]
    muted_by: str = ""
    muted_until: datetime | None = None

    @property
    def told(self) -> tuple[str, ...]:
        """The destinations that would hear of the alert."""
        return tuple(each.sink for each in self.sinks if each.told)


def explain(routing: Routing, alert: Alert, at: datetime) -> Explanation:
    """Where the alert would go if it opened at a time. In a maintenance window, routes say what they take otherwise."""
    subject, decision = routing.subject(alert, at), routing.decide(alert, at)
    routes = tuple(_routes(routing, subject))
    return Explanation(
        at,
        tuple(subject.environments),
        tuple(_sink(routing, each, alert, decision, routes) for each in routing),
        routes,
        tuple(_steps(routing, decision, at)),
        tuple(_window(each, subject) for each in routing.rules.windows),
        decision.muted.window if decision.muted else "",
        decision.muted.until if decision.muted else None,
    )


def _routes(routing: Routing, subject: Subject) -> Iterator[RouteAnswer]:
    first = {each.label: _refused(routing, each, subject) for each in routing.rules.routes if not each.rest}
    takers = [label for label, failed in first.items() if not failed]
    for rule in routing.rules.routes:
        failed = first[rule.label] if not rule.rest else _rest(routing, rule, subject, takers)
        yield RouteAnswer(rule.label, not failed, failed)


def _refused(routing: Routing, rule: Rule, subject: Subject) -> str:
    """Why a route does not take the alert; empty where it does."""
    if failed := _failed(rule.conditions, subject):
        return failed
    if any(True for _ in routing.hearing(rule, subject.alert)):
        return ""
    return f"nobody to tell: {', '.join(_unheard(routing, label, subject.alert) for label in rule.to)}"


def _rest(routing: Routing, rule: Rule, subject: Subject, takers: list[str]) -> str:
    return f"rest: route {' and '.join(takers)} took it" if takers else _refused(routing, rule, subject)


def _failed(conditions: Sequence[Condition], subject: Subject) -> str:
    failed = unmet(conditions, subject)
    return f"{failed.name}: found {failed.found(subject)}, expected {failed.wanted}" if failed else ""


def _unheard(routing: Routing, label: str, alert: Alert) -> str:
    found = next((each for each in routing if each.label == label), None)
    if found is None:
        return f"sink {label} is not configured"
    return f"sink {label} is disabled" if not found.enabled else f"severity_filter of {label} lacks {alert.severity}"


def _sink(routing: Routing, sink: Route, alert: Alert, decision: Decision, routes: Sequence[RouteAnswer]) -> SinkAnswer:
    naming = [rule.label for rule in routing.rules.routes if sink.label in rule.to]
    if not sink.enabled:
        return SinkAnswer(sink.label, False, "disabled")
    if not sink.takes(alert):
        wanted = " or ".join(each for each in Severity if each in sink.severities) or "none"
        return SinkAnswer(sink.label, False, f"severity_filter: found {alert.severity}, expected {wanted}")
    if decision.muted:
        return SinkAnswer(sink.label, False, f"maintenance window {decision.muted.window}")
    if not naming and sink.label in routing.rules.named:
        return SinkAnswer(sink.label, False, "only a chain names it: it waits for its step")
    if not naming:
        return SinkAnswer(sink.label, True, "no route names it")
    answers = [each for each in routes if each.route in naming]
    taken = [each.route for each in answers if each.takes]
    why = f"route {', '.join(taken)}" if taken else "; ".join(f"route {each.route}: {each.unmet}" for each in answers)
    return SinkAnswer(sink.label, sink in decision.to, why)


def _steps(routing: Routing, decision: Decision, at: datetime) -> Iterator[StepAnswer]:
    for chain in decision.chains:
        for number, step in enumerate(routing.rules.chains[chain], start=1):
            missing = tuple(label for label in step.to if label not in routing.by_label)
            yield StepAnswer(chain, number, at + step.after, step.to, missing)


def _window(window: Window, subject: Subject) -> WindowAnswer:
    span = window.span
    return WindowAnswer(
        window.label, span.until(subject.now), span.following(subject.now), _failed(window.conditions, subject)
    )
