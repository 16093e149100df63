"""``mantissa rules test``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import plural, print_json, say

from .chosen import chosen_rules
from .mutate import mutation_documents, show_mutations

if TYPE_CHECKING:
    from mantissa_core.detect.mutate import Mutation
    from mantissa_core.detect.rule_tests import Verdict
    from mantissa_core.detect.rules import Rule, RuleSet
    from mantissa_core.detect.sql_rules.trial import SqlVerdict
    from mantissa_core.parse.log_types import LogTypes


@click.command("test", cls=Command)
@click.argument("which", nargs=-1, metavar="[RULE]...")
@click.option("--mutate", is_flag=True, help="Also change each rule in every place: does a test notice?")
@pass_session
@click.pass_context
def test_rules(ctx: click.Context, session: Session, which: tuple[str, ...], mutate: bool) -> None:
    """Run the tests beside the rules: <rule>.tests.yml.

    RULE is the path of a rule file or a folder of them, or the beginning of an id; without one, every rule of the
    instance is tested. Paths need no instance. Exit code 1 where a test fails or a rule did not load, with --mutate
    also where a change goes unnoticed.
    """
    from mantissa_core.detect.rule_tests import run_tests, tests_of
    from mantissa_core.detect.sql_rules.trial import run_sql_tests, sql_tests_of

    rules, log_types = chosen_rules(session, which)
    untested = [
        *(rule.id for rule in rules.rules if not tests_of(rule)),
        *(rule.id for rule in rules.queries if not sql_tests_of(rule)),
    ]
    verdicts: list[Verdict | SqlVerdict] = [
        *run_tests(rules.rules, log_types),
        *run_sql_tests(rules.queries, log_types),
    ]
    failed = [each for each in verdicts if not each.passed]
    mutations = _mutations(rules.rules, log_types) if mutate else []
    if session.json:
        print_json(
            {
                **({"mutations": mutation_documents(mutations)} if mutate else {}),
                "passed": len(verdicts) - len(failed),
                "failed": [_failure(each) for each in failed],
                "untested": untested,
                "broken": {file: str(error) for file, error in rules.broken.items()},
            }
        )
    else:
        _show_verdicts(failed, len(verdicts), len(rules.rules) + len(rules.queries), len(untested), rules)
        if mutate:
            show_mutations(mutations)
    unnoticed = any(each.survivors for each in mutations)
    ctx.exit(Exit.FINDINGS if failed or rules.broken or unnoticed else Exit.OK)


def _mutations(rules: list[Rule], log_types: LogTypes) -> list[Mutation]:
    from mantissa_core.detect.mutate import mutate

    return list(mutate(rules, list(log_types)))


def _failure(verdict: Verdict | SqlVerdict) -> dict[str, Any]:
    return {
        "rule": verdict.rule.id,
        "file": verdict.rule.source,
        "test": verdict.test,
        "log_type": _log_type(verdict),
        "expected": verdict.expected,
        "got": verdict.got,
        "problem": verdict.problem,
        "explanation": _explained(verdict),
    }


def _log_type(verdict: Verdict | SqlVerdict) -> str:
    from mantissa_core.detect.rule_tests import Verdict

    return verdict.log_type if isinstance(verdict, Verdict) else ", ".join(verdict.rule.tables)


def _explained(verdict: Verdict | SqlVerdict) -> list[str]:
    """What each predicate saw, or how many rows there were, for the author of the rule."""
    from mantissa_core.detect.rule_tests import Verdict

    if not isinstance(verdict, Verdict):
        return [f"the query returned {plural(verdict.rows, 'row')}, it fires above {verdict.rule.threshold}"]
    return [
        f"{'held' if each.matched else 'failed'}: {each.predicate}; the event has {', '.join(each.values) or 'nothing'}"
        for each in verdict.explanation.findings
    ]


def _show_verdicts(failed: list[Verdict | SqlVerdict], tests: int, rules: int, untested: int, loaded: RuleSet) -> None:
    for each in failed:
        wanted = "match" if each.expected else "not match"
        say(f"FAILED {each.rule.source}")
        say(f"  {each.rule.title}: {each.test!r} must {wanted} ({_log_type(each) or 'any log type'})")
        for line in [each.problem] if each.problem else _explained(each):
            say(f"    {line}")
        say()
    for error in loaded.broken.values():
        say(f"BROKEN {error}\n")
    tail = f", {untested} without tests" if untested else ""
    say(f"{plural(rules, 'rule')}{tail}; {plural(tests, 'test')}, {len(failed)} failed.")
