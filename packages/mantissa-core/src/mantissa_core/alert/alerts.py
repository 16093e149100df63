"""Alerts: what signals become, and the messages that go out about them.

Applying is idempotent and safe against a crash at any point. One commit holds the memberships of the signals (each
expected to be absent), the alert (at the version that was read), its group's episodes, its listings and the messages to
every route: all of it happened, or none. Alerts of several groups share a commit as far as it has room; where that is
refused, because somebody else was faster with one of them or they are too large together, each is written on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from operator import attrgetter
from typing import Any, Literal

from mantissa_core.errors import Conflict, StateError
from mantissa_core.model.alert import Alert, Status
from mantissa_core.model.document import Document, Put
from mantissa_core.model.signal import Severity, Signal
from mantissa_core.state import audit
from mantissa_core.state.documents import State

from . import keys
from .codec import alert_from_json, alert_to_json
from .enrich.enrichers import Enriched
from .fold import folded, opened
from .group import Episode, Grouping, alert_id, day, days_around, episodes_from_json, episodes_to_json, group_id
from .lifecycle import EVENTS, Step, stepped
from .pack import Edit, Pack
from .related import KINDS, Related, listings, pairs, related
from .route import Route
from .routing.routing import Routing
from .telling import PRODUCT, heard, tell

Change = Literal["opened", "updated"]

MEMORY = timedelta(days=14)
"""How long a signal is remembered: a crash is recovered from, and detection repeated, well within it."""
_COMMIT = 50
_BESIDE_MEMBERS = 5  # the alert, its group's episodes and three listings, or the entry about its reopening
_WENT_ON = "it happened again"
_ATTEMPTS = 20
_AT_ONCE = 50  # groups whose documents are read together


@dataclass(frozen=True, slots=True)
class _Target:
    """The episode that a signal goes to, and what was read of it. Version 0 stands for "not there yet"."""

    group: str
    episode: Episode
    neighbours: tuple[Episode, ...]
    episodes_version: int
    alert: Alert
    alert_version: int


def every_rule_alike(_rule_id: str) -> Grouping:
    """The default grouping of every rule: five minutes."""
    return Grouping()


def tells(signal: Signal) -> bool:
    """Whether people are told about a signal."""
    return not signal.silent and signal.disposition is None and signal.suppressed_by is None


class Alerts:
    """The alerts in a state store.

    ``grouping`` gives a rule's window and description by its id, ``enrich`` facts about a new alert (see
    :class:`.enrich.enrichers.Enrichers`); it runs before the messages are queued, so that they carry the facts.
    """

    def __init__(
        self,
        state: State,
        *,
        grouping: Callable[[str], Grouping] = every_rule_alike,
        enrich: Callable[[Alert], Enriched] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._state, self._grouping, self._enrich, self._clock = state, grouping, enrich, clock

    def apply(self, signals: Sequence[Signal], routes: Sequence[Route]) -> Sequence[tuple[Change, Alert]]:
        """Fold signals into alerts and queue the messages about new ones.

        The first signal of a group opens an alert at once; later ones within the window are counted, and nobody
        is told again. Who is told is decided when the alert opens: see :mod:`.routing.routing`.
        A signal of a higher severity belongs to another group, so it opens an alert of its own. One that
        happened after its alert was resolved reopens it, and the destinations hear of that.
        A signal that was applied before changes nothing, nor does one that is silent, of a rule on trial, or suppressed
        by a filter. Returns each alert once, as it is now.

        Raises:
            Conflict: other writers kept changing the same alert; nothing of the signal at hand was written.
            StateError: the store refused.
        """
        routing = Routing.of(routes)
        changes: dict[str, tuple[Change, Alert]] = {}
        told = {each.id: each for each in signals if tells(each)}
        groups: dict[str, list[Signal]] = {}
        for signal in self._unknown(sorted(told.values(), key=attrgetter("time", "id"))):
            groups.setdefault(group_id(signal), []).append(signal)
        for change in self._apply_groups(groups, routing):
            before = changes.get(change.alert.id)
            said: Change = before[0] if before else "opened" if change.new else "updated"
            changes[change.alert.id] = (said, change.alert)
        return list(changes.values())

    def get(self, alert_id: str) -> Alert | None:
        """The alert of that id."""
        document = self._state.get(keys.PARTITION, keys.alert(alert_id))
        return alert_from_json(document.value) if document else None

    def find(self, prefix: str) -> Sequence[Alert]:
        """Up to ten alerts whose id starts with ``prefix``."""
        found = self._state.scan(keys.PARTITION, keys.alert(prefix))
        return [alert_from_json(document.value) for document in islice(found, 10)]

    def list(
        self,
        *,
        rule: str | None = None,
        severity: Severity | None = None,
        status: Status | None = None,
        limit: int = 100,
    ) -> Sequence[Alert]:
        """Up to ``limit`` alerts, those with the newest opening event first, that fit every filter given."""
        fits = (
            alert
            for alert in self._newest_first(rule, severity)
            if (severity is None or alert.severity == severity) and (status is None or alert.status == status)
        )
        return list(islice(fits, limit))

    def page(
        self,
        *,
        rule: str | None = None,
        severity: Severity | None = None,
        fits: Callable[[Alert], bool] = lambda _: True,
        after: str = "",
        limit: int = 50,
    ) -> tuple[Sequence[Alert], str]:
        """As :meth:`list`, page by page: also returns what to give as ``after`` for the next page; empty at the end."""
        prefix = _listing(rule, severity)
        found: list[tuple[str, Alert]] = []
        for key, alert in self._listed(prefix, after):
            if (severity is None or alert.severity == severity) and fits(alert):
                if len(found) == limit:
                    return [each for _, each in found], found[-1][0]
                found.append((key, alert))
        return [each for _, each in found], ""

    def related(self, alert: Alert, limit: int = 20) -> Sequence[Related]:
        """Alerts that opened within a day of this one and share a user, an address or a target with it."""
        return related(self._state, alert, alert.first_seen, limit)

    def _newest_first(self, rule: str | None, severity: Severity | None) -> Iterator[Alert]:
        return (alert for _, alert in self._listed(_listing(rule, severity)))

    def _listed(self, prefix: str, after: str = "") -> Iterator[tuple[str, Alert]]:
        """The alerts of a listing, each with its place there: the key without the prefix."""
        listing = self._state.scan(keys.PARTITION, prefix, f"{prefix}{after}" if after else "")
        while page := list(islice(listing, _COMMIT)):
            found = self._state.get_many(keys.PARTITION, [keys.alert(each.value["alert"]) for each in page])
            for each in page:
                if (key := keys.alert(each.value["alert"])) in found:
                    yield each.key.removeprefix(prefix), alert_from_json(found[key].value)

    def _unknown(self, signals: Iterable[Signal]) -> Sequence[Signal]:
        """Those signals that were not applied yet."""
        rest = iter(signals)
        unknown = []
        while page := list(islice(rest, 500)):
            known = self._state.get_many(keys.PARTITION, [keys.member(each.id) for each in page])
            unknown += [each for each in page if keys.member(each.id) not in known]
        return unknown

    def _apply_groups(self, groups: Mapping[str, Sequence[Signal]], routing: Routing) -> Iterator[Edit]:
        rest = iter(groups.items())
        while page := dict(islice(rest, _AT_ONCE)):
            yield from self._apply_page(page, routing)

    def _apply_page(self, page: Mapping[str, Sequence[Signal]], routing: Routing) -> Iterator[Edit]:
        """Write the first change of every group, as many together as fit, and then what more there is of it."""
        pack = Pack()
        for target in self._targets({group: members[0] for group, members in page.items()}):
            change = self._edit(target, page[target.group], routing)
            if not pack.has_room(change):
                yield from self._write(pack, page, routing)
                pack = Pack()
            pack.add(change)
        yield from self._write(pack, page, routing)

    def _write(self, pack: Pack, page: Mapping[str, Sequence[Signal]], routing: Routing) -> Iterator[Edit]:
        try:
            self._state.commit(keys.PARTITION, pack.puts, pack.expects)
        except StateError as error:
            if len(pack.edits) == 1 and not isinstance(error, Conflict):
                raise
            for change in pack.edits:
                yield from self._apply_group(change.group, self._unknown(page[change.group]), routing)
            return
        yield from pack.edits
        for change in pack.edits:
            yield from self._apply_group(change.group, page[change.group][change.taken :], routing)

    def _apply_group(self, group: str, members: Sequence[Signal], routing: Routing) -> Iterator[Edit]:
        """Write the changes of one group, each in a commit of its own."""
        conflicts = 0
        while members:
            [target] = self._targets({group: members[0]})
            change = self._edit(target, members, routing)
            try:
                self._state.commit(keys.PARTITION, change.puts, change.expects)
            except Conflict:
                conflicts += 1
                if conflicts == _ATTEMPTS:
                    raise
                members = self._unknown(members)
                continue
            members = members[change.taken :]
            yield change

    def _targets(self, firsts: Mapping[str, Signal]) -> Iterator[_Target]:
        """For each group the episode that accepts its signal, or a new one."""
        wanted = {group: {name: keys.group(group, name) for name in days_around(each.time)}
                  for group, each in firsts.items()}  # fmt: skip
        documents = self._state.get_many(keys.PARTITION, [key for days in wanted.values() for key in days.values()])
        by_day = {
            group: {name: episodes_from_json(documents[key].value) for name, key in days.items() if key in documents}
            for group, days in wanted.items()
        }
        episodes = {group: self._episode(group, each, by_day[group]) for group, each in firsts.items()}
        alerts = self._state.get_many(keys.PARTITION, [keys.alert(each.alert_id) for each in episodes.values()])
        for group, episode in episodes.items():
            stored, home = alerts.get(keys.alert(episode.alert_id)), day(episode.opened)
            yield _Target(
                group,
                episode,
                tuple(each for each in by_day[group].get(home, ()) if each.alert_id != episode.alert_id),
                _version(documents.get(keys.group(group, home))),
                alert_from_json(stored.value) if stored else self._opened(episode, firsts[group]),
                _version(stored),
            )

    def _episode(self, group: str, signal: Signal, by_day: Mapping[str, Sequence[Episode]]) -> Episode:
        window = self._grouping(signal.rule_id).window
        candidates = [each for episodes in by_day.values() for each in episodes if each.accepts(signal.time, window)]
        new = Episode(alert_id(group, signal), signal.time, signal.time, signal.time)
        return min(candidates, key=attrgetter("first", "alert_id"), default=new)

    def _opened(self, episode: Episode, signal: Signal) -> Alert:
        return opened(episode.alert_id, signal, self._grouping(signal.rule_id), self._clock())

    def _edit(self, target: _Target, members: Sequence[Signal], routing: Routing) -> Edit:
        """What is to be written about as many of ``members`` as the target accepts and one commit holds."""
        new = target.alert_version == 0
        telling = routing.most_puts if new or target.alert.status == "resolved" else 0
        episode, taken = self._accepted(target, members, _COMMIT - _BESIDE_MEMBERS - telling)
        alert = folded(target.alert, self._uncounted(target, taken))
        puts, said = [], new
        if new:
            alert = self._enriched(alert)
            alert, rows = tell(alert, routing, "opened", self._clock())
            opening = keys.listings(alert.id, alert.rule_id, alert.severity, episode.opened)
            puts += [*rows, *(Put(key, {"alert": alert.id}) for key in opening)]
        elif _goes_on(alert, taken):
            said, alert = True, stepped(alert, Step.REOPEN, PRODUCT, self._clock())
            alert, rows = tell(alert, routing, EVENTS[Step.REOPEN], self._clock(), heard(self._state, alert, routing))
            entry = audit.entry(f"alert/{alert.id}", Step.REOPEN.value, PRODUCT, self._clock(), note=_WENT_ON)
            puts += [*rows, entry]
        group_key = keys.group(target.group, day(episode.opened))
        until = self._clock() + MEMORY
        puts += [
            Put(keys.alert(alert.id), alert_to_json(alert)),
            Put(group_key, episodes_to_json([*target.neighbours, episode]), until),
            *(self._member(each, {"alert": alert.id, "repeat": not (said and each is taken[0])}) for each in taken),
            *listings(alert, pairs(alert) - (set() if new else pairs(target.alert)), episode.opened, until),
        ]
        expects = {keys.alert(alert.id): target.alert_version, group_key: target.episodes_version}
        expects |= {keys.member(each.id): 0 for each in taken}
        return Edit(target.group, alert, new, len(taken), puts, expects)

    def _enriched(self, alert: Alert) -> Alert:
        if self._enrich is None:
            return alert
        found = self._enrich(alert)
        return replace(alert, enrichment=found.facts, unenriched=found.failures, rewritten=found.rewritten)

    def _accepted(self, target: _Target, members: Sequence[Signal], room: int) -> tuple[Episode, Sequence[Signal]]:
        """The signals that the episode takes, as far as they and the entities they bring have room."""
        episode, taken, brought = target.episode, list[Signal](), set[tuple[str, str]]()
        known = pairs(target.alert) if target.alert_version else set()
        for signal in members:
            more = brought | ({each for each in signal.entities.items() if each[0] in KINDS} - known)
            fits = episode.accepts(signal.time, self._grouping(signal.rule_id).window)
            if taken and (not fits or len(taken) + 1 + len(more) > room):
                break
            episode, brought = episode.stretched(signal.time), more
            taken.append(signal)
        return episode, taken

    def _uncounted(self, target: _Target, taken: Sequence[Signal]) -> Sequence[Signal]:
        """Without the signal that opened the alert long ago, where its membership was forgotten since."""
        if target.alert_version == 0:
            return list(taken)
        return [each for each in taken if alert_id(target.group, each) != target.alert.id]

    def _member(self, signal: Signal, value: Mapping[str, Any]) -> Put:
        return Put(keys.member(signal.id), value, self._clock() + MEMORY)


def _listing(rule: str | None, severity: Severity | None) -> str:
    return keys.by_rule(rule) if rule else keys.by_severity(severity) if severity else "by-time/"


def _goes_on(alert: Alert, signals: Sequence[Signal]) -> bool:
    """Whether something happened after the alert was resolved; what merely arrived late did not."""
    return alert.status == "resolved" and any(alert.changed is None or each.time > alert.changed for each in signals)


def _version(document: Document | None) -> int:
    return document.version if document else 0
