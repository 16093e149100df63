"""Errors are one line and a code that scripts can use."""

import json
from pathlib import Path

import pytest
from mantissa_core import errors
from mantissa_core.cli.exit_codes import Exit, exit_code

from .conftest import mantissa

PAGE = Path(__file__).parents[4] / "docs" / "commands" / "index.md"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("f", "k", "a", "b"), Exit.USAGE),
        (errors.QueryError("no"), Exit.USAGE),
        (errors.LogTypeError("no"), Exit.USAGE),
        (errors.RuleError("no"), Exit.USAGE),
        (errors.NeedsOperator("no"), Exit.OPERATOR),
        (errors.PluginError("l", "no"), Exit.OPERATOR),
        (errors.LakeError("no"), Exit.OPERATOR),
        (errors.SecretError("no"), Exit.OPERATOR),
        (PermissionError("no"), Exit.OPERATOR),
        (errors.Retry("no"), Exit.UNAVAILABLE),
        (errors.Conflict("no"), Exit.UNAVAILABLE),
        (errors.Fenced("no"), Exit.UNAVAILABLE),
        (errors.MantissaError("no"), Exit.FINDINGS),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (ZeroDivisionError(), Exit.BUG),
    ],
)
def test_the_code_says_what_happens_next(error, code):
    assert exit_code(error) is code


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not part of the package")
@pytest.mark.parametrize("code", list(Exit))
def test_every_code_is_documented(code):
    assert f"| {int(code)} |" in PAGE.read_text("utf-8")


def test_an_error_is_one_line_without_a_traceback(tmp_path):
    result = mantissa("-C", str(tmp_path), "doctor")
    assert result.exit_code == Exit.USAGE
    assert result.stderr.startswith("error: ")
    assert "mantissa init" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_configuration_error_names_file_key_found_and_expected(home, mantissa_at):
    (home / "mantissa.toml").write_text("[lake]\nretention_day = 3\n")
    result = mantissa_at("lake", "info")
    assert result.exit_code == Exit.USAGE
    for part in (str(home / "mantissa.toml"), "lake.retention_day", "unknown key", "retention_days"):
        assert part in result.stderr


def test_debug_shows_the_traceback(tmp_path):
    assert "Traceback" in mantissa("--log-level", "debug", "-C", str(tmp_path), "doctor").stderr


def test_with_json_errors_are_json_and_so_are_usage_errors(tmp_path):
    for words in (["-C", str(tmp_path), "--json", "doctor"], ["--json", "no-such-command"]):
        result = mantissa(*words)
        document = json.loads(result.stderr)
        assert document["exit_code"] == result.exit_code == Exit.USAGE
        assert document["error"]


def test_a_bug_says_that_it_is_one(monkeypatch, mantissa_at):
    def broken(*_):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("mantissa_core.lake.lake.Lake.tables", broken)
    result = mantissa_at("lake", "info")
    assert result.exit_code == Exit.BUG
    assert "bug in Mantissa Log" in result.stderr


def test_terminal_codes_in_an_error_are_shown_not_obeyed(mantissa_at):
    result = mantissa_at("query", "SELECT '\x1b[31m' FROM \x1b]0;owned\x07")
    assert result.exit_code == Exit.USAGE
    assert "\x1b" not in result.stderr
