"""Failed tests of rules and correlations, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mantissa_core.cli.output import plural, say

if TYPE_CHECKING:
    from mantissa_core.detect.sql_rules.trial import SqlVerdict
    from mantissa_core.detect.testing.rule_tests import Verdict
    from mantissa_core.detect.testing.sequence_run import SequenceVerdict


def failure_document(verdict: Verdict | SequenceVerdict | SqlVerdict) -> dict[str, Any]:
    """One failed test as JSON has it."""
    from mantissa_core.detect.testing.sequence_run import SequenceVerdict

    about = {"rule": verdict.rule.id, "file": verdict.rule.source}
    if isinstance(verdict, SequenceVerdict):
        return {
            **about,
            "test": verdict.test.name,
            "expected": verdict.test.match,
            "times": verdict.test.times,
            "groups": verdict.test.groups,
            "got": [{"seconds": at.total_seconds(), "group": group} for at, group in verdict.got],
            "problem": verdict.problem,
            "explanation": verdict.explanation,
        }
    return {
        **about,
        "test": verdict.test,
        "log_type": _log_type(verdict),
        "expected": verdict.expected,
        "got": verdict.got,
        "problem": verdict.problem,
        "explanation": _explained(verdict),
    }


def show_failures(failed: Sequence[Verdict | SequenceVerdict | SqlVerdict]) -> None:
    """Print what was expected, what came, and why."""
    from mantissa_core.detect.testing.sequence_run import SequenceVerdict

    for each in failed:
        say(f"FAILED {each.rule.source}")
        if isinstance(each, SequenceVerdict):
            say(f"  {each.rule.title}: {each.test.name!r} must {_wanted(each)}, {_came(each)}")
            lines: Sequence[str] = each.explanation
        else:
            wanted = "match" if each.expected else "not match"
            say(f"  {each.rule.title}: {each.test!r} must {wanted} ({_log_type(each) or 'any log type'})")
            lines = _explained(each)
        for line in [each.problem] if each.problem else lines:
            say(f"    {line}")
        say()


def _wanted(verdict: SequenceVerdict) -> str:
    test = verdict.test
    if not test.match:
        return "not fire"
    often = f" {plural(test.times, 'time')}" if test.times is not None else ""
    groups = "" if test.groups is None else f" for {' and '.join(_group(each) for each in test.groups)}"
    return f"fire{often}{groups}"


def _came(verdict: SequenceVerdict) -> str:
    from mantissa_core.detect.correlate.standing import span_text

    if verdict.problem:
        return "but it could not be run"
    if not verdict.got:
        return "but it does not"
    first = [f"{span_text(at)}{f' for {_group(group)}' if group else ''}" for at, group in verdict.got[:5]]
    more = f" and {len(verdict.got) - 5} times more" if len(verdict.got) > len(first) else ""
    return f"but it fires at {', '.join(first)}{more}"


def _group(group: Any) -> str:
    return ", ".join(f"{name}={value}" for name, value in group.items())


def _log_type(verdict: Verdict | SqlVerdict) -> str:
    from mantissa_core.detect.testing.rule_tests import Verdict

    return verdict.log_type if isinstance(verdict, Verdict) else ", ".join(verdict.rule.tables)


def _explained(verdict: Verdict | SqlVerdict) -> list[str]:
    """What each predicate saw, or how many rows there were, for the author of the rule."""
    from mantissa_core.detect.testing.rule_tests import Verdict

    if not isinstance(verdict, Verdict):
        return [f"the query returned {plural(verdict.rows, 'row')}, it fires above {verdict.rule.threshold}"]
    return [
        f"{'held' if each.matched else 'failed'}: {each.predicate}; the event has {', '.join(each.values) or 'nothing'}"
        for each in verdict.explanation.findings
    ]
