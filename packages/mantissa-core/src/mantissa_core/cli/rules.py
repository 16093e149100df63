"""``mantissa rules``: the detections, and whether they do what their authors say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.errors import ConfigError, RuleError

from .command import Group, Session, pass_session
from .exit_codes import Exit
from .output import SEVERITY_STYLES, facts, plural, print_json, say, table, width

if TYPE_CHECKING:
    from mantissa_core.detect.rule_tests import Verdict
    from mantissa_core.detect.rules import Placeholders, Rule, RuleSet
    from mantissa_core.parse.log_types import LogTypes

SHORT_ID = 8
WIDE = 110
"""Terminal columns from which on ids are printed whole."""

SEVERITIES = tuple(SEVERITY_STYLES)


@click.group("rules", cls=Group)
def command() -> None:
    """List, show and test detection rules."""


@command.command("list")
@click.argument("words", nargs=-1)
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only of this severity.")
@click.option("--broken", is_flag=True, help="Only those that did not load, with the reason.")
@pass_session
@click.pass_context
def list_rules(
    ctx: click.Context, session: Session, words: tuple[str, ...], severity: str | None, broken: bool
) -> None:
    """List the rules that run.

    With WORDS those whose title, tags or log source contain all of them.

    With --broken the exit code is 1 where a rule did not load.
    """
    with session.runtime() as runtime:
        rules = runtime.rules
    if broken:
        _show_broken(session, rules)
        ctx.exit(Exit.FINDINGS if rules.broken else Exit.OK)
    found = [each for each in rules.rules if _fits(each, words, severity)]
    if session.json:
        print_json([_document(each) for each in found])
        return
    length = None if width() >= WIDE else SHORT_ID
    rows = [(each.id[:length], str(each.severity), each.title, _logsource(each)) for each in found]
    table(
        ["ID", "SEVERITY", "TITLE", "LOG SOURCE"], rows, fixed=["ID", "SEVERITY", "LOG SOURCE"], styles=SEVERITY_STYLES
    )
    if not session.quiet:
        more = f", {len(rules.broken)} did not load (--broken)" if rules.broken else ""
        say(f"\n{plural(len(found), 'rule')}{more}")


def _fits(rule: Rule, words: tuple[str, ...], severity: str | None) -> bool:
    text = " ".join((rule.title, _logsource(rule), *rule.tags)).lower()
    return severity in (None, str(rule.severity)) and all(word.lower() in text for word in words)


def _logsource(rule: Rule) -> str:
    source = rule.logsource
    return "/".join(part for part in (source.product, source.service, source.category) if part)


def _show_broken(session: Session, rules: RuleSet) -> None:
    if session.json:
        print_json([{"file": file, "reason": str(error)} for file, error in rules.broken.items()])
    elif rules.broken:
        for error in rules.broken.values():
            say(str(error))
    else:
        say("Every rule loaded.")


def _document(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "title": rule.title,
        "severity": str(rule.severity),
        "logsource": {key: value for key, value in rule.logsource.model_dump().items() if value},
        "tags": list(rule.tags),
        "source": rule.source,
        "version": rule.version,
        "warnings": list(rule.warnings),
    }


@command.command("show")
@click.argument("rule_id", metavar="ID")
@pass_session
def show_rule(session: Session, rule_id: str) -> None:
    """Show a rule and its text. The beginning of its ID is enough."""
    with session.runtime() as runtime:
        found = [each for each in runtime.rules.rules if each.id.startswith(rule_id)]
    if len(found) != 1:
        known = f"is the beginning of {len(found)} ids" if found else "names no rule that loaded"
        raise click.UsageError(f"{rule_id} {known}; 'mantissa rules list' shows the ids")
    rule = found[0]
    if session.json:
        print_json({**_document(rule), "description": rule.description, "text": rule.text})
        return
    facts(
        [
            ("id", rule.id),
            ("title", rule.title),
            ("severity", str(rule.severity)),
            ("log source", _logsource(rule)),
            ("fields", rule.touched),
            ("alerts by", rule.group_by),
            ("file", rule.source),
            ("warnings", "; ".join(rule.warnings)),
        ]
    )
    say()
    say(rule.text.rstrip())


@command.command("test")
@click.argument("which", nargs=-1, metavar="[RULE]...")
@pass_session
@click.pass_context
def test_rules(ctx: click.Context, session: Session, which: tuple[str, ...]) -> None:
    """Run the tests beside the rules: <rule>.tests.yml.

    RULE is the path of a rule file or a folder of them, or the beginning of an id; without one, every rule of the
    instance is tested. Paths need no instance. Exit code 1 where a test fails or a rule did not load.
    """
    from mantissa_core.detect.rule_tests import run_tests, tests_of

    rules, log_types = _to_test(session, which)
    untested = [rule for rule in rules.rules if not tests_of(rule)]
    verdicts = list(run_tests(rules.rules, log_types))
    failed = [each for each in verdicts if not each.passed]
    if session.json:
        print_json(
            {
                "passed": len(verdicts) - len(failed),
                "failed": [_failure(each) for each in failed],
                "untested": [rule.id for rule in untested],
                "broken": {file: str(error) for file, error in rules.broken.items()},
            }
        )
    else:
        _show_verdicts(failed, len(verdicts), len(rules.rules), len(untested), rules)
    ctx.exit(Exit.FINDINGS if failed or rules.broken else Exit.OK)


def _to_test(session: Session, which: tuple[str, ...]) -> tuple[RuleSet, LogTypes]:
    """The rules that were named, and the log types to test them with."""
    from mantissa_core.detect.rules import RuleSet

    paths = [Path(each) for each in which if Path(each).exists()]
    prefixes = tuple(each for each in which if not Path(each).exists())
    if paths and not prefixes:
        log_types, placeholders = _surroundings(session)
        return RuleSet.load(packs=False, paths=paths, placeholders=placeholders), log_types
    with session.runtime() as runtime:
        rules, log_types = runtime.rules, runtime.log_types
    if prefixes:
        named = [rule for rule in rules.rules if rule.id.startswith(prefixes)]
        missing = [each for each in prefixes if not any(rule.id.startswith(each) for rule in named)]
        if missing:
            raise RuleError(f"{', '.join(missing)}: neither a file nor the id of a rule that loaded")
        rules = RuleSet(named)
    return rules, log_types


def _surroundings(session: Session) -> tuple[LogTypes, Placeholders]:
    """Log types and placeholders of the instance, where there is one; else those of the installed packages."""
    from mantissa_core.parse.log_types import LogTypes

    try:
        session.find()
    except ConfigError:
        return LogTypes.load(), {}
    settings, home = session.settings()
    return LogTypes.load([home / path for path in settings.log_types.paths]), settings.rules.placeholders


def _failure(verdict: Verdict) -> dict[str, Any]:
    return {
        "rule": verdict.rule.id,
        "file": verdict.rule.source,
        "test": verdict.test,
        "log_type": verdict.log_type,
        "expected": verdict.expected,
        "got": verdict.got,
        "problem": verdict.problem,
        "explanation": _explained(verdict),
    }


def _explained(verdict: Verdict) -> list[str]:
    """What each predicate saw, for the author of the rule."""
    return [
        f"{'held' if each.matched else 'failed'}: {each.predicate}; the event has {', '.join(each.values) or 'nothing'}"
        for each in verdict.explanation.findings
    ]


def _show_verdicts(failed: list[Verdict], tests: int, rules: int, untested: int, loaded: RuleSet) -> None:
    for each in failed:
        wanted = "match" if each.expected else "not match"
        say(f"FAILED {each.rule.source}")
        say(f"  {each.rule.title}: {each.test!r} must {wanted} ({each.log_type or 'any log type'})")
        for line in [each.problem] if each.problem else _explained(each):
            say(f"    {line}")
        say()
    for error in loaded.broken.values():
        say(f"BROKEN {error}\n")
    tail = f", {untested} without tests" if untested else ""
    say(f"{plural(rules, 'rule')}{tail}; {plural(tests, 'test')}, {len(failed)} failed.")
