"""Who hears of an alert.

A destination that no route names hears of every alert that its ``severity_filter`` lets through. One that routes name
hears of what one of them takes, and its ``severity_filter`` lets through. A route takes an alert that fits its
conditions, provided that somebody hears of it: what is to go to missing or disabled destinations alone is left to the
routes with ``rest``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import overload

from mantissa_core.alert.product import is_canary
from mantissa_core.alert.route import Route
from mantissa_core.model.alert import Alert

from .conditions import Subject, unmet
from .rules import Rule, Rules
from .windows import Muted, muted


@dataclass(frozen=True, slots=True)
class Decision:
    """The destinations that match, the chains that begin, and the window that keeps everything back."""

    to: tuple[Route, ...]
    chains: tuple[str, ...] = ()
    muted: Muted | None = None


class Routing(Sequence[Route]):
    """The destinations in the order of the file, with the rules about them."""

    def __init__(self, destinations: Iterable[Route], rules: Rules | None = None) -> None:
        self._destinations, self.rules = tuple(destinations), rules or Rules()
        named = self.rules.named
        self._free = [each for each in self._destinations if each.label not in named]
        self.by_label = {each.label: each for each in self._destinations if each.enabled}

    @classmethod
    def of(cls, destinations: Sequence[Route]) -> Routing:
        """These destinations with their rules; a plain list has none."""
        return destinations if isinstance(destinations, cls) else cls(destinations)

    @overload
    def __getitem__(self, index: int) -> Route: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Route]: ...
    def __getitem__(self, index: int | slice) -> Route | Sequence[Route]:
        return self._destinations[index]

    def __len__(self) -> int:
        return len(self._destinations)

    @property
    def most_puts(self) -> int:
        """Documents at most that telling of one alert adds to a commit."""
        return max(len(self) + len(self.rules.chains), 2 if self.rules.windows else 0)

    def subject(self, alert: Alert, now: datetime) -> Subject:
        """The alert as conditions see it."""
        return Subject(alert, now, self.rules.environments.of)

    def decide(self, alert: Alert, now: datetime) -> Decision:
        """Who is to be told of an alert that opens, or goes on, now."""
        if is_canary(alert):  # it asks whether each destination can be reached
            return Decision(tuple(each for each in self._destinations if each.takes(alert)))
        subject = self.subject(alert, now)
        if found := muted(self.rules.windows, subject):
            return Decision((), (), found)
        taking = [rule for rule in self.rules.routes if not rule.rest and unmet(rule.conditions, subject) is None]
        if not any(True for rule in taking for _ in self.hearing(rule, alert)):
            taking += [rule for rule in self.rules.routes if rule.rest and unmet(rule.conditions, subject) is None]
        heard = {each.label for rule in taking for each in self.hearing(rule, alert)}
        heard |= {each.label for each in self._free if each.takes(alert)}
        chains = [
            rule.escalation for rule in taking if rule.escalation in self.rules.chains and self.begins(rule, alert)
        ]
        return Decision(
            tuple(each for each in self._destinations if each.label in heard),
            tuple(dict.fromkeys(filter(None, chains))),
        )

    def hearing(self, rule: Rule, alert: Alert) -> Iterator[Route]:
        """The destinations of a route that hear of an alert which fits it."""
        return (each for label in rule.to if (each := self.by_label.get(label)) is not None and each.takes(alert))

    def begins(self, rule: Rule, alert: Alert) -> bool:
        """Whether a fitting alert starts the route's chain: it does not where a ``severity_filter`` keeps it back."""
        return any(label not in self.by_label or self.by_label[label].takes(alert) for label in rule.to)
