"""The rules of an instance: read, linked. A document that is wrong is listed with its reason; the others load."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mantissa_core import catalog
from mantissa_core.detect.correlate.correlation import Correlation
from mantissa_core.detect.correlate.legacy import convert, is_legacy, merged
from mantissa_core.detect.correlate.link import linked
from mantissa_core.errors import RuleError

from .files import read_text, rule_files
from .filters import Filter, attached, parse_filter
from .lines import document_of, placed
from .rule import Rule, parse_rule
from .yaml_text import documents

if TYPE_CHECKING:
    from mantissa_core.detect.ir.compile import Placeholders
    from mantissa_core.detect.sql_rules import SqlRule

    from .cache import RuleCache


@dataclass
class RuleSet:
    """The rules, correlations, SQL rules and filters that loaded; for each document that did not, why, by file name.

    A correlation stands behind those that it refers to.
    """

    rules: list[Rule] = field(default_factory=list)
    broken: dict[str, RuleError] = field(default_factory=dict)
    correlations: list[Correlation] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    queries: list[SqlRule] = field(default_factory=list)

    @classmethod
    def load(
        cls,
        packs: bool = True,
        paths: Sequence[Path] = (),
        *,
        placeholders: Placeholders | None = None,
        cache: Path | None = None,
        beside: RuleSet | None = None,
    ) -> RuleSet:
        """Read the installed rule packs, and rule files or folders of them in ``paths``.

        Correlations may also refer to what is ``beside``; of that, what they rest upon is taken in.
        ``cache`` is a file that keeps what rule files compile to, so that the next start need not compile them.
        """
        from .cache import RuleCache

        found, kept = cls(), RuleCache(cache, placeholders) if cache else None
        roots: list[Traversable] = [folder for _, folder in catalog.data(catalog.RULE_PACKS)] if packs else []
        for file in rule_files([*roots, *paths]):
            found._read(file, placeholders, kept)
        if kept:
            kept.save()
        found._refuse_duplicates()
        found._link(beside)
        return found

    def get(self, rule_id: str) -> Rule | Correlation | SqlRule | None:
        """The rule, correlation or SQL rule of that id, if it loaded."""
        return self._by_id.get(rule_id)

    def without(self, ids: Collection[str]) -> RuleSet:
        """The same rules but those with these ids; a correlation that refers to one of them is broken."""
        found = RuleSet(
            [rule for rule in self.rules if rule.id not in ids],
            dict(self.broken),
            [each for each in self.correlations if each.id not in ids],
            [each for each in self.filters if each.id not in ids],
            [each for each in self.queries if each.id not in ids],
        )
        found._link()
        return found

    def below(self, correlation: Correlation) -> tuple[list[Rule], list[Correlation]]:
        """The rules that a correlation rests upon, and the correlations; lower ones first, itself last."""
        found = self.resting({correlation.id})
        return found.rules, found.correlations

    def resting(self, ids: Collection[str]) -> RuleSet:
        """Those with these ids, and what they rest upon."""
        wanted = set(ids)
        for each in reversed(self.correlations):
            if each.id in wanted:
                wanted.update(each.ids.values())
        return RuleSet(
            [rule for rule in self.rules if rule.id in wanted],
            correlations=[each for each in self.correlations if each.id in wanted],
            queries=[each for each in self.queries if each.id in wanted],
        )

    @cached_property
    def _by_id(self) -> dict[str, Rule | Correlation | SqlRule]:
        return {each.id: each for each in self.all}

    @property
    def sigma(self) -> list[Rule | Correlation]:
        """Rules, then correlations."""
        return [*self.rules, *self.correlations]

    @property
    def all(self) -> list[Rule | Correlation | SqlRule]:
        """Rules, then correlations, then SQL rules."""
        return [*self.rules, *self.correlations, *self.queries]

    def _read(self, file: Traversable, placeholders: Placeholders | None, kept: RuleCache | None) -> None:
        try:
            text = read_text(file)
            if kept and (compiled := kept.get(text, str(file))) is not None:
                self.rules += compiled
                return
            parsed = merged(documents(text))
        except RuleError as error:
            self._break(str(file), error)
            return
        rules, correlations = len(self.rules), len(self.correlations)
        for number, document in enumerate(parsed, start=1):
            source = str(file) if len(parsed) == 1 else f"{file} (document {number})"
            try:
                self._add(document, text, source, placeholders)
            except RuleError as error:
                self._break(source, error, text)
        plain = len(self.rules) - rules == len(parsed) and len(self.correlations) == correlations
        if kept and plain and not any(rule.timing for rule in self.rules[rules:]):
            kept.keep(text, self.rules[rules:])

    def _add(self, document: object, text: str, source: str, placeholders: Placeholders | None) -> None:
        from mantissa_core.detect.correlate.parse import parse_correlation
        from mantissa_core.detect.sql_rules.parse import is_sql_rule, parse_sql_rule

        if is_legacy(document):
            converted = convert(cast(Mapping[str, Any], document))
            *bases, correlation = converted.documents
            rules = [parse_rule(each, text, source, placeholders) for each in bases]
            found = parse_correlation(correlation, text, source)
            self.rules += rules
            self.correlations.append(replace(found, warnings=(*found.warnings, *converted.warnings)))
        elif isinstance(document, Mapping) and "correlation" in document:
            self.correlations.append(parse_correlation(document, text, source))
        elif isinstance(document, Mapping) and "filter" in document:
            self.filters.append(parse_filter(document, text, source, placeholders))
        elif is_sql_rule(document):
            self.queries.append(parse_sql_rule(cast(Mapping[str, Any], document), text, source))
        else:
            self.rules.append(parse_rule(document, text, source, placeholders))

    def _link(self, beside: RuleSet | None = None) -> None:
        own, sources = {each.id for each in self.all}, {each.source: each.text for each in self.correlations}
        others = beside or RuleSet()
        whole = RuleSet()
        whole.rules, whole.correlations, broken = linked(
            [*self.rules, *(each for each in others.rules if each.id not in own)],
            [*self.correlations, *(each for each in others.correlations if each.id not in own)],
        )
        kept = whole.resting(own)
        self.rules, self.correlations = attached(kept.rules, self.filters), kept.correlations
        for source, error in broken.items():
            if source in sources:
                self._break(source, error, sources[source])

    def _break(self, source: str, error: RuleError, text: str = "") -> None:
        self.broken[source] = RuleError(f"{source}: {placed(error, text, document_of(source))}")

    def _refuse_duplicates(self) -> None:
        by_id: dict[str, list[Rule | Correlation | SqlRule | Filter]] = {}
        for rule in (*self.all, *self.filters):
            by_id.setdefault(rule.id, []).append(rule)
        for rule_id, claims in by_id.items():
            if len(claims) > 1:
                files = " and ".join(rule.source for rule in claims)
                for rule in claims:
                    self._break(
                        rule.source, RuleError(f"id {rule_id} stands in {files}: all are refused, keep one"), rule.text
                    )
        self.rules = [rule for rule in self.rules if len(by_id[rule.id]) == 1]
        self.correlations = [each for each in self.correlations if len(by_id[each.id]) == 1]
        self.filters = [each for each in self.filters if len(by_id[each.id]) == 1]
        self.queries = [each for each in self.queries if len(by_id[each.id]) == 1]
