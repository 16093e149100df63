"""Which rules a subcommand is about, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from click import UsageError

from mantissa_core.cli.command import Session
from mantissa_core.errors import ConfigError, RuleError

if TYPE_CHECKING:
    from mantissa_core.detect.correlate.correlation import Correlation
    from mantissa_core.detect.ir.compile import Placeholders
    from mantissa_core.detect.rules.rule import Rule
    from mantissa_core.detect.rules.rule_set import RuleSet
    from mantissa_core.detect.sql_rules import SqlRule
    from mantissa_core.parse.log_types import LogTypes

R = TypeVar("R", bound="Rule | Correlation | SqlRule")


def chosen_rules(session: Session, which: tuple[str, ...]) -> tuple[RuleSet, LogTypes]:
    """The rules that were named by path or by the beginning of an id (all without a name), and the log types.

    With a correlation come those that it refers to; of a file it may refer to the instance's. Paths need no instance.

    Raises:
        RuleError: a name is neither a file nor the beginning of an id.
    """
    from mantissa_core.detect.rules.rule_set import RuleSet

    paths = [Path(each) for each in which if Path(each).exists()]
    prefixes = tuple(each for each in which if not Path(each).exists())
    if paths and not prefixes:
        log_types, placeholders = surroundings(session)
        found = RuleSet.load(packs=False, paths=paths, placeholders=placeholders)
        if found.broken and (beside := _installed(session)) is not None:
            found = RuleSet.load(packs=False, paths=paths, placeholders=placeholders, beside=beside)
        return found, log_types
    with session.runtime() as runtime:
        rules, log_types = runtime.rules, runtime.log_types
    if prefixes:
        named = [rule.id for rule in rules.all if rule.id.startswith(prefixes)]
        missing = [each for each in prefixes if not any(rule_id.startswith(each) for rule_id in named)]
        if missing:
            raise RuleError(f"{', '.join(missing)}: neither a file nor the id of a rule that loaded")
        rules = rules.resting(named)
    return rules, log_types


def _installed(session: Session) -> RuleSet | None:
    """The instance's rules, where there is one."""
    try:
        session.find()
    except ConfigError:
        return None
    with session.runtime() as runtime:
        return runtime.rules


def surroundings(session: Session) -> tuple[LogTypes, Placeholders]:
    """Log types and placeholders of the instance, where there is one; else those of the installed packages."""
    from mantissa_core.parse.log_types import LogTypes

    try:
        session.find()
    except ConfigError:
        return LogTypes.load(), {}
    settings, home = session.settings()
    return LogTypes.load([home / path for path in settings.log_types.paths]), settings.rules.placeholders


def sigma_only(rules: RuleSet, what: str) -> None:
    """Refuse SQL rules where nothing else was chosen.

    Raises:
        UsageError: there are SQL rules only; ``what`` says what does not apply to them.
    """
    if rules.queries and not rules.rules:
        raise UsageError(
            f"{rules.queries[0].title} is an SQL rule: {what}; 'rules show' prints it, 'rules test' runs its tests"
        )


def one_document(rules: Iterable[R], beginning: str) -> R:
    """The one of the rules, correlations or SQL rules whose id begins like that.

    Raises:
        UsageError: there is none, or several.
    """
    found = [each for each in rules if each.id.startswith(beginning)]
    if len(found) != 1:
        known = f"is the beginning of {len(found)} ids" if found else "names no rule that loaded"
        raise UsageError(f"{beginning} {known}; 'mantissa rules list' shows the ids")
    return found[0]


def logsource(rule: Rule | Correlation | SqlRule) -> str:
    """Its log source in one word: ``aws/cloudtrail``; of a correlation its type; of an SQL rule its tables."""
    from mantissa_core.detect.correlate.correlation import Correlation
    from mantissa_core.detect.sql_rules import SqlRule

    if isinstance(rule, Correlation):
        return str(rule.kind)
    if isinstance(rule, SqlRule):
        return f"sql: {', '.join(rule.tables)}"
    source = rule.logsource
    return "/".join(part for part in (source.product, source.service, source.category) if part)


def rule_document(rule: Rule | Correlation | SqlRule) -> dict[str, Any]:
    """The rule, correlation or SQL rule as JSON shows it in lists."""
    return {
        "id": rule.id,
        "title": rule.title,
        "severity": str(rule.severity),
        **_about(rule),
        "tags": list(rule.tags),
        "owner": rule.owner,
        "source": rule.source,
        "version": rule.version,
        "warnings": list(rule.warnings),
    }


def _about(rule: Rule | Correlation | SqlRule) -> dict[str, Any]:
    from mantissa_core.detect.correlate.correlation import Correlation
    from mantissa_core.detect.sql_rules import SqlRule

    if isinstance(rule, SqlRule):
        return {"sql": {"tables": list(rule.tables), "threshold": rule.threshold, "group_by": list(rule.group_by)}}
    if not isinstance(rule, Correlation):
        source = {key: value for key, value in rule.logsource.model_dump().items() if value}
        return {"logsource": source, "filters": [each.id for each in rule.filters]}
    return {
        "correlation": {
            "type": str(rule.kind),
            "rules": list(rule.ids.values()),
            "group_by": list(rule.group_by),
            "timespan": rule.timespan.total_seconds(),
        }
    }
