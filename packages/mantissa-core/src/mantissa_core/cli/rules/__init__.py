"""``mantissa rules``: the detections, and whether they do what their authors say. One file for each subcommand."""

from __future__ import annotations

import click

from mantissa_core.cli.command import Group

from .backtest import backtest_rules
from .convert import convert_rules
from .coverage import coverage_rules
from .diff import diff_rules
from .explain import explain_rule
from .fields import rule_fields
from .filters import list_filters
from .history import rule_history
from .import_rules import import_rules
from .lint import lint_rules
from .list_rules import list_rules
from .migrate import migrate_rules
from .packs import packs
from .precision import rules_precision
from .profile import profile_rules
from .show import show_rule
from .stage import promote_rule, shadow_rule
from .test import test_rules


@click.group("rules", cls=Group)
def command() -> None:
    """List, test, tune and import detection rules."""


for each in (
    list_rules,
    show_rule,
    explain_rule,
    lint_rules,
    rule_fields,
    test_rules,
    shadow_rule,
    promote_rule,
    list_filters,
    rule_history,
    backtest_rules,
    diff_rules,
    profile_rules,
    rules_precision,
    coverage_rules,
    convert_rules,
    packs,
    import_rules,
    migrate_rules,
):
    command.add_command(each)
