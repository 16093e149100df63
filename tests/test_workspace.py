"""The members fit together as published distributions would."""

import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
from mantissa_core import catalog
from mantissa_core.hookspecs import KINDS
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
MEMBERS = sorted(ROOT.glob("packages/*/pyproject.toml")) + sorted(ROOT.glob("plugins/*/pyproject.toml"))
MEMBERS += [ROOT / "rules" / "pyproject.toml"]


def _project(path):
    return tomllib.loads(path.read_text())["project"]


@pytest.mark.parametrize("path", MEMBERS, ids=lambda path: path.parent.name)
def test_the_bounds_on_siblings_admit_the_siblings_versions(path):
    ours = {_project(each)["name"] for each in MEMBERS}
    for text in _project(path)["dependencies"]:
        requirement = Requirement(text)
        if requirement.name in ours:
            assert requirement.specifier, f"{text} has no bound"
            assert version(requirement.name) in requirement.specifier


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_advertised_plugin_loads_and_describes_its_settings(kind):
    for each in catalog.installed(kind.group):
        plugin = catalog.load(kind.group, each.name)
        assert plugin.__doc__, each
        undescribed = [name for name, field in plugin.Config.model_fields.items() if not field.description]
        assert undescribed == [], each


def test_names_of_plugins_are_vendor_dot_thing():
    ours = {group for group in entry_points().groups if group.startswith("mantissa.")}
    assert ours
    for group in ours - {catalog.LOG_TYPES, catalog.RULE_PACKS, catalog.SQL_DIALECTS}:
        for each in catalog.installed(group):
            assert each.name.count(".") >= 1, each
