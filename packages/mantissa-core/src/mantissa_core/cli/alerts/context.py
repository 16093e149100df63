"""What the enrichers know about an alert, for people: users, addresses and assets, and what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mantissa_core.cli.output import facts, paragraph, say
from mantissa_core.cli.text import one_line

if TYPE_CHECKING:
    from mantissa_core.model import Alert

_SHARED = ("users", "ips", "assets")
"""What enrichers have in common: facts by the user, address or target that the alert names."""
_TOLD = frozenset({*_SHARED, "peers"})
"""What has been told: the last by the story, in a sentence."""
_LONGEST = 300


def show_context(alert: Alert) -> None:
    """Print the facts about each entity, then those of another shape, then why others are missing."""
    blocks = [*_about_entities(alert.enrichment), *_others(alert.enrichment)]
    if blocks or alert.unenriched:
        say("\nCONTEXT")
    for name, known in blocks:
        say(f"  {one_line(_cut(name))}")
        facts(((_words(key), _brief(value)) for key, value in known.items()), indent=4)
    for label, reason in alert.unenriched.items():
        paragraph(f"not known: {label}: {reason}")


def _about_entities(enrichment: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """One block for each user, address and asset, whoever knows of it; what several say stands side by side."""
    for group in _SHARED:
        told: dict[str, dict[str, list[Any]]] = {}
        for source in enrichment.values():
            known = source.get(group) if isinstance(source, Mapping) else None
            for name, values in known.items() if isinstance(known, Mapping) else ():
                for key, value in values.items() if isinstance(values, Mapping) else ((group, values),):
                    said = told.setdefault(str(name), {}).setdefault(str(key), [])
                    said += [value] if value not in said else []
        for name, values in told.items():
            yield name, {key: said[0] if len(said) == 1 else said for key, said in values.items()}


def _others(enrichment: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What an enricher says in a shape of its own."""
    for label, source in enrichment.items():
        known = source if isinstance(source, Mapping) else {"facts": source}
        if own := {str(key): value for key, value in known.items() if key not in _TOLD}:
            yield label, own


def _words(key: str) -> str:
    return _cut(key.replace("_", " "))


def _brief(value: Any) -> Any:
    if isinstance(value, Mapping):
        value = ", ".join(
            f"{name}={each if isinstance(each, str) else json.dumps(each)}" for name, each in value.items()
        )
    elif isinstance(value, (list, tuple)):
        value = (
            "; ".join(str(_brief(each)) for each in value)
            if any(map(_is_nested, value))
            else ", ".join(map(str, value))
        )
    return _cut(value) if isinstance(value, str) else value


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _is_nested(value: Any) -> bool:
    return isinstance(value, (Mapping, list, tuple))
