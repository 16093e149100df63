"""What routes and escalations mean, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_KEYS = {
    "severities": "of severity",
    "tags": "tagged",
    "sources": "about",
    "rules": "of the rule",
    "environments": "in the environment",
}
_ENTITIES = {"user": "about the user", "src_ip": "from"}


def explain(changes: Mapping[tuple[str, str], Mapping[str, Any]], sections: Mapping[str, Any]) -> list[str]:
    """A sentence for each section, and one about the sinks that hear of everything because nothing names them."""
    lines = [
        line
        for (section, _), content in changes.items()
        for line in ([_route(content)] if section == "routes" else _chain(content))
    ]
    routes, chains = (_after(changes, sections, section) for section in ("routes", "escalations"))
    begun = [chains[each["escalation"]] for each in routes.values() if each.get("escalation") in chains]
    named = {label for each in (*routes.values(), *(step for chain in begun for step in chain["steps"]))
             for label in each["to"]}  # fmt: skip
    unnamed = [
        label for label, sink in sections.get("sinks", {}).items() if label not in named and sink.get("enabled", True)
    ]
    if unnamed:
        hears = "it still hears" if len(unnamed) == 1 else "they still hear"
        lines.append(
            f"No route names {_either(unnamed)}: {hears} of every alert that its severity_filter lets through."
        )
    return lines


def _after(
    changes: Mapping[tuple[str, str], Mapping[str, Any]], sections: Mapping[str, Any], section: str
) -> Mapping[str, Any]:
    """A section as it will be."""
    return {**sections.get(section, {}), **{label: each for (name, label), each in changes.items() if name == section}}


def _route(route: Mapping[str, Any]) -> str:
    subject = "What no other route takes" if route.get("rest") else "Alerts"
    parts = [subject, *_conditions(route.get("when", {}))]
    verb = "goes" if route.get("rest") else "go"
    whole = subject if len(parts) > 1 or route.get("rest") else "All alerts"
    return f"{' '.join([whole, *parts[1:]])} {verb} to {_all(route['to'])}."


def _conditions(when: Mapping[str, Any]) -> Iterator[str]:
    for key, words in _KEYS.items():
        if key in when:
            yield f"{words} {_either(when[key])}"
    for kind, values in when.get("entities", {}).items():
        yield f"{_ENTITIES.get(kind, f'with the {kind}')} {_either(values)}"
    zone = when.get("timezone", "UTC")
    if "days" in when:
        yield f"on {_either(when['days'])}"
    if "hours" in when:
        yield f"between {when['hours'].replace('-', ' and ')}"
    if when.keys() & {"days", "hours"}:
        yield f"({zone})"


def _chain(chain: Mapping[str, Any]) -> Iterator[str]:
    for step in chain["steps"]:
        yield f"Those that nobody has acknowledged {step['after']} after they opened go to {_all(step['to'])}, too."


def _either(values: Sequence[str]) -> str:
    *others, last = values
    return f"{', '.join(others)} or {last}" if others else last


def _all(values: Sequence[str]) -> str:
    *others, last = values
    return f"{', '.join(others)} and {last}" if others else last
