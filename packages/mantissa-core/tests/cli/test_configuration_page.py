"""docs/configuration.md describes every key, every built-in plugin's settings and every environment variable."""

import re
from importlib.metadata import distribution
from pathlib import Path
from typing import get_args

import pytest
from mantissa_core import catalog
from mantissa_core.alert.routing.sections import When
from mantissa_core.config import ENVIRONMENT, Settings, _Labelled
from mantissa_core.settings import variables
from pydantic import BaseModel

PAGE = Path(__file__).parents[4] / "docs" / "configuration.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not part of the package")

WITHOUT_SETTINGS = (catalog.LOG_TYPES, catalog.RULE_PACKS, catalog.SQL_DIALECTS)
BUILT_IN = [
    (entry.group, entry.name)
    for entry in distribution("mantissa-core").entry_points
    if entry.group.startswith("mantissa.") and entry.group not in WITHOUT_SETTINGS
]


@pytest.fixture(scope="module")
def sections():
    """The page's parts by heading."""
    parts = re.split(r"^#+ (.+)$", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _models():
    for name, field in Settings.model_fields.items():
        parts = [field.annotation, *get_args(field.annotation)]
        found = [each for each in parts if isinstance(each, type) and issubclass(each, BaseModel)]
        yield name, found[0] if found else None


def _part(sections, name):
    named = [text for heading, text in sections.items() if re.search(rf"\[{name}[\].]", heading)]
    assert named, f"no heading for [{name}]"
    return named[0]


@pytest.mark.parametrize(("name", "model"), list(_models()))
def test_every_key_stands_under_its_section(sections, name, model):
    part = _part(sections, name)
    missing = [key for key in (model.model_fields if model else ()) if f"| `{key}` |" not in part]
    assert missing == []


@pytest.mark.parametrize(("group", "name"), BUILT_IN)
def test_every_setting_of_a_built_in_plugin_is_described(sections, group, name):
    text = PAGE.read_text("utf-8")
    config: type[BaseModel] = catalog.load(group, name).Config
    assert f"`{name}`" in text
    assert [key for key in config.model_fields if f"`{key}`" not in text] == []


def test_every_condition_is_described(sections):
    assert [key for key in When.model_fields if f"| `{key}` |" not in sections["Conditions"]] == []


def test_every_environment_variable_is_described(sections):
    table = sections["Environment variables"]
    declared = {
        variable
        for group, name in BUILT_IN
        for field in catalog.load(group, name).Config.model_fields.values()
        for variable in variables(field)
    }
    assert [each for each in {*ENVIRONMENT, *declared, "MANTISSA_HOME"} if each and f"| `{each}` |" not in table] == []


def test_no_key_is_described_that_does_not_exist(sections):
    known = {key for _, model in _models() if model for key in model.model_fields} | set(_Labelled.model_fields)
    described = {
        key
        for heading, text in sections.items()
        if heading.startswith("`[")
        for key in re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    }
    assert described - known == set()
