"""Rule files: found, read, compiled. A file that is wrong is listed with its reason; the others load."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mantissa_core import catalog
from mantissa_core.errors import RuleError
from mantissa_core.model import Severity
from mantissa_core.model.log_type import LogSource

from . import derive
from .attributes import Stage, attributes
from .correlate.correlation import Correlation
from .correlate.legacy import convert, is_legacy, merged
from .correlate.link import linked
from .filters import Filter, attached, parse_filter
from .ir import Node, Predicate
from .rule_lines import document_of, placed
from .rule_yaml import documents
from .schedule.timing import Timing, parse_timing

if TYPE_CHECKING:
    from .rule_cache import RuleCache
    from .sql_rules import SqlRule

LARGEST = 1 << 20
"""Bytes of a rule file; larger ones are no rules."""

TESTS = ".tests.yml"
"""What the name of a rule's test file ends with."""

Placeholders = Mapping[str, Sequence[str]]


@dataclass(frozen=True, eq=False)
class Rule:
    """A Sigma rule, compiled. ``text`` is the file's, ``source`` its path, ``ir`` what it detects.

    ``group_by`` are the fields whose values tell its alerts apart (custom attribute ``mantissa.group_by``);
    without them the overlay's user and source address do. ``warnings`` say what was accepted though not quite right.
    ``keeps`` are the fields that correlations need of its matches; ``silent``: it is for them alone and never alerts.
    ``stage`` and ``owner`` are those of the file (:mod:`.attributes`); ``filters`` may silence some of its matches.
    With ``timing`` (``mantissa.schedule_expression``, ``mantissa.window``) it runs by that and follows no commits.
    """

    id: str
    title: str
    severity: Severity
    logsource: LogSource
    ir: Node
    text: str
    source: str
    description: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    name: str = ""
    keeps: tuple[str, ...] = ()
    silent: bool = False
    stage: Stage = Stage.ACTIVE
    owner: str = ""
    modified: str = ""
    filters: tuple[Filter, ...] = ()
    timing: Timing | None = None

    @cached_property
    def version(self) -> str:
        """Sixteen hex characters that change with the rule's text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @cached_property
    def touched(self) -> tuple[str, ...]:
        """The fields that the detection asks for."""
        return derive.fields(self.ir)

    @cached_property
    def pins(self) -> tuple[Predicate, ...]:
        """Equalities that every match implies."""
        return derive.pins(self.ir)

    @cached_property
    def witnesses(self) -> frozenset[derive.Witness] | None:
        """Literals of which every match contains at least one."""
        return derive.witnesses(self.ir)


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
        from .rule_cache import RuleCache

        found, kept = cls(), RuleCache(cache, placeholders) if cache else None
        roots: list[Traversable] = [folder for _, folder in catalog.data(catalog.RULE_PACKS)] if packs else []
        for file in _files([*roots, *paths]):
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
            text = _text(file)
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
        from .correlate.parse import parse_correlation
        from .sql_rules.parse import is_sql_rule, parse_sql_rule

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


def parse_rule(
    document: object, text: str = "", source: str = "<rule>", placeholders: Placeholders | None = None
) -> Rule:
    """Compile one rule document.

    Raises:
        RuleError: it is no Sigma rule, or one that cannot be evaluated.
    """
    from .compile import compile_detection

    rule = _sigma_rule(document)
    warnings: list[str] = []
    title = _str(rule, "title")
    if not title:
        raise RuleError("title: missing, expected a short text")
    own = attributes(rule, warnings)
    return Rule(
        id=_id(rule, title, warnings),
        name=_str(rule, "name"),
        title=title,
        severity=_severity(rule),
        logsource=_logsource(rule),
        ir=compile_detection(_mapping(rule, "detection"), placeholders),
        text=text,
        source=source,
        description=_str(rule, "description"),
        author=_str(rule, "author"),
        tags=_tags(rule, warnings),
        references=_texts(rule, "references"),
        falsepositives=_texts(rule, "falsepositives"),
        fields=_texts(rule, "fields"),
        group_by=_texts(_mapping(rule, "mantissa", {}), "group_by"),
        stage=own.stage,
        owner=own.owner,
        modified=own.modified,
        timing=_timing(rule),
        warnings=tuple(warnings),
    )


def _sigma_rule(document: object) -> Mapping[str, Any]:
    """Refuse what is no plain rule by name: silently skipped documents are rules that never fire."""
    if not isinstance(document, Mapping):
        raise RuleError(f"found {type(document).__name__}, expected a mapping with title, logsource and detection")
    if "correlation" in document:
        raise RuleError("correlation: stands beside the rules that it refers to, it is no rule by itself")
    if "filter" in document:
        raise RuleError("filter: stands beside the rules that it is for, it is no rule by itself")
    if "action" in document:
        raise RuleError("action: global documents are not evaluated by this version")
    return document


def _id(rule: Mapping[str, Any], title: str, warnings: list[str]) -> str:
    if (found := _str(rule, "id")) == "":
        warnings.append("id: missing, one was made from the title; add an id so that the title may change")
        return str(uuid.uuid5(uuid.NAMESPACE_URL, title))
    try:
        return str(uuid.UUID(found))
    except ValueError:
        warnings.append(f"id: {found!r} is no UUID")
        return found


def _severity(rule: Mapping[str, Any]) -> Severity:
    level = _str(rule, "level") or Severity.MEDIUM
    try:
        return Severity(level)
    except ValueError:
        raise RuleError(f"level: found {level!r}, expected one of {', '.join(Severity)}") from None


def _logsource(rule: Mapping[str, Any]) -> LogSource:
    section = _mapping(rule, "logsource")
    parts = {key: _str(section, key) or None for key in ("product", "service", "category")}
    if not any(parts.values()):
        raise RuleError("logsource: empty, expected product, service or category")
    return LogSource(**parts)


def _timing(rule: Mapping[str, Any]) -> Timing | None:
    try:
        return parse_timing(_mapping(rule, "mantissa", {}))
    except RuleError as error:
        raise RuleError(f"mantissa.{error}") from None


def _tags(rule: Mapping[str, Any], warnings: list[str]) -> tuple[str, ...]:
    tags = _texts(rule, "tags")
    if bare := [tag for tag in tags if "." not in tag]:
        warnings.append(f"tags: without a namespace: {', '.join(bare)}")
    return tags


def _str(section: Mapping[str, Any], key: str) -> str:
    value = section.get(key)
    if isinstance(value, (list, dict)):
        raise RuleError(f"{key}: found a {type(value).__name__}, expected a text")
    return "" if value is None else str(value).strip()


def _texts(section: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = section.get(key)
    if value is None:
        return ()
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, (list, dict)) for item in items):
        raise RuleError(f"{key}: expected a list of texts")
    return tuple(str(item) for item in items if item is not None)


def _mapping(section: Mapping[str, Any], key: str, default: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    value = section.get(key, default)
    if not isinstance(value, Mapping):
        raise RuleError(f"{key}: found {type(value).__name__}, expected a mapping")
    return value


def _text(file: Traversable) -> str:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise RuleError(f"cannot be read: {error.strerror or error}") from error
    if len(raw) > LARGEST:
        raise RuleError(f"{len(raw)} bytes, expected a rule of at most {LARGEST}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise RuleError(f"line {line}: not UTF-8") from error


def _files(roots: Iterable[Traversable]) -> Iterator[Traversable]:
    """Rule files below ``roots``, each once, though roots may overlap. A root that is absent is yielded as it is."""
    seen: set[str] = set()
    for root in roots:
        for file in _walk(root) if root.is_dir() else [root]:
            if (place := str(file.resolve()) if isinstance(file, Path) else str(file)) not in seen:
                seen.add(place)
                yield file


def _walk(folder: Traversable) -> Iterator[Traversable]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            yield from _walk(entry)
        elif entry.name.endswith((".yml", ".yaml")) and not entry.name.endswith(TESTS):
            yield entry
