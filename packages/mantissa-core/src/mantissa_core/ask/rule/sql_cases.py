"""Tests of an SQL rule: events with times of their own, at the threshold and beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mantissa_core.ask.plan import Compare, Plan
from mantissa_core.ask.schema import Schema
from mantissa_core.model.log_type import LogType, NativeId, parse_path

from .base import Base, bases
from .cases import MANY, group_values
from .draft import CannotSay

MOST = 500
_START = datetime(2026, 1, 5, 12, tzinfo=UTC)
"""When the newest event of each test happened."""
_SCALES = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000, "epoch_ns": 1_000_000_000}


def sql_cases(plan: Plan, schema: Schema, log_types: Iterable[LogType], window: timedelta) -> Iterator[dict[str, Any]]:
    """Tests with the events of one log that the plan is about; none where its events cannot be made up."""
    try:
        below, _ = bases(plan, schema, log_types, "event", sigma=False)
    except CannotSay:
        return
    base = next((each for each in below if each.log_type.times), None)
    needed = _needed(plan)
    if base is None or needed is None or needed > MOST:
        return
    yield from _Made(plan, base, window, needed).cases()


def _needed(plan: Plan) -> int | None:
    """How many events make a match; None where that is no number of events."""
    if not plan.having:
        return 1
    (having, *more) = plan.having
    measure = next((each for each in plan.measures if each.name == having.field), None)
    if more or measure is None or measure.function not in ("count", "count_distinct"):
        return None
    if having.op not in ("gt", "ge") or not isinstance(having.value, int):
        return None
    return int(having.value) + (1 if having.op == "gt" else 0)


class _Made:
    def __init__(self, plan: Plan, base: Base, window: timedelta, needed: int) -> None:
        self._plan, self._base, self._window, self._needed = plan, base, window, needed
        groups = tuple(each.field for each in plan.groups)
        self._groups = [dict(zip(groups, each, strict=True)) for each in group_values(groups, base)] or [{}]

    def cases(self) -> Iterator[dict[str, Any]]:
        """At the threshold, below it, over a longer time, of two groups, about something else."""
        enough = self._events(self._needed)
        if not enough:
            return
        yield self._case(f"{self._needed} of them", True, enough)
        if self._needed > 1:
            yield self._case(f"{self._needed - 1} of them", False, self._events(self._needed - 1))
            early = [self._event(0, 0, self._window + timedelta(minutes=1)), *self._events(self._needed)[1:]]
            yield self._case("as many over a longer time", False, early)
            if len(self._groups) > 1:
                mixed = [*enough[:-1], self._event(1, self._needed, timedelta())]
                yield self._case("as many of two together", False, mixed)
        if self._plan.baseline:
            before = self._event(0, 99, self._window + timedelta(days=1))
            yield self._case("it was there before", False, [before, *enough])
        for number, other in enumerate(self._base.others(), start=1):
            events = [self._placed(other, each, timedelta(seconds=each)) for each in range(self._needed)]
            yield self._case(f"something else, {number}", False, events)

    def _case(self, name: str, match: bool, events: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
        made = [each for each in events if each is not None]
        title = f"{self._base.log_type.title}: {name}"
        return {"name": title, "match": match, "events": {self._base.log_type.name: made}}

    def _events(self, count: int) -> list[dict[str, Any] | None]:
        """The newest last, a second apart."""
        made = [self._event(0, number, timedelta(seconds=count - 1 - number)) for number in range(count)]
        return made if all(made) else []

    def _event(self, group: int, number: int, ago: timedelta) -> dict[str, Any] | None:
        wanted = [Compare(field=name, value=value) for name, value in self._groups[group].items()]
        for measure in self._plan.measures:
            if measure.function == "count_distinct" and measure.field:
                text = MANY.get(measure.field, "value {n}").replace("{n}", str(number + 1))
                wanted.append(Compare(field=measure.field, value=text))
        if baseline := self._plan.baseline:
            own = (("m_user", "amara@example.com"), ("m_src_ip", "203.0.113.17"))
            fields = {baseline.field, baseline.per}
            wanted += [Compare(field=name, value=value) for name, value in own if name in fields]
        found = self._base.event(*wanted)
        return self._placed(found, number, ago) if found is not None else None

    def _placed(self, event: Mapping[str, Any], number: int, ago: timedelta) -> dict[str, Any]:
        """The event with a time and an id of its own."""
        log_type, moment = self._base.log_type, _START - ago
        time = log_type.times[0]
        if time.format == "iso8601":
            when: str | int = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        else:
            when = int(moment.timestamp()) * _SCALES[time.format]
        made = _with(event, time.path, when)
        if isinstance(log_type.id, NativeId):
            made = self._told_apart(made, log_type.id, time.path, number)
        return made

    def _told_apart(self, event: dict[str, Any], native: NativeId, time: str, number: int) -> dict[str, Any]:
        """With a value in the first part of the id that the conditions leave open."""
        for path in native.native:
            whole = self._base.log_type.by_path[parse_path(path)].type in ("int32", "int64")
            made = _with(event, path, number + 1 if whole else f"event-{number + 1}")
            if path != time and made != event:
                return made
        return event


def _with(event: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with a value at a path, unless it has one there."""
    made = dict(event)
    key, *rest = parse_path(path)
    if not rest:
        return {**made, key: made.get(key, value)}
    inner = made.get(key)
    below = ".".join(each.replace(".", "\\.") for each in rest)
    made[key] = _with(inner if isinstance(inner, Mapping) else {}, below, value)
    return made
