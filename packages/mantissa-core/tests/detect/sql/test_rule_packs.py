"""The installed rules, and where they are laid out the public ones, in every dialect, but for listed reasons.

``uv run pytest -n0 -s packages/mantissa-core/tests/detect/sql/test_rule_packs.py`` prints how many, and why not.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from mantissa_core.detect.match.route import log_types_of
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.sql import NAMES, dialect_named
from mantissa_core.detect.sql.statement import statement
from mantissa_core.errors import RuleError
from mantissa_core.parse.log_types import LogTypes

FOLDERS = ["rules", "rules-emerging-threats", "rules-threat-hunting", "rules-compliance"]
REASONS = (
    "no installed log type says which there are",
    "keywords search every scalar",
    "is IPv6",
    "Synapse has no regular expressions",
    "a part of a text cannot be compared",
    "made of several columns",
    "may read differently",
)


def converted(rules: list[Rule], name: str, log_types: LogTypes) -> Counter[str]:
    """How many rules become SQL, and how many do not, by the reason."""
    counts: Counter[str] = Counter()
    dialect = dialect_named(name)
    for rule in rules:
        try:
            for log_type in log_types_of(rule, log_types) or (None,):
                statement(rule, dialect, log_type)
        except RuleError as error:
            listed = [reason for reason in REASONS if reason in str(error)]
            counts[f"refused: {listed[0]}" if listed else f"{rule.source}: {error}"] += 1
        else:
            counts["converted"] += 1
    return counts


def unlisted(counts: Counter[str]) -> list[str]:
    """What else than a listed reason stood in the way."""
    return [each for each in counts if each != "converted" and not each.startswith("refused: ")]


@pytest.mark.parametrize("name", NAMES)
def test_all_public_rules_convert_or_have_a_listed_reason(name: str, shared_data: Path) -> None:
    found = RuleSet.load(packs=False, paths=[shared_data / "sigmahq" / folder for folder in FOLDERS])
    counts = converted(found.rules, name, LogTypes.load())
    loaded = f"{len(found.rules):,} loaded, {len(found.broken)} did not"
    print(f"\n{name}: {loaded}", *(f"  {number:5,} {reason}" for reason, number in counts.most_common()), sep="\n")
    assert counts["converted"] > 3_000
    assert unlisted(counts) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_of_the_installed_rules_converts(name: str) -> None:
    assert unlisted(converted(RuleSet.load().rules[::8], name, LogTypes.load())) == []
