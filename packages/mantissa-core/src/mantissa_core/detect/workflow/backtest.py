"""How often rules would have alerted over stored events, and how two sets of rules differ over the same events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

from mantissa_core.detect.correlate.correlation import Correlation
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.model import Signal

CAP = timedelta(hours=24)
"""The longest that one alert spans, as where alerts are opened."""

TOP = 5
"""Users and addresses that are named."""

SAMPLES = 3
"""Events of a difference that are named."""

Document: TypeAlias = Rule | Correlation

_Group = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule would have found. ``days`` counts matches by UTC day, ``users`` and ``addresses`` the commonest.

    Filters silence ``suppressed`` of the matches, by filter id; without them there would be ``unfiltered`` alerts.
    """

    rule: Document
    matches: int
    alerts: int
    unfiltered: int
    suppressed: Mapping[str, int]
    days: Mapping[date, int]
    users: Sequence[tuple[str, int]]
    addresses: Sequence[tuple[str, int]]


@dataclass
class _Groups:
    """The times of signals that may share an alert."""

    times: dict[_Group, list[datetime]] = field(default_factory=dict)

    def add(self, signal: Signal) -> None:
        if not signal.silent:
            group = (signal.summary, tuple(sorted(signal.group.items())))
            self.times.setdefault(group, []).append(signal.time)

    def alerts(self, window: timedelta) -> int:
        return sum(episodes(times, window) for times in self.times.values())


@dataclass
class _Tally:
    days: Counter[date] = field(default_factory=Counter)
    users: Counter[str] = field(default_factory=Counter)
    addresses: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    told: _Groups = field(default_factory=_Groups)
    all: _Groups = field(default_factory=_Groups)

    def add(self, signal: Signal) -> None:
        self.days[signal.time.astimezone(UTC).date()] += 1
        for counter, name in ((self.users, "user"), (self.addresses, "src_ip")):
            if value := signal.entities.get(name):
                counter[str(value)] += 1
        if signal.suppressed_by is not None:
            self.suppressed[signal.suppressed_by] += 1
        self.all.add(signal)
        if signal.suppressed_by is None:
            self.told.add(signal)


def backtest(rules: Sequence[Document], signals: Iterable[Signal], window: timedelta) -> list[Outcome]:
    """Count what the rules found (see :func:`.history.replay`), most alerts first.

    ``window`` is the idle time after which another match of the same group opens another alert, where the rule has
    none of its own.
    """
    tallies = {rule.id: _Tally() for rule in rules}
    for signal in signals:
        tallies[signal.rule_id].add(signal)
    found = [_outcome(rule, tallies[rule.id], rule.alert_window or window) for rule in rules]
    return sorted(found, key=lambda each: (-each.alerts, -each.matches, each.rule.title))


def _outcome(rule: Document, tally: _Tally, window: timedelta) -> Outcome:
    return Outcome(
        rule,
        matches=tally.days.total(),
        alerts=tally.told.alerts(window),
        unfiltered=tally.all.alerts(window),
        suppressed=dict(tally.suppressed),
        days=dict(sorted(tally.days.items())),
        users=_top(tally.users),
        addresses=_top(tally.addresses),
    )


def alerts_of(signals: Iterable[Signal], window: timedelta) -> int:
    """How many alerts one rule's signals open, whatever their disposition; silent ones open none."""
    groups = _Groups()
    for signal in signals:
        groups.add(signal)
    return groups.alerts(window)


def episodes(times: Iterable[datetime], window: timedelta) -> int:
    """How many alerts the matches of one group open when they arrive in order."""
    count = 0
    first = last = None
    for moment in sorted(times):
        if first is None or last is None or moment - last > window or moment - first > CAP:
            count, first = count + 1, moment
        last = moment
    return count


def _top(counter: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]


@dataclass(frozen=True, slots=True)
class Difference:
    """One rule in two rule sets: how many events each matches, and which are new or gone (some ids of them).

    ``change`` is ``added``, ``removed``, ``changed`` (another text) or ``same``.
    """

    id: str
    title: str
    change: str
    before: int
    after: int
    appear: int
    disappear: int
    appearing: tuple[str, ...]
    disappearing: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the events that match are not the same."""
        return bool(self.appear or self.disappear)


def differences(
    old: Sequence[Document], found_old: Iterable[Signal], new: Sequence[Document], found_new: Iterable[Signal]
) -> list[Difference]:
    """Compare two rule sets by what they find in the same events. Rules and correlations are known by their ids."""
    before, after = _events(found_old), _events(found_new)
    return sorted(_differences(old, before, new, after), key=lambda each: (-each.appear - each.disappear, each.title))


def _differences(
    old: Sequence[Document], before: Mapping[str, set[str]], new: Sequence[Document], after: Mapping[str, set[str]]
) -> Iterator[Difference]:
    olds, news = {rule.id: rule for rule in old}, {rule.id: rule for rule in new}
    for rule_id in dict.fromkeys((*olds, *news)):
        was, now = before.get(rule_id, set()), after.get(rule_id, set())
        appear, disappear = sorted(now - was), sorted(was - now)
        yield Difference(
            rule_id,
            (news.get(rule_id) or olds[rule_id]).title,
            _change(olds.get(rule_id), news.get(rule_id)),
            len(was),
            len(now),
            len(appear),
            len(disappear),
            tuple(appear[:SAMPLES]),
            tuple(disappear[:SAMPLES]),
        )


def _change(old: Document | None, new: Document | None) -> str:
    if old is None or new is None:
        return "added" if old is None else "removed"
    return "same" if old.version == new.version else "changed"


def _events(signals: Iterable[Signal]) -> dict[str, set[str]]:
    """By rule the events that match; by correlation those that complete it, which are the last of a result's."""
    found: dict[str, set[str]] = {}
    for signal in signals:
        if signal.suppressed_by is None:
            found.setdefault(signal.rule_id, set()).update(signal.event_ids[-1:])
    return found
