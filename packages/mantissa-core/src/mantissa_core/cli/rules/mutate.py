"""``mantissa rules test --mutate``: what comes of the mutants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mantissa_core.cli.output import plural, say

if TYPE_CHECKING:
    from mantissa_core.detect.testing.mutate import Mutation


def mutation_documents(found: Sequence[Mutation]) -> list[dict[str, Any]]:
    """The same as JSON."""
    return [
        {
            "rule": each.rule.id,
            "file": each.rule.source,
            "tried": each.tried,
            "left": each.left,
            "survivors": each.survivors,
            "skipped": each.skipped,
        }
        for each in found
    ]


def show_mutations(found: Sequence[Mutation]) -> None:
    """Print the survivors under their rules."""
    for each in found:
        if each.skipped:
            say(f"{each.rule.title}: not mutated, {each.skipped}")
        elif each.survivors:
            say(f"{each.rule.title}: {len(each.survivors)} of {each.tried} changes go unnoticed")
            for change in each.survivors:
                say(f"  {change}")
        if each.left:
            say(f"  {plural(each.left, 'change')} more were not tried")
    tried, left = sum(each.tried for each in found), sum(len(each.survivors) for each in found)
    say(f"{plural(tried, 'change')} to {plural(len(found), 'rule')}, {left} that no test notices.")
