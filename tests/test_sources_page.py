"""The table of sources is what the command writes, and nothing in it is claimed without a record."""

import json
from pathlib import Path

from click.testing import CliRunner
from mantissa_core import catalog
from mantissa_core.cli.app import cli
from mantissa_core.parse.log_types import LogTypes

DOCS = Path(__file__).resolve().parent.parent / "docs"
RECORD = DOCS / "conformance.json"


def test_the_page_is_what_the_command_writes():
    written = CliRunner().invoke(cli, ["sources", "table", "--markdown", "--conformance", str(RECORD)])
    assert written.exit_code == 0, written.output
    assert (DOCS / "sources.md").read_text("utf-8") == written.stdout, "'just conformance' writes it"


def test_the_record_is_about_what_is_installed_and_nothing_failed():
    record = json.loads(RECORD.read_text("utf-8"))
    for group, entries in record.items():
        known = set(_installed(group))
        assert set(entries) <= known
        assert [name for name, entry in entries.items() if entry["failed"] or not entry["passed"]] == []


def _installed(group):
    if group == catalog.LOG_TYPES:
        return [each.name for each in LogTypes.load()]
    return [each.name for each in catalog.installed(group)]
