"""Credentials come from a prompt or a pipe, and never out again."""

import pytest

from .conftest import documents


def test_a_value_is_stored_listed_replaced_and_forgotten(mantissa_at):
    first = mantissa_at("secrets", "set", "okta-token", input="s3cr3t\n")
    assert first.exit_code == 0
    assert "secret://okta-token" in first.output
    assert documents(mantissa_at("--json", "secrets", "set", "okta-token", input="other"))["version"] == 2
    listed = mantissa_at("secrets", "list")
    assert "okta-token" in listed.output
    assert mantissa_at("secrets", "rm", "okta-token").exit_code == 0
    assert mantissa_at("secrets", "rm", "okta-token").exit_code == 1
    for result in (first, listed):
        assert "s3cr3t" not in result.output


def test_the_stored_value_is_the_piped_one_without_its_line_break(home, mantissa_at):
    from mantissa_core import Runtime

    mantissa_at("secrets", "set", "a", input="two\nlines \n")
    with Runtime.open(home) as runtime:
        assert runtime.secrets.get_secret("a").value == "two\nlines "


@pytest.mark.parametrize("value", ["", "\n"])
def test_an_empty_value_is_refused(mantissa_at, value):
    assert mantissa_at("secrets", "set", "a", input=value).exit_code == 3


def test_a_value_is_no_argument(mantissa_at):
    assert mantissa_at("secrets", "set", "a", "s3cr3t").exit_code == 2
