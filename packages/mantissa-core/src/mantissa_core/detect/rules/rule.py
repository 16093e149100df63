"""A Sigma rule, compiled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mantissa_core.detect.ir import derive
from mantissa_core.detect.ir.tree import Node, Predicate
from mantissa_core.detect.schedule.timing import Timing
from mantissa_core.errors import RuleError
from mantissa_core.model import Severity
from mantissa_core.model.log_type import LogSource

from . import keys
from .attributes import Stage, attributes
from .filters import Filter

if TYPE_CHECKING:
    from mantissa_core.detect.ir.compile import Placeholders


@dataclass(frozen=True, eq=False)
class Rule:
    """A Sigma rule, compiled. ``text`` is the file's, ``source`` its path, ``ir`` what it detects.

    ``group_by`` are the fields whose values tell its alerts apart (custom attribute ``mantissa.group_by``);
    without them the overlay's user and source address do. ``warnings`` say what was accepted though not quite right.
    ``keeps`` are the fields that correlations need of its matches; ``silent``: it is for them alone and never alerts.
    ``stage`` and ``owner`` are those of the file (:mod:`.attributes`); ``filters`` may silence some of its matches.
    ``alert_window``: see :class:`.attributes.Attributes`.
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
    alert_window: timedelta | None = None

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


def parse_rule(
    document: object, text: str = "", source: str = "<rule>", placeholders: Placeholders | None = None
) -> Rule:
    """Compile one rule document.

    Raises:
        RuleError: it is no Sigma rule, or one that cannot be evaluated.
    """
    from mantissa_core.detect.ir.compile import compile_detection  # pySigma is slow to import, and the cache spares it

    rule = _sigma_rule(document)
    warnings: list[str] = []
    title = keys.text(rule, "title")
    if not title:
        raise RuleError("title: missing, expected a short text")
    own = attributes(rule, warnings)
    return Rule(
        id=keys.identifier(rule, title, warnings),
        name=keys.text(rule, "name"),
        title=title,
        severity=keys.severity(rule),
        logsource=keys.logsource(rule),
        ir=compile_detection(keys.mapping(rule, "detection"), placeholders),
        text=text,
        source=source,
        description=keys.text(rule, "description"),
        author=keys.text(rule, "author"),
        tags=keys.tags(rule, warnings),
        references=keys.texts(rule, "references"),
        falsepositives=keys.texts(rule, "falsepositives"),
        fields=keys.texts(rule, "fields"),
        group_by=keys.texts(keys.mapping(rule, "mantissa", {}), "group_by"),
        stage=own.stage,
        owner=own.owner,
        modified=own.modified,
        timing=keys.timing(rule),
        alert_window=own.alert_window,
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
