"""``mantissa rules test``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import plural, print_json, say

from .chosen import chosen_rules
from .failed_tests import failure_document, show_failures
from .mutate import mutation_documents, show_mutations

if TYPE_CHECKING:
    from mantissa_core.detect.rules.rule_set import RuleSet
    from mantissa_core.detect.sql_rules.trial import SqlVerdict
    from mantissa_core.detect.testing.mutate import Mutation
    from mantissa_core.detect.testing.rule_tests import Verdict
    from mantissa_core.detect.testing.sequence_run import SequenceVerdict
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
    from mantissa_core.detect.sql_rules.trial import run_sql_tests
    from mantissa_core.detect.testing.rule_tests import run_tests
    from mantissa_core.detect.testing.sequence_run import run_sequences

    rules, log_types = chosen_rules(session, which)
    verdicts: list[Verdict | SequenceVerdict | SqlVerdict] = [
        *run_tests(rules.rules, log_types),
        *run_sequences(rules, list(log_types)),
        *run_sql_tests(rules.queries, log_types),
    ]
    failed, untested = [each for each in verdicts if not each.passed], _untested(rules)
    mutations = _mutations(rules, log_types) if mutate else []
    if session.json:
        print_json(
            {
                **({"mutations": mutation_documents(mutations)} if mutate else {}),
                "passed": len(verdicts) - len(failed),
                "failed": [failure_document(each) for each in failed],
                "untested": untested,
                "broken": {file: str(error) for file, error in rules.broken.items()},
            }
        )
    else:
        _show_verdicts(failed, len(verdicts), len(untested), rules)
        if mutate:
            show_mutations(mutations)
    unnoticed = any(each.survivors for each in mutations)
    ctx.exit(Exit.FINDINGS if failed or rules.broken or unnoticed else Exit.OK)


def _untested(rules: RuleSet) -> list[str]:
    from mantissa_core.detect.sql_rules.trial import sql_tests_of
    from mantissa_core.detect.testing.mutate_correlations import covered_by_sequences
    from mantissa_core.detect.testing.rule_tests import tests_of
    from mantissa_core.detect.testing.sequence_tests import sequences_of

    above = covered_by_sequences(rules)
    return [
        *(rule.id for rule in rules.rules if rule.id not in above and not tests_of(rule)),
        *(each.id for each in rules.correlations if not sequences_of(each)),
        *(each.id for each in rules.queries if not sql_tests_of(each)),
    ]


def _mutations(rules: RuleSet, log_types: LogTypes) -> list[Mutation]:
    from mantissa_core.detect.testing.mutate import mutate
    from mantissa_core.detect.testing.mutate_correlations import covered_by_sequences, mutate_correlations

    above = covered_by_sequences(rules)
    plain = [rule for rule in rules.rules if rule.id not in above]
    return [*mutate(plain, list(log_types)), *mutate_correlations(rules, list(log_types))]


def _show_verdicts(
    failed: Sequence[Verdict | SequenceVerdict | SqlVerdict], tests: int, untested: int, loaded: RuleSet
) -> None:
    show_failures(failed)
    for error in loaded.broken.values():
        say(f"BROKEN {error}\n")
    kinds: Mapping[str, Sequence[object]] = {
        "rule": loaded.rules,
        "correlation": loaded.correlations,
        "SQL rule": loaded.queries,
    }
    what = ", ".join(plural(len(some), kind) for kind, some in kinds.items() if some) or "0 rules"
    tail = f", {untested} without tests" if untested else ""
    say(f"{what}{tail}; {plural(tests, 'test')}, {len(failed)} failed.")
