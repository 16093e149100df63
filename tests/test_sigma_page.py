"""The page about SigmaHQ's fields is what the command writes, and every dead field has its reason."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from mantissa_core.cli.app import cli
from mantissa_core.parse.log_types import LogTypes

DOCS = Path(__file__).resolve().parent.parent / "docs"
FOLDERS = ("cloud", "identity", "application")


def test_fields_that_are_said_to_be_absent_are_not_there():
    from mantissa_core.detect.match.bind import undeclared

    for log_type in LogTypes.load():
        assert set(undeclared(log_type.sigma.absent, log_type)) == set(log_type.sigma.absent), log_type.name


@pytest.mark.skipif("MANTISSA_TEST_DATA" not in os.environ, reason="MANTISSA_TEST_DATA is not set")
def test_the_page_is_what_the_command_writes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rules = Path(os.environ["MANTISSA_TEST_DATA"]) / "sigmahq" / "rules"
    written = CliRunner().invoke(cli, ["rules", "fields", "--markdown", *(str(rules / each) for each in FOLDERS)])
    assert written.exit_code == 0, "a dead field has no reason: give it one in the log type, under sigma.absent"
    assert (DOCS / "sources-sigma.md").read_text("utf-8") == written.stdout, "'just sigma-fields' writes it"
