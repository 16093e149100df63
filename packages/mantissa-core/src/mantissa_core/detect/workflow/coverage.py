"""What the rules cover: ATT&CK techniques by log source, with what really came in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

from mantissa_core.detect.correlate.correlation import Correlation
from mantissa_core.detect.match.route import log_types_of
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.sql_rules import SqlRule
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.views import view_names
from mantissa_core.model import LogType
from mantissa_core.model.attack import TACTICS, tactics, techniques

State = Literal["live", "silent", "missing"]
"""Events came in during the span; the log type is installed and none did; no log type answers to the log source."""

Detection: TypeAlias = Rule | Correlation | SqlRule

ABSENT = "not installed"
"""The name under which all log sources without a log type stand."""


@dataclass(frozen=True, slots=True)
class Source:
    """A log source: its log type's name, whether events came in, how many of the span are stored (by day), and the day
    (UTC, ISO 8601) of the newest."""

    name: str
    state: State
    rows: int = 0
    newest: str = ""


@dataclass(frozen=True, slots=True)
class Technique:
    """One technique (``T1098.001``) with its rules by the name of their source; ``covered`` if one of these is live."""

    id: str
    tactics: tuple[str, ...]
    rules: Mapping[str, Sequence[Detection]]
    covered: bool

    @property
    def distinct(self) -> tuple[Detection, ...]:
        """Its rules, each once, by title."""
        return tuple(sorted({rule.id: rule for rules in self.rules.values() for rule in rules}.values(), key=_title))


@dataclass(frozen=True, slots=True)
class Coverage:
    """Techniques in the matrix's order, sources with the live ones first, and rules that name no technique."""

    techniques: Sequence[Technique]
    sources: Sequence[Source]
    untagged: tuple[Detection, ...]


def sources(lake: Lake, log_types: Iterable[LogType], since: date | None = None) -> list[Source]:
    """What the lake has of each log type from the day ``since`` on, by its log: no file is opened."""
    tables = set(lake.tables())
    return [_source(lake, each, since) if each.table in tables else Source(each.name, "silent") for each in log_types]


def _source(lake: Lake, log_type: LogType, since: date | None) -> Source:
    files = lake.table(log_type.table).live()
    rows = sum(file.rows for file in files if since is None or file.dt >= since.isoformat())
    newest = max((file.dt for file in files if file.rows), default="")
    return Source(log_type.name, "live" if rows else "silent", rows, newest)


def coverage(
    rules: RuleSet, log_types: Sequence[LogType], found: Iterable[Source], disabled: Collection[str] = ()
) -> Coverage:
    """Sort the rules by technique and source, but those that are ``disabled``, by id.

    A source that has neither rules nor events is left out.
    """
    known = {each.name: each for each in found}
    cells: dict[str, dict[str, list[Detection]]] = {}
    named: dict[str, set[str]] = {}
    untagged: list[Detection] = []
    used: set[str] = set()
    every: list[Detection] = [each for each in rules.all if each.id not in disabled]
    for rule in every:
        if rule.silent and not techniques(rule.tags):
            continue  # a part of a correlation, which has the tags
        own = sorted(_reads(rule, rules, log_types)) or [ABSENT]
        used.update(own)
        ids = techniques(rule.tags)
        if not ids:
            untagged.append(rule)
        for technique in ids:
            named.setdefault(technique, set()).update(tactics(rule.tags))
            for name in own:
                cells.setdefault(technique, {}).setdefault(name, []).append(rule)
    if ABSENT in used:
        known[ABSENT] = Source(ABSENT, "missing")
    shown = sorted((each for each in known.values() if each.name in used or each.rows), key=_by_state)
    return Coverage(
        [_technique(each, cells[each], named[each], known) for each in _ordered(named)], shown, tuple(untagged)
    )


def _reads(rule: Detection | None, rules: RuleSet, log_types: Sequence[LogType]) -> set[str]:
    """The names of the log types that it reads; a correlation those of its rules."""
    if isinstance(rule, Rule):
        return {each.name for each in log_types_of(rule, log_types)}
    if isinstance(rule, SqlRule):
        return {each.name for each in log_types if {each.table, *view_names(each)}.intersection(rule.tables)}
    return {name for each in rule.ids.values() for name in _reads(rules.get(each), rules, log_types)} if rule else set()


def _technique(
    technique: str, cells: Mapping[str, list[Detection]], named: set[str], known: Mapping[str, Source]
) -> Technique:
    live = any(name in known and known[name].state == "live" for name in cells)
    return Technique(technique, tuple(each for each in TACTICS if each in named), cells, live)


def _title(rule: Detection) -> tuple[str, str]:
    return rule.title, rule.id


def _by_state(source: Source) -> tuple[int, str]:
    return ("live", "silent", "missing").index(source.state), source.name


def _ordered(named: Mapping[str, set[str]]) -> list[str]:
    """By the first tactic in the matrix's order, then by number."""
    first = {each: min((TACTICS.index(name) for name in found), default=len(TACTICS)) for each, found in named.items()}
    return sorted(named, key=lambda each: (first[each], each))
