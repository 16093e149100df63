"""What is installed for each product: its log types, what brings them in, the rules about them, what was proven."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from mantissa_core import catalog
from mantissa_core.cli.output import say
from mantissa_core.errors import PluginError

if TYPE_CHECKING:
    from mantissa_core.detect.rules.rule_set import RuleSet
    from mantissa_core.model import LogType

COLLECTORS, RECEIVERS, PARSERS = "mantissa.collectors", "mantissa.receivers", "mantissa.parsers"
BUILT_IN = "core"
"""The vendor of the plugins that bring in any log type."""

Conformance = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By entry-point group and name: what ``pytest --conformance`` recorded."""


@dataclass
class Proof:
    """What the conformance kits found about a product. ``missing`` names what no record is about."""

    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    oldest: str = ""
    missing: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether everything of the product passed."""
        return bool(self.passed) and not self.failed and not self.missing


@dataclass(frozen=True)
class Product:
    """One row of the table. ``entries`` are the plugins that bring its events in, as pairs of group and name."""

    name: str
    packages: Sequence[str]
    log_types: Sequence[LogType]
    entries: Sequence[tuple[str, str]]
    rules: int
    proof: Proof

    @property
    def decoders(self) -> list[str]:
        """The parsers that take its delivery files apart."""
        return sorted({each.decoder for each in self.log_types})


def products(log_types: Iterable[LogType], rules: RuleSet, conformance: Conformance) -> list[Product]:
    """Every product that has a log type, by the package that brings it and then by name."""
    homes = _homes()
    plugins = [each for group in (COLLECTORS, RECEIVERS) for each in catalog.installed(group)]
    brought = {(each.group, each.name): _brings(each) for each in plugins}
    by_name = sorted(log_types, key=_name)
    found = [
        _product(name, list(several), brought, rules, conformance, homes) for name, several in groupby(by_name, _name)
    ]
    return sorted(found, key=lambda each: (each.packages, each.name.lower()))


def _name(log_type: LogType) -> str:
    return log_type.product or log_type.vendor


def _homes() -> Mapping[str, str]:
    """Distributions by the file names of the log types that they bring."""
    return {
        file.name: entry.distribution for entry, folder in catalog.data(catalog.LOG_TYPES) for file in folder.iterdir()
    }


def _brings(plugin: catalog.Installed) -> Sequence[str]:
    """The log types that the class names; none where it brings all of its vendor."""
    try:
        named: Sequence[str] = getattr(catalog.load(plugin.group, plugin.name), "log_types", ())
    except PluginError as error:
        say(f"{plugin.name}: {error.reason}", err=True)
        return ()
    return named


def _product(
    name: str,
    log_types: list[LogType],
    brought: Mapping[tuple[str, str], Sequence[str]],
    rules: RuleSet,
    conformance: Conformance,
    homes: Mapping[str, str],
) -> Product:
    own = [key for key, named in brought.items() if any(_reaches(key[1], named, each) for each in log_types)]
    entries = own or [key for key in brought if key[1].partition(".")[0] == BUILT_IN]
    packages = sorted({homes.get(f"{each.table}.yaml", "") for each in log_types})
    proven = [*entries, *((PARSERS, each.decoder) for each in log_types)]
    proven += [(catalog.LOG_TYPES, each.name) for each in log_types]
    return Product(name, packages, log_types, entries, len(set(_rules(rules, log_types))), _proof(proven, conformance))


def _reaches(plugin: str, named: Sequence[str], log_type: LogType) -> bool:
    return log_type.name in named if named else plugin.partition(".")[0] == log_type.vendor


def _rules(rules: RuleSet, log_types: list[LogType]) -> Iterator[str]:
    from mantissa_core.detect.match.route import log_types_of

    yield from (each.id for each in rules.rules if log_types_of(each, log_types))
    tables = {each.table for each in log_types}
    yield from (each.id for each in rules.queries if tables & set(each.tables))


def _proof(subjects: Iterable[tuple[str, str]], conformance: Conformance) -> Proof:
    proof, dates = Proof(), []
    for group, name in dict.fromkeys(subjects):
        entry = conformance.get(group, {}).get(name)
        if entry is None or not entry["passed"]:
            proof.missing.append(name)
            continue
        proof.passed += entry["passed"]
        proof.failed += entry["failed"]
        proof.skipped.update(entry["skipped"])
        dates.append(entry["date"])
    proof.oldest = min(dates, default="")
    return proof
