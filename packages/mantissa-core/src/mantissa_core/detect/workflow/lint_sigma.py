"""pySigma's validators, those that say something about a rule that runs here.

Left out are the validators that download lists (ATT&CK and D3FEND tags), those of the SigmaHQ repository's house style,
and those of what :mod:`.rules` and :mod:`.lint` report themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields

from sigma.exceptions import SigmaError
from sigma.policy import SigmaPolicy
from sigma.rule import SigmaRule
from sigma.validation import SigmaValidator
from sigma.validators.base import SigmaValidationIssue, SigmaValidationIssueSeverity
from sigma.validators.core import validators

from mantissa_core.detect.ir.compile import QuietRE2
from mantissa_core.detect.rules.lines import file_of, line_of
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.yaml_text import documents
from mantissa_core.errors import RuleError

from .lint import Level, Problem

LEVELS = {
    SigmaValidationIssueSeverity.LOW: Level.HINT,
    SigmaValidationIssueSeverity.MEDIUM: Level.WARNING,
    SigmaValidationIssueSeverity.HIGH: Level.ERROR,
}

CHECKS = (
    "all_of_them_condition",
    "cartag",
    "control_character",
    "cvetag",
    "dangling_detection",
    "detection_tag",
    "double_wildcard",
    "duplicate_references",
    "duplicate_tag",
    "duplicate_title",
    "escaped_wildcard",
    "invalid_modifier_combinations",
    "number_as_string",
    "tag_format",
    "them_condition_with_single_detection",
    "tlptag",
    "wildcards_instead_of_modifiers",
)


def sigma_problems(rules: Iterable[Rule]) -> Iterator[Problem]:
    """Run the validators over all rules."""
    validator = SigmaValidator([validators[name] for name in CHECKS])
    parsed: dict[int, Rule] = {}
    issues: list[SigmaValidationIssue] = []
    kept = []  # alive, so that their ids stay theirs
    for rule in rules:
        if (sigma_rule := _parsed(rule)) is not None:
            kept.append(sigma_rule)
            parsed[id(sigma_rule)] = rule
            issues += validator.validate_rule(sigma_rule)
    for issue in [*issues, *validator.finalize()]:
        for each in issue.rules:
            if (found := parsed.get(id(each))) is not None:
                yield _problem(issue, found)


def _parsed(rule: Rule) -> SigmaRule | None:
    """The rule as pySigma has it; ``None`` where it is stricter than we are."""
    try:
        for document in documents(rule.text):
            if isinstance(document, dict) and rule.title == str(document.get("title", "")).strip():
                return SigmaRule.from_dict(document, collect_errors=True, policy=SigmaPolicy(regex_engine=QuietRE2()))
    except (SigmaError, RuleError, TypeError, ValueError, AttributeError):
        return None
    return None


def _problem(issue: SigmaValidationIssue, rule: Rule) -> Problem:
    name = type(issue).__name__.removesuffix("Issue")
    check = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
    told = [
        f"{each.name.replace('_', ' ')} {_told(getattr(issue, each.name))}"
        for each in fields(issue)
        if _tells(each.name)
    ]
    message = issue.description.rstrip(". ")
    section = "tags" if "tag" in check else "references" if "reference" in check else "detection"
    line = line_of(rule) if "title" in check else line_of(rule, section)
    text = f"{message}: {', '.join(told)}" if told else message
    return Problem(check, LEVELS[issue.severity], text, file_of(rule.source), line, rule.id)


def _tells(name: str) -> bool:
    return name not in {"rules", "severity", "description"}


def _told(value: object) -> str:
    name = getattr(value, "field", None)
    return str(name) if name else str(value)
