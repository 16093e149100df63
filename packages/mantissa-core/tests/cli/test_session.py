"""Which instance a command works on, and where its global options may stand."""

import json

import pytest

from .conftest import documents, mantissa


def test_the_nearest_configuration_at_or_above_the_current_folder_is_used(home, monkeypatch):
    below = home / "incoming" / "deep"
    below.mkdir()
    monkeypatch.chdir(below)
    assert documents(mantissa("--json", "lake", "info"))["url"] == str(home / "lake")


def test_an_instance_may_be_named_by_folder_file_or_variable(home, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for words in (["-C", str(home)], ["--home", str(home / "mantissa.toml")]):
        assert mantissa(*words, "lake", "info").exit_code == 0
    monkeypatch.setenv("MANTISSA_HOME", str(home))
    assert mantissa("lake", "info").exit_code == 0


def test_the_option_beats_the_variable_in_either_place(home, monkeypatch, tmp_path):
    monkeypatch.setenv("MANTISSA_HOME", str(tmp_path))
    assert mantissa("-C", str(home), "lake", "info").exit_code == 0
    assert mantissa("lake", "info", "-C", str(home)).exit_code == 0


def test_global_options_may_stand_behind_the_command(mantissa_at):
    assert json.loads(mantissa_at("lake", "info", "--json").stdout)["tables"] == []
    assert json.loads(mantissa_at("--json", "lake", "info").stdout)["tables"] == []


@pytest.mark.parametrize("broken", ["rules/broken.yml", "log_types/broken.yaml"])
def test_strict_fails_where_a_rule_or_log_type_is_broken(home, mantissa_at, broken):
    (home / broken).write_text("title: [")
    assert mantissa_at("detect").exit_code == 0
    result = mantissa_at("--strict", "detect")
    assert result.exit_code == 1
    assert "broken" in result.stderr


def test_strict_fails_where_a_plugin_is_in_quarantine(home, mantissa_at):
    with (home / "mantissa.toml").open("a") as config:
        config.write('[sinks.nowhere]\nplugin = "acme.nowhere"\n')
    assert mantissa_at("detect").exit_code == 0
    assert mantissa_at("detect", "--strict").exit_code == 1
