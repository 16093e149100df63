"""Where rules come from: installed packages, checkouts that were fetched, and the folders and files of the settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from mantissa_core import catalog
from mantissa_core.detect.workflow.origin import commit_of, licence_name, licence_of

from .attributes import Stage

if TYPE_CHECKING:
    from mantissa_core.detect.correlate.correlation import Correlation

    from .checkouts import Checkout
    from .rule import Rule
    from .rule_set import RuleSet

    R = TypeVar("R", Rule, Correlation)


@dataclass(frozen=True, slots=True)
class Pack:
    """Rules of one origin, below the folders ``places``.

    ``version`` is the distribution's, or the commit that is checked out. ``owner`` is that of the rules whose files
    name none; the ``stage`` shadow puts all of its rules on trial.
    """

    name: str
    kind: Literal["installed", "git", "folder"]
    version: str
    places: tuple[str, ...]
    owner: str = ""
    stage: Stage = Stage.ACTIVE
    licence: str = ""
    url: str = ""
    ref: str = ""

    def holds(self, source: str) -> int:
        """How closely a rule's file is the pack's: the length of the place that it lies in, 0 where in none."""
        place = source.partition(" (document ")[0]
        return max((len(each) for each in self.places if place == each or place.startswith(f"{each}/")), default=0)


def packs_of(
    installed: bool, checkouts: Iterable[Checkout], paths: Sequence[Path], owners: Mapping[str, str]
) -> list[Pack]:
    """The packs in the order in which they are read. ``owners`` are by the packs' names."""
    found: list[Pack] = []
    if installed:
        for entry, folder in catalog.data(catalog.RULE_PACKS):
            found.append(Pack(entry.name, "installed", entry.version, (str(folder),)))
    found += map(_fetched, checkouts)
    found += map(_named, paths)
    return [replace(each, owner=owners.get(each.name, "")) for each in found]


def pack_of(source: str, packs: Sequence[Pack]) -> Pack | None:
    """The pack that a rule's file belongs to: of several the one whose folder is nearest."""
    best = max(packs, key=lambda each: each.holds(source), default=None)
    return best if best is not None and best.holds(source) else None


def with_packs(rules: RuleSet, packs: Sequence[Pack]) -> RuleSet:
    """The rules with the owners and the stage of their packs."""
    telling = [each for each in packs if each.owner or each.stage is not Stage.ACTIVE]
    if telling:
        rules.rules = [_belonging(rule, packs) for rule in rules.rules]
        rules.correlations = [_belonging(each, packs) for each in rules.correlations]
    return rules


def _fetched(each: Checkout) -> Pack:
    places = tuple(str(place) for place in each.places)
    commit = commit_of(each.path) or ""
    return Pack(each.name, "git", commit, places, "", each.stage, _licence(each.path), each.url, each.ref)


def _named(path: Path) -> Pack:
    commit = commit_of(path) if path.is_dir() else None
    if commit is None:
        return Pack(path.name, "folder", "", (str(path),))
    return Pack(path.name, "git", commit, (str(path),), licence=_licence(path))


def _licence(folder: Path) -> str:
    file = licence_of(folder)
    return licence_name(file) if file else ""


def _belonging(rule: R, packs: Sequence[Pack]) -> R:
    pack = pack_of(rule.source, packs)
    if pack is None:
        return rule
    owner = rule.owner or pack.owner
    stage = Stage.SHADOW if pack.stage is Stage.SHADOW else rule.stage
    return rule if (owner, stage) == (rule.owner, rule.stage) else replace(rule, owner=owner, stage=stage)
