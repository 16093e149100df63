"""The catalog contains what a distribution's data packages do when they are imported."""

import json

import pytest
import structlog
from click.testing import CliRunner
from mantissa_core import catalog
from mantissa_core.cli.app import cli
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.errors import PluginError
from mantissa_core.parse.log_types import LogTypes

GROUPS = (catalog.LOG_TYPES, catalog.RULE_PACKS)

BROKEN = [
    ("nowhere_to_be_found", None, "ModuleNotFoundError"),
    ("broken_data", "1 / 0", "ZeroDivisionError"),
    ("broken_data", "import sys; sys.exit(3)", "SystemExit"),
    ("broken_data", "this is no Python", "SyntaxError"),
    ("broken_data", "x = 1", "expected a package"),
    ("not a name:at.all", None, "could not be imported"),
]


def _install_broken(install, group, target, source):
    modules = {} if source is None else {"broken_data": source}
    install("acme-broken", {group: {"acme": target}}, version="3.1", **modules)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize(("target", "source", "reason"), BROKEN)
def test_a_broken_package_of_data_is_left_out_with_a_warning_that_names_it(install, group, target, source, reason):
    before = [entry.name for entry, _ in catalog.data(group)]
    assert before or group == catalog.RULE_PACKS  # core has none of its own
    _install_broken(install, group, target, source)
    with structlog.testing.capture_logs() as lines:
        assert [entry.name for entry, _ in catalog.data(group)] == before
    (line,) = lines
    assert (line["log_level"], line["distribution"], line["entry_point"]) == ("warning", "acme-broken", "acme")
    assert reason in line["reason"]


@pytest.mark.parametrize(("target", "source", "reason"), BROKEN)
def test_the_error_names_distribution_version_and_entry_point(install, target, source, reason):
    _install_broken(install, catalog.LOG_TYPES, target, source)
    (entry,) = [each for each in catalog.installed(catalog.LOG_TYPES) if each.distribution == "acme-broken"]
    with pytest.raises(PluginError, match=r"acme-broken 3\.1, entry point acme of mantissa\.log_types") as caught:
        catalog.folder(entry)
    assert reason in str(caught.value)


def test_the_other_log_types_and_rules_load(install):
    log_types, rules = len(LogTypes.load()), len(RuleSet.load().rules)
    for group in GROUPS:
        name = group.rpartition(".")[2].replace("_", "-")
        install(f"broken-{name}", {group: {"broken": f"nowhere_{group[-4:]}"}})
    assert (len(LogTypes.load()), len(RuleSet.load().rules)) == (log_types, rules)
    assert log_types


@pytest.mark.parametrize("group", GROUPS)
def test_plugins_doctor_shows_it(install, tmp_path, group):
    install("acme-broken", {group: {"acme": "nowhere_to_be_found"}})
    home = tmp_path / "home"
    home.mkdir()
    (home / "mantissa.toml").write_text("")
    result = CliRunner().invoke(cli, ["-C", str(home), "--json", "plugins", "doctor"])
    assert result.exit_code == 1, result.output
    problems = [each for each in json.loads(result.stdout) if each["status"] != "ok"]
    assert [each["subject"] for each in problems] == ["acme (acme-broken)"]
    assert "nowhere_to_be_found could not be imported" in problems[0]["detail"]
