"""Which fields rules ask for, by log source, and which of them no log type there has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mantissa_core.detect.match.bind import undeclared
from mantissa_core.detect.match.route import log_types_of
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.model import LogType


@dataclass(frozen=True, slots=True)
class DeadField:
    """A field that no log type of the source declares, how many rules ask for it, and why it is not there.

    ``reason`` is what the log types say in ``sigma.absent``; it is empty where none does.
    """

    name: str
    rules: int
    reason: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The rules of one log source: ``routed`` of ``rules`` apply to an installed log type, and ask for ``fields``."""

    source: str
    rules: int
    routed: int
    log_types: Sequence[str]
    fields: int
    dead: Sequence[DeadField]


def vocabularies(rules: Iterable[Rule], log_types: Sequence[LogType]) -> list[Vocabulary]:
    """By product and service (or category), in that order."""
    by_source: dict[str, list[Rule]] = {}
    for rule in rules:
        source = rule.logsource
        by_source.setdefault("/".join(filter(None, (source.product, source.service, source.category))), []).append(rule)
    return [_vocabulary(name, several, log_types) for name, several in sorted(by_source.items())]


def _vocabulary(name: str, rules: Sequence[Rule], log_types: Sequence[LogType]) -> Vocabulary:
    asked: set[str] = set()
    dead: Counter[str] = Counter()
    known: dict[str, LogType] = {}
    routed = 0
    for rule in rules:
        own = log_types_of(rule, log_types)
        routed += bool(own)
        known |= {each.name: each for each in own}
        if own:
            asked.update(rule.touched)
            dead.update(set.intersection(*(set(undeclared(rule.touched, each)) for each in own)))
    found = [DeadField(field, count, _reason(field, known)) for field, count in sorted(dead.items())]
    return Vocabulary(name, len(rules), routed, sorted(known), len(asked), found)


def _reason(field: str, log_types: Mapping[str, LogType]) -> str:
    reasons = (each.sigma.absent.get(field, "") for each in log_types.values())
    return "; ".join(dict.fromkeys(filter(None, reasons)))
