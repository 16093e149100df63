"""From a sentence to sections of ``mantissa.toml``."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any

from mantissa_core.model.signal import Severity

from .clauses import SEVERITIES, Clause, clauses
from .destinations import Sink, destinations, sinks_of
from .lexicon import SEVERITIES as SPELLINGS
from .scan import Item, Vocabulary, scan
from .unclear import Unclear

Changes = dict[tuple[str, str], Mapping[str, Any]]
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = {"s": "s", "m": "m", "h": "h", "d": "d"}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
NIGHT, BUSINESS = "22:00-06:00", "09:00-17:00"


@dataclass(frozen=True, slots=True)
class Understood:
    """The sections to save, and the words that were read as others."""

    changes: Changes
    corrected: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Instance:
    """What a sentence may refer to: the sections of ``mantissa.toml``, the log types, the time zone of hours and days.

    ``called`` has by label of a sink other names of what it posts to.
    """

    sections: Mapping[str, Any]
    log_types: Collection[str] = ()
    timezone: str = ""
    called: Mapping[str, Collection[str]] = field(default_factory=dict)


def understand(sentence: str, instance: Instance) -> Understood:
    """What a sentence means.

    Raises:
        Unclear: it is not understood to the last word, could mean two things, or names what is not there.
    """
    sections = instance.sections
    known = Vocabulary(instance.log_types, sections.get("environments", {}), sections.get("sinks", {}))
    scanned = scan(sentence, known)
    sinks = sinks_of(sections.get("sinks", {}), instance.called)
    found = clauses(scanned.items, sentence)
    routes = [each for each in found if "unacknowledged" not in each.groups]
    steps = [each for each in found if "unacknowledged" in each.groups]
    changes: Changes = {}
    for clause in routes:
        label, route = _route(clause, sinks, instance, changes)
        changes["routes", label] = route
    if steps:
        _escalate(steps, sinks, instance, changes, sentence)
    return Understood(changes, scanned.corrected)


def _route(clause: Clause, sinks: Sequence[Sink], instance: Instance, changes: Changes) -> tuple[str, dict[str, Any]]:
    to = destinations(clause, sinks)
    when = dict(_when(clause))
    if instance.timezone and when.keys() & {"days", "hours"}:
        when["timezone"] = instance.timezone
    route: dict[str, Any] = {"to": to}
    if when:
        route["when"] = when
    if "rest" in clause.groups:
        route["rest"] = True
    taken = {*instance.sections.get("routes", {}), *(label for section, label in changes if section == "routes")}
    return _free("rest" if route.get("rest") else to[0], taken), route


def _escalate(
    steps: Sequence[Clause], sinks: Sequence[Sink], instance: Instance, changes: Changes, sentence: str
) -> None:
    """One chain, which the route of the sentence begins, or else the one route that there is."""
    told = [(_after(each.items("unacknowledged")[0]), destinations(each, sinks)) for each in steps]
    waits = [seconds for (seconds, _), _ in told]
    if waits != sorted(set(waits)):
        raise Unclear("each step of an escalation must be later than the one before", sentence)
    if len(changes) > 1:
        raise Unclear("it is not clear which part is to be acknowledged: say it in a sentence of its own", sentence)
    if changes:
        [((_, label), route)] = changes.items()
    else:
        label, route = _only_route(instance)
    name = _free(label, instance.sections.get("escalations", {}))
    changes["routes", label] = {**route, "escalation": name}
    changes["escalations", name] = {"steps": [{"after": text, "to": to} for (_, text), to in told]}


def _only_route(instance: Instance) -> tuple[str, Mapping[str, Any]]:
    routes = [(label, each) for label, each in instance.sections.get("routes", {}).items() if "escalation" not in each]
    if len(routes) != 1:
        raise Unclear(
            "it is not said which alerts: begin with where they go first",
            "critical alerts to Slack, if nobody acknowledges in 15 minutes page the on-call",
        )
    return routes[0]


def _when(clause: Clause) -> Iterator[tuple[str, Any]]:
    severities = set(chain.from_iterable(_severities(each) for each in clause.items("severities")))
    if severities:
        yield "severities", [each.value for each in sorted(severities, key=lambda each: -each.rank)]
    for key, slot in (("tags", "tags"), ("sources", "sources"), ("rules", "rules"), ("environments", "environments")):
        if values := [_pattern(each) for each in clause.items(slot)]:
            yield key, list(dict.fromkeys(values))
    entities = {
        kind: [read(each.value) for each in clause.items(slot)]
        for kind, slot, read in (("user", "users", str), ("src_ip", "addresses", _network))
        if slot in clause.groups
    }
    if entities:
        yield "entities", entities
    if days := set(chain.from_iterable(_days(each) for each in [*clause.items("days"), *clause.items("business")])):
        yield "days", [each for each in _DAYS if each in days]
    for each in [*clause.items("hours"), *clause.items("business")]:
        yield "hours", _hours(each)


def _severities(item: Item) -> set[Severity]:
    named = SPELLINGS[(item.values.get("severity") or item.values["severity_2"]).lower()]
    if item.kind == "at least":
        return {each for each in Severity if each.rank >= named.rank}
    return {each for each in Severity if each.rank <= named.rank} if item.kind == "at most" else {named}


def _pattern(item: Item) -> str:
    if item.kind == "technique":
        return f"attack.{item.value.lower()}*"
    return {"rule contains": f"*{item.value}*", "rule begins": f"{item.value}*"}.get(item.kind, item.value)


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text))
    except ValueError as error:
        raise Unclear(f"{text!r} is no address or network ({error})") from None


def _days(item: Item) -> list[str]:
    if item.kind == "weekends":
        return ["sat", "sun"]
    if item.kind in ("weekdays", "business"):
        return list(_DAYS[:5])
    return [
        each[:3].lower()
        for each in re.findall(r"[a-z]+", item.values["days"], re.IGNORECASE)
        if each not in ("and", "or")
    ]


def _hours(item: Item) -> str:
    if item.kind in ("night", "business"):
        return NIGHT if item.kind == "night" else BUSINESS
    begin, end = item.values["begin"], item.values["end"]
    half = re.search(r"[ap]m", end)
    if half and not re.search(r"[ap]m", begin):
        raise Unclear(f"it is not clear whether {begin} is in the morning or in the evening")
    hours = f"{_clock(begin)}-{_clock(end)}"
    if _clock(begin) == _clock(end):
        raise Unclear(f"{hours} is no span of time")
    return hours


def _clock(text: str) -> str:
    found = re.fullmatch(r"(\d{1,2})(?::(\d\d))? ?(am|pm)?", text.strip(), re.IGNORECASE)
    hour, minute, half = (int(found[1]), int(found[2] or 0), (found[3] or "").lower()) if found else (99, 0, "")
    if found and not half and not found[2]:
        raise Unclear(f"write {text!r} as a time: {hour:02}:00, or {hour} am")
    if minute > 59 or hour > (12 if half else 23) or (half and not hour):
        raise Unclear(f"{text!r} is no time of day")
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return f"{hour:02}:{minute:02}"


def _after(item: Item) -> tuple[int, str]:
    number, unit = int(item.values["count"]), item.values["unit"][0].lower()
    if not number:
        raise Unclear("an escalation waits for some time: say how long")
    return number * _SECONDS[unit], f"{number}{_UNITS[unit]}"


def _free(label: str, taken: Collection[str]) -> str:
    base = re.sub(r"[^A-Za-z0-9_-]+", "-", label) or "route"
    names = (base if number == 1 else f"{base}-{number}" for number in count(1))
    return next(each for each in names if each not in taken)


__all__ = ["BUSINESS", "NIGHT", "SEVERITIES", "Changes", "Instance", "Understood", "understand"]
