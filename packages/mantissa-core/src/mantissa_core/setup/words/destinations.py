"""Which configured sinks a sentence means."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .clauses import Clause
from .scan import Item
from .unclear import Unclear

_TYPES: Mapping[str, str] = {
    **{sort: sort for sort in ("slack", "teams", "pagerduty", "jira", "servicenow", "webhook", "console")},
    **dict.fromkeys(("on-call", "page"), "pagerduty"),
    **dict.fromkeys(("issue", "ticket"), "jira"),
    **dict.fromkeys(("email", "mail", "email address"), "smtp"),
    "incident": "servicenow",
    "channel": "slack",
}
"""What to set up where there is none of a sort."""
_ON_CALL = ("on-call", "oncall", "pager")


@dataclass(frozen=True, slots=True)
class Sink:
    """A configured sink: what its settings say, and what the channels are called that it posts to."""

    label: str
    plugin: str
    settings: Collection[str] = field(default_factory=tuple)
    channels: Collection[str] = field(default_factory=tuple)


def sinks_of(sections: Mapping[str, Any], called: Mapping[str, Collection[str]]) -> list[Sink]:
    """The enabled sinks of ``[sinks]``; ``called`` has by label other names of what they post to."""
    return [
        Sink(
            label,
            str(section.get("plugin", "")),
            _texts(section),
            [*_texts(section.get("channel")), *called.get(label, ())],
        )
        for label, section in sections.items()
        if section.get("enabled", True)
    ]


def destinations(clause: Clause, sinks: Sequence[Sink]) -> list[str]:
    """The labels of the sinks that a clause means.

    Raises:
        Unclear: there is none, or there are several; it names what to do.
    """
    verbs = [each for each in clause.items("verb") if each.kind not in ("tell", "escalate")]
    places = clause.groups["place"].items if "place" in clause.groups else [[]]
    return list(dict.fromkeys(_one([*verbs, *place], sinks) for place in places))


def _one(words: Sequence[Item], sinks: Sequence[Sink]) -> str:
    if any(each.kind == "create" for each in words):
        words = _opened([each for each in words if each.kind != "create"])
    found = list(sinks)
    for word in words:
        found = [sink for sink in found if _fits(word, sink)]
    said = " ".join(each.text for each in words) or "that"
    if not found:
        raise Unclear(_missing(words, said, sinks))
    if len(found) > 1:
        listed = ", ".join(f"{each.label} ({each.plugin})" for each in found)
        raise Unclear(f'{said!r} may be one of several: {listed}. Name one by its label, in quotes: "{found[0].label}"')
    return found[0].label


def _opened(words: Sequence[Item]) -> list[Item]:
    """Somebody opens a ticket; at a destination that is named, what they open is clear."""
    nouns = [each for each in words if each.kind in ("ticket", "incident", "issue")]
    if not nouns:
        raise Unclear(
            "it is not clear what is to be opened: a ticket or an incident", " ".join(each.text for each in words)
        )
    others = [each for each in words if each not in nouns]
    return others or nouns


def _fits(word: Item, sink: Sink) -> bool:
    value = word.value.casefold()
    if word.kind in ("label", "quoted"):
        return sink.label.casefold() == value
    if word.kind == "channel":
        return value in (each.casefold().removeprefix("#") for each in (sink.label, *sink.channels))
    if word.kind == "email address":
        return value in (each.casefold() for each in sink.settings)
    return _is_a(word.kind, sink)


def _is_a(sort: str, sink: Sink) -> bool:
    plugin, label = sink.plugin, sink.label.lower()
    if sort in ("on-call", "page"):
        return plugin.startswith("pagerduty.") or any(each in label for each in _ON_CALL)
    if sort in ("email", "mail"):
        return plugin.rpartition(".")[2] in ("smtp", "ses") or "mail" in plugin
    if sort in ("webhook", "console"):
        return plugin == f"core.{sort}"
    if sort == "issue":
        return plugin.startswith("jira.")
    if sort == "ticket":
        return plugin.startswith(("jira.", "servicenow."))
    if sort == "incident":
        return plugin.startswith(("servicenow.", "pagerduty."))
    return plugin.startswith(f"{sort}.") or plugin.partition(".")[2].startswith(sort)


def _missing(words: Sequence[Item], said: str, sinks: Sequence[Sink]) -> str:
    configured = ", ".join(f"{each.label} ({each.plugin})" for each in sinks) or "none"
    sort = next((each.kind for each in words if each.kind in _TYPES), "")
    if not sort or (len(words) > 1 and any(_is_a(sort, each) for each in sinks)):
        return f"no destination is {said!r} (configured: {configured}): name one by its label"
    return f"no destination is {said!r} (configured: {configured}): 'mantissa sinks add {_TYPES[sort]}' sets one up"


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    elements = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    return [text for each in elements for text in _texts(each)]
