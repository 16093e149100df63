"""Who, what, when, where, why and how of an alert, composed from its own fields: the same alert, the same words.

Nothing is guessed: what the events did not say stays empty. The texts hold log contents: who shows them, escapes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from mantissa_core.model.alert import Alert
from mantissa_core.model.attack import tactics, techniques

QUESTIONS = ("who", "what", "when", "where", "why", "how")
MODEL = "a language model"
_FEW = 3
"""Values that are named; of more the number is told."""
_PERSON = ("name", "title", "department", "status", "reputation")
_THING = ("name", "kind", "owner", "environment", "criticality")
_PLACE = ("city", "country", "organisation", "reputation")
_LISTED = ("reputation",)
"""What of the facts about a user, an asset, an address and any other value is told."""
_NAMED = frozenset({"owner", "criticality"})
"""Those that say nothing without their name: *owner noor, criticality high*."""
_OUTCOMES = {"success": "succeeded", "failure": "failed"}
_HOW = 160
"""Characters of one fact of an event."""
_SENTENCE = 320
"""Characters of what is told about how usual it is."""


@dataclass(frozen=True, slots=True)
class Story:
    """One sentence or less each; empty where nothing is known."""

    who: str
    what: str
    when: str
    where: str
    why: str
    how: str

    worded_by: str = ""
    """Who worded the answers, where that was not this module."""

    def lines(self) -> Iterator[tuple[str, str]]:
        """Question and answer, those without an answer left out."""
        named = zip(fields(self), astuple(self), strict=True)
        return ((each.name.replace("_", " "), text) for each, text in named if text)


def story(alert: Alert) -> Story:
    """Compose the six answers, or give those that a language model worded, marked as such."""
    if alert.rewritten:
        return Story(**{name: alert.rewritten.get(name, "") for name in QUESTIONS}, worded_by=MODEL)
    return Story(_who(alert), _what(alert), _when(alert), _where(alert), _why(alert), _how(alert))


def _who(alert: Alert) -> str:
    people = _known(alert.enrichment, {"users": _PERSON, "indicators": _LISTED})
    return _few(_placed(each, people) for each in alert.entities.get("user", ()))


def _what(alert: Alert) -> str:
    """The rule's name, on what, how often, and whether it was allowed."""
    things = _known(alert.enrichment, {"assets": _THING, "ips": _LISTED, "indicators": _LISTED})
    target = _few(_placed(each, things) for each in alert.entities.get("target", ()))
    outcomes = [_OUTCOMES.get(each, each) for each in alert.entities.get("outcome", ())]
    parts = [alert.rule_name, *([f"on {target}"] if target else [])]
    parts += [f"({alert.count} times)"] if alert.count > 1 else []
    return " ".join(parts) + (f": {' and '.join(outcomes)}" if outcomes else "")


def _when(alert: Alert) -> str:
    first, last = alert.first_seen, alert.last_seen
    if last - first < timedelta(seconds=1):
        return _moment(first)
    end = f"{last:%H:%M:%S}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M:%S}"
    return f"{first:%Y-%m-%d %H:%M:%S} to {end} UTC ({_span(last - first)})"


def _where(alert: Alert) -> str:
    """From which addresses, to which, and in which log that stands. An address comes with its place, where known."""
    places = _known(alert.enrichment, {"ips": _PLACE})
    for address, what in _known(alert.enrichment, {"assets": _THING}).items():
        places.setdefault(address, what)
    sources = _few(_placed(each, places) for each in alert.entities.get("src_ip", ()))
    goals = _few(_placed(each, places) for each in alert.entities.get("dst_ip", ()))
    parts = [
        f"from {sources}" if sources else "",
        f"to {goals}" if goals else "",
        f"in {alert.table}" if alert.table else "",
    ]
    return " ".join(filter(None, parts))


def _why(alert: Alert) -> str:
    """What the rule's author says about it, on one line, and how usual it is."""
    told = _known(alert.enrichment, {"peers": ("sentence",)}, cut=_SENTENCE)
    described = " ".join(alert.description.split())
    return " ".join(filter(None, [described, *(f"How usual: {each}." for each in told.values())]))


def _how(alert: Alert) -> str:
    """The techniques, and what of the first event tells how it was done."""
    named = [*techniques(alert.tags), *(each.replace("-", " ") for each in tactics(alert.tags))]
    known = f"ATT&CK {', '.join(named)}" if named else ""
    facts = [f"{name}={_cut(value)}" for name, value in _facts(alert) if value]
    return "; ".join(filter(None, [known, ", ".join(facts[:4])]))


def _facts(alert: Alert) -> Iterator[tuple[str, str]]:
    """Scalars of the first event; what names an entity has been told already."""
    told = {value for values in alert.entities.values() for value in values}
    for name, value in next(iter(alert.evidence), {}).items():
        if not name.startswith("m_") and isinstance(value, str | int | float | bool) and value not in told:
            yield name, str(value)


def _known(enrichment: Mapping[str, Any], telling: Mapping[str, Iterable[str]], cut: int = _HOW) -> dict[str, str]:
    """What the enrichers tell of each value: ``{"ips": {"203.0.113.7": {"country": "Norway"}}}``, and what is told."""
    told: dict[str, dict[str, None]] = {}
    for facts, (about, keys) in product(enrichment.values(), telling.items()):
        known = facts.get(about) if isinstance(facts, Mapping) else None
        for name, values in known.items() if isinstance(known, Mapping) else ():
            if isinstance(values, Mapping):
                texts = (_told(key, values[key], cut) for key in keys if values.get(key))
                told.setdefault(str(name), {}).update(dict.fromkeys(texts))
    return {name: ", ".join(texts) for name, texts in told.items()}


def _told(key: str, value: object, most: int) -> str:
    return _cut(f"{key} {value}" if key in _NAMED else str(value), most)


def _placed(address: str, places: Mapping[str, str]) -> str:
    return f"{address} ({places[address]})" if places.get(address) else address


def _few(values: Iterable[str]) -> str:
    listed = list(values)
    more = len(listed) - _FEW
    return ", ".join(listed[:_FEW]) + (f" and {more} more" if more > 0 else "")


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _span(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _cut(text: str, most: int = _HOW) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
