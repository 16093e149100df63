"""The installed rules, and where they are laid out the public ones, in every dialect, but for listed reasons."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mantissa_core.detect.route import log_types_of
from mantissa_core.detect.rules import Rule, RuleSet
from mantissa_core.detect.sql import NAMES, dialect_named
from mantissa_core.detect.sql.statement import statement
from mantissa_core.errors import RuleError
from mantissa_core.parse.log_types import LogTypes

REASONS = re.compile(
    r"keywords search every|the network \S+ is IPv6|Synapse has no regular|a part of a text cannot be compared"
)


def unexpected(rules: list[Rule], name: str, log_types: LogTypes) -> list[str]:
    """What else than a listed reason stands in the way."""
    problems = []
    for rule in rules:
        for log_type in log_types_of(rule, log_types) or (None,):
            try:
                statement(rule, dialect_named(name), log_type)
            except RuleError as error:
                if not REASONS.search(str(error)):
                    problems.append(f"{rule.source}: {error}")
    return problems


@pytest.mark.parametrize("name", NAMES)
def test_public_rules_without_an_installed_source_convert(name: str, shared_data: Path) -> None:
    folders = ["rules", "rules-emerging-threats", "rules-threat-hunting", "rules-compliance"]
    found = RuleSet.load(packs=False, paths=[shared_data / "sigmahq" / folder for folder in folders])
    log_types = LogTypes.load()
    rules = [rule for rule in found.rules if isinstance(rule, Rule) and not log_types_of(rule, log_types)]
    assert len(rules) > 3_000
    assert unexpected(rules, name, log_types) == []


@pytest.mark.parametrize("name", ["duckdb", "synapse"])
def test_a_sample_of_the_installed_rules_converts(name: str) -> None:
    found = RuleSet.load()
    rules = [rule for rule in found.rules if isinstance(rule, Rule)][::8]
    assert unexpected(rules, name, LogTypes.load()) == []
