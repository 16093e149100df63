"""Sigma filters: which matches of which rules are known to be harmless, who says so, and until when.

.. code-block:: yaml

    title: The nightly backup exports everything
    id: 3f1c2a84-…
    logsource: {product: acme, service: app}
    filter:
      rules: [0b1f8d0e-…]            # ids or names; or: any
      backup: {user.name: backup}
      condition: not backup          # the rule's condition and this one
    mantissa:
      owner: platform-team
      reason: The backup reads all tables; it signs in from the backup network only.
      expires: 2027-06-30            # applied up to this day, UTC

Specification: https://sigmahq.io/sigma-specification/specification/sigma-filters-specification.html
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mantissa_core.detect.ir.tree import And, Node
from mantissa_core.errors import RuleError
from mantissa_core.model.log_type import LogSource

from . import keys
from .attributes import section_of

if TYPE_CHECKING:
    from mantissa_core.detect.ir.compile import Placeholders

    from .rule import Rule

ANY = "any"
KNOWN = ("owner", "reason", "expires")
_PARTS = ("product", "service", "category")


@dataclass(frozen=True, eq=False)
class Filter:
    """A filter, compiled. ``ir`` is true of the events that it lets pass; the others are suppressed.

    ``rules`` are ids or names as written; empty: every rule whose log source it covers.
    """

    id: str
    title: str
    rules: tuple[str, ...]
    logsource: LogSource
    ir: Node
    text: str
    source: str
    owner: str = ""
    reason: str = ""
    expires: date | None = None
    description: str = ""
    author: str = ""
    warnings: tuple[str, ...] = ()

    @cached_property
    def version(self) -> str:
        """Sixteen hex characters that change with the document's text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    def applies(self, today: date) -> bool:
        """Whether it has not expired: the last day is included."""
        return self.expires is None or today <= self.expires

    def covers(self, rule: Rule) -> bool:
        """Whether the rule's log source is the filter's or narrower, as Sigma wants it."""
        pairs = [(getattr(self.logsource, part), getattr(rule.logsource, part)) for part in _PARTS]
        return all(own is None or own == theirs for own, theirs in pairs)

    def names(self, rule: Rule) -> bool:
        """Whether it is for the rule, log sources aside."""
        return not self.rules or rule.id in self.rules or (bool(rule.name) and rule.name in self.rules)


def parse_filter(
    document: Mapping[str, Any], text: str = "", source: str = "<filter>", placeholders: Placeholders | None = None
) -> Filter:
    """Compile one document with a ``filter`` section.

    Raises:
        RuleError: it is malformed, or cannot be evaluated; names the place.
    """
    from mantissa_core.detect.ir.compile import compile_detection

    title, warnings = keys.text(document, "title"), list[str]()
    if not title:
        raise RuleError("title: missing, expected a short text")
    section = dict(keys.mapping(document, "filter"))
    rules = _rules(section.pop("rules", None))
    if not isinstance(section.get("condition"), str):
        raise RuleError("filter.condition: missing, expected one text such as 'not selection'")
    try:
        ir = compile_detection(section, placeholders)
    except RuleError as error:
        raise RuleError(f"filter: {str(error).removeprefix('detection: ')}") from error
    own = section_of(document, KNOWN, warnings)
    return Filter(
        id=keys.identifier(document, title, warnings),
        title=title,
        rules=rules,
        logsource=keys.logsource(document),
        ir=ir,
        text=text,
        source=source,
        owner=keys.text(own, "owner"),
        reason=keys.text(own, "reason"),
        expires=_day(own.get("expires")),
        description=keys.text(document, "description"),
        author=keys.text(document, "author"),
        warnings=tuple(warnings),
    )


def attached(rules: Iterable[Rule], filters: Sequence[Filter]) -> list[Rule]:
    """The rules, each knowing the filters that are for it."""
    return [_with(rule, tuple(each for each in filters if each.names(rule) and each.covers(rule))) for rule in rules]


def narrowed(rule: Rule, today: date) -> Rule:
    """The rule with its filters in its condition, for those who cannot tell a suppressed match from none."""
    trees = [each.ir for each in rule.filters if each.applies(today)]
    return replace(rule, ir=And((rule.ir, *trees))) if trees else rule


def _with(rule: Rule, filters: tuple[Filter, ...]) -> Rule:
    return rule if rule.filters == filters else replace(rule, filters=filters)


def _rules(found: object) -> tuple[str, ...]:
    if found is None:
        raise RuleError("filter.rules: missing, expected ids or names of rules, or 'any'")
    listed = [found] if isinstance(found, str) else found
    if not isinstance(listed, list) or not all(isinstance(each, str) and each.strip() for each in listed):
        raise RuleError(f"filter.rules: found {found!r}, expected ids or names of rules, or 'any'")
    names = tuple(dict.fromkeys(_plain(each.strip()) for each in listed))
    return () if [each.lower() for each in names] == [ANY] else names


def _plain(reference: str) -> str:
    """An id as rules have it: a UUID in its usual spelling."""
    try:
        return str(uuid.UUID(reference))
    except ValueError:
        return reference


def _day(found: object) -> date | None:
    if isinstance(found, datetime):
        return found.date()
    if found is None or isinstance(found, date):
        return found
    try:
        return date.fromisoformat(str(found))
    except ValueError:
        raise RuleError(f"mantissa.expires: found {found!r}, expected a day such as 2027-06-30") from None
