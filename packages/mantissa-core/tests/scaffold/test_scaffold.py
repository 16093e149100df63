"""Every template, created under another name, passes its own tests, the linter and the type checker."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from mantissa_core import hookspecs
from mantissa_core.cli.app import cli
from mantissa_core.errors import ConfigError
from mantissa_core.scaffold import KINDS, create

NAME = "zeta-labs.door_log"
LONG = "paloalto_networks.threat-prevention"
TEMPLATES = Path(str(importlib.util.find_spec("mantissa_core.scaffold").submodule_search_locations[0])) / "templates"


def has(tool):
    return pytest.mark.skipif(importlib.util.find_spec(tool) is None, reason=f"{tool} is not installed")


def run(package, *words, **environ):
    """Run a module of Python in the package's folder and return what it printed; it must succeed."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "PYTHONPATH"))}
    command = [sys.executable, "-m", *map(str, words)]
    done = subprocess.run(
        command, cwd=package, env={**inherited, **environ}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def installed(package, site):
    """A path under which the package is installed: its sources, and its entry points as an installer writes them."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return os.pathsep.join([str(site), str(package / "src")])


def test_every_kind_of_plugin_has_a_template():
    assert len(KINDS) == len(hookspecs.KINDS)
    assert {folder.name for folder in TEMPLATES.iterdir()} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_created_package_passes_its_own_tests(kind, tmp_path):
    package = tmp_path / "package"
    create(kind, NAME, package)
    path = installed(package, tmp_path / "site")
    printed = run(package, "pytest", "-q", "-p", "no:cacheprovider", PYTHONPATH=path)
    assert re.search(r"^\d+ passed", printed, re.MULTILINE), printed


@pytest.mark.parametrize("kind", KINDS)
def test_no_word_of_the_template_remains(kind, tmp_path):
    for path in create(kind, NAME, tmp_path / "package"):
        text = f"{path.relative_to(tmp_path)} {path.read_text('utf-8')}"
        assert re.findall(r"(?i)acme|gadget", text) == [], path


@pytest.mark.parametrize("kind", KINDS)
def test_every_package_has_the_same_layout(kind, tmp_path):
    package = tmp_path / "package"
    files = {str(path.relative_to(package)) for path in create(kind, NAME, package)}
    source = "src/mantissa_zeta_labs"
    assert files >= {
        "pyproject.toml",
        "README.md",
        f"{source}/__init__.py",
        f"{source}/py.typed",
        f"{source}/{kind.replace('-', '_')}.py",
    }
    assert {path.split("/")[0] for path in files} == {"pyproject.toml", "README.md", "src", "tests"}
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    assert project["name"] == "mantissa-zeta-labs"
    groups = {entry for entries in project["entry-points"].values() for entry in entries}
    assert "zeta_labs.door_log" in groups


@has("ruff")
@pytest.mark.parametrize("name", [NAME, LONG, "ab.cd"])
def test_created_packages_are_clean(name, tmp_path):
    for kind in KINDS:
        create(kind, name, tmp_path / kind)
    run(tmp_path, "ruff", "check", "--no-cache", ".")


@has("mypy")
def test_created_packages_are_typed(tmp_path):
    folders = []
    for kind in KINDS:  # a vendor for each, so that all of them are checked at once
        create(kind, f"{kind}-inc.thing", tmp_path / kind)
        folders += [tmp_path / kind / "src", tmp_path / kind / "tests"]
    (tmp_path / "mypy.ini").write_text("[mypy]\n[mypy-pyarrow.*]\nignore_missing_imports = True\n")
    path = os.pathsep.join(map(str, folders))
    options = ("--strict", "--explicit-package-bases", "--cache-dir", tmp_path / "cache")
    run(tmp_path, "mypy", *options, "--disable-error-code", "type-abstract", *folders, MYPYPATH=path)


@pytest.mark.parametrize(
    "name",
    [
        "audit",
        "a.b.c",
        "Acme.audit",
        "acme.Audit",
        "acme.",
        ".audit",
        "acme.2fa",
        "acme._x",
        "acme.x-",
        "acme.x__y",
        "../acme.audit",
        "ac me.audit",
        "ácme.audit",
        "acme.class",
        "import.audit",
        "core.audit",
        f"acme.{'x' * 31}",
    ],
)
def test_a_name_that_cannot_be_one_is_refused(name, tmp_path):
    with pytest.raises(ConfigError, match="NAME: found"):
        create("collector", name, tmp_path / "package")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_kind_is_refused_with_all_there_are(tmp_path):
    with pytest.raises(ConfigError) as raised:
        create("colector", NAME, tmp_path / "package")
    assert all(kind in str(raised.value) for kind in KINDS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["alert-sink", "alert_sink", "sink", "Sink"])
def test_a_kind_has_several_spellings(kind, tmp_path):
    create(kind, NAME, tmp_path / "package")
    assert (tmp_path / "package/src/mantissa_zeta_labs/alert_sink.py").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="something"):
        create("collector", NAME, tmp_path)
    with pytest.raises(ConfigError, match="something"):
        create("collector", NAME, tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_empty_folder_is_filled_and_nothing_is_left_beside_it(tmp_path):
    (tmp_path / "package").mkdir()
    written = create("policy", NAME, tmp_path / "package")
    assert written == sorted(path for path in (tmp_path / "package").rglob("*") if path.is_file())
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


def test_a_class_never_hides_a_name_that_the_template_uses(tmp_path):
    create("collector", "zeta.page", tmp_path / "package")
    assert "class ZetaPage:" in (tmp_path / "package/src/mantissa_zeta/collector.py").read_text()


def test_a_log_type_has_a_vendor_without_separators(tmp_path):
    create("collector", NAME, tmp_path / "package")
    source = tmp_path / "package/src/mantissa_zeta_labs"
    assert (source / "log_types/zeta_labs_door_log.yaml").read_text().startswith("name: zetalabs.door_log\n")
    assert 'LOG_TYPE = "zetalabs.door_log"' in (source / "collector.py").read_text()


def test_the_command_writes_into_a_folder_named_for_the_vendor(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["plugin", "new", "policy", "zeta_labs.limit"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "pip install -e 'mantissa-zeta-labs[dev]' && pytest mantissa-zeta-labs" in result.output
    assert (tmp_path / "mantissa-zeta-labs/src/mantissa_zeta_labs/policy.py").exists()


def test_the_command_goes_where_it_is_told(tmp_path):
    words = ["--json", "plugin", "new", "policy", "zeta.limit", "--into", str(tmp_path / "here")]
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert (tmp_path / "here/pyproject.toml").exists()
