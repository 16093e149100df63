"""``mantissa sources table``: what is installed, and what was really proven of it."""

import json

import pytest
from click.testing import CliRunner
from mantissa_core.cli.app import cli
from mantissa_core.cli.sources.products import products
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.model import LogType
from mantissa_core.parse.log_types import LogTypes


def run(*arguments):
    result = CliRunner().invoke(cli, ["sources", "table", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def log_type(name, **more):
    return LogType.model_validate({"name": name, "title": name, "columns": [{"path": "a"}], **more})


def entry(passed=3, failed=0, **skipped):
    return {"date": "2026-01-01", "passed": passed, "failed": failed, "skipped": skipped}


def test_every_installed_log_type_is_in_one_row():
    rows = json.loads(run("--json"))
    named = [name for row in rows for name in row["log_types"]]
    assert sorted(named) == sorted(each.name for each in LogTypes.load())
    assert all(row["read_by"] for row in rows)
    assert "JSON lines" in run()


def test_log_types_of_one_product_are_one_row_and_of_one_vendor_too():
    found = products(
        [log_type("acme.a", product="Acme"), log_type("acme.b", product="Acme"), log_type("other.a")], RuleSet(), {}
    )
    assert [(each.name, len(each.log_types)) for each in found] == [("Acme", 2), ("other", 1)]


@pytest.mark.parametrize(
    ("record", "missing", "complete"),
    [
        ({}, ["core.file", "core.json_lines", "acme.a"], False),
        ({"mantissa.log_types": {"acme.a": entry()}}, ["core.file", "core.json_lines"], False),
        ({"mantissa.log_types": {"acme.a": entry(passed=0, why=9)}}, ["core.file", "core.json_lines", "acme.a"], False),
    ],
)
def test_what_has_no_record_is_not_proven(record, missing, complete):
    [row] = products([log_type("acme.a")], RuleSet(), record)
    assert set(missing) <= set(row.proof.missing)
    assert row.proof.complete is complete
    if "mantissa.log_types" in record and row.proof.passed:
        assert "acme.a" not in row.proof.missing


def test_a_row_is_complete_where_all_its_parts_passed_and_not_where_one_failed():
    [row] = products([log_type("acme.a")], RuleSet(), {})
    record = {
        group: {name: entry(why=2) for _, name in row.entries}
        for group in {group for group, _ in row.entries}
    }  # fmt: skip
    record["mantissa.parsers"] = {"core.json_lines": entry()}
    record["mantissa.log_types"] = {"acme.a": entry()}
    [row] = products([log_type("acme.a")], RuleSet(), record)
    assert row.proof.complete
    assert row.proof.skipped["why"] == 2 * len(row.entries)
    record["mantissa.log_types"] = {"acme.a": entry(failed=1)}
    [row] = products([log_type("acme.a")], RuleSet(), record)
    assert not row.proof.complete


def test_the_page_says_why_checks_were_skipped_and_what_is_not_proven(tmp_path):
    file = tmp_path / "record.json"
    file.write_text(json.dumps({"mantissa.log_types": {"generic.json": entry(**{"no | <b>": 1})}}))
    page = run("--markdown", "--conformance", str(file))
    assert "1. no \\| &lt;b>\n" in page
    assert "not proven: core.file" in page
    assert "not proven" in run("--conformance", str(file))


def test_a_file_that_is_no_record_is_refused(tmp_path):
    file = tmp_path / "record.json"
    file.write_text("[1]")
    result = CliRunner().invoke(cli, ["sources", "table", "--conformance", str(file)])
    assert result.exit_code == 2
    assert "is no record" in result.output
