"""Files are stored once, whatever they are called, under a log type that is told or guessed."""

import gzip
import json

import pytest

from .conftest import documents, event, mantissa, write_lines


def _rows(mantissa_at, table="acme_audit"):
    return {each["name"]: each["rows"] for each in documents(mantissa_at("--json", "lake", "info"))["tables"]}.get(
        table
    )


def test_a_file_is_stored_once_however_often_and_from_wherever_it_is_named(tmp_path, mantissa_at, monkeypatch):
    logs = tmp_path / "logs" / "a"
    write_lines(logs / "one.ndjson", event(1), event(2))
    first = documents(mantissa_at("--json", "ingest", str(tmp_path / "logs")))
    assert first["log_types"]["acme.audit"]["rows"] == 2
    monkeypatch.chdir(logs)
    for again in (tmp_path / "logs", logs, logs / "one.ndjson", "one.ndjson", "."):
        result = mantissa_at("--json", "ingest", str(again))
        assert result.exit_code == 0
        assert documents(result)["log_types"]["acme.audit"]["rows"] == 0
    write_lines(logs / "two.ndjson", event(3))
    assert documents(mantissa_at("--json", "ingest", str(logs)))["log_types"]["acme.audit"]["rows"] == 1
    assert _rows(mantissa_at) == 3


def test_two_equal_lines_without_an_id_are_two_events(tmp_path, mantissa_at):
    line = {"timestamp": "2026-11-20T10:00:00Z", "message": "hello", "level": "info"}
    file = write_lines(tmp_path / "app.ndjson", line, line)
    assert mantissa_at("ingest", str(file), "--type", "generic.json").exit_code == 0
    assert _rows(mantissa_at, "generic_json") == 2


@pytest.mark.parametrize(
    "folder", ["acme/raw/2026/11/20/10", "logs/acme/year=2026/month=11/day=20/hour=10", "acme_audit/raw/2026/11/20/10"]
)
def test_the_type_is_told_from_older_layouts(tmp_path, mantissa_at, folder):
    write_lines(tmp_path / folder / "part.json", {"whatever": 1})
    found = documents(mantissa_at("--json", "ingest", str(tmp_path / folder.split("/")[0])))
    assert found["log_types"]["acme.audit"]["rows"] == 1


def test_the_type_is_told_from_the_records_compressed_or_not(tmp_path, mantissa_at):
    packed = tmp_path / "mixed" / "b.gz"
    write_lines(tmp_path / "mixed" / "a.ndjson", event(1))
    packed.write_bytes(gzip.compress(json.dumps(event(2)).encode()))
    write_lines(tmp_path / "mixed" / "c.log", {"message": "m", "level": "info", "service": "s", "host": "h"})
    found = documents(mantissa_at("--json", "ingest", str(tmp_path / "mixed")))["log_types"]
    assert {name: (each["files"], each["rows"]) for name, each in found.items()} == {
        "acme.audit": (2, 2),
        "generic.json": (1, 1),
    }


def test_a_file_of_unknown_type_is_an_error_that_lists_the_types(tmp_path, mantissa_at):
    file = write_lines(tmp_path / "odd.ndjson", {"foo": 1, "bar": 2})
    result = mantissa_at("ingest", str(file))
    assert result.exit_code == 2
    for part in (str(file), "--type", "acme.audit", "generic.json"):
        assert part in result.stderr


def test_among_files_that_can_be_told_others_are_left_out_and_named(tmp_path, mantissa_at):
    write_lines(tmp_path / "in" / "good.ndjson", event(1))
    write_lines(tmp_path / "in" / "odd.ndjson", {"foo": 1})
    result = mantissa_at("ingest", str(tmp_path / "in"))
    assert result.exit_code == 1
    assert "odd.ndjson" in result.output
    assert _rows(mantissa_at) == 1


def test_broken_records_are_counted_and_the_rest_is_kept(tmp_path, mantissa_at):
    file = write_lines(tmp_path / "a.ndjson", event(1), '{"key": ', event(2), event(3, at=17))
    result = mantissa_at("--json", "ingest", str(file), "--type", "acme.audit")
    assert result.exit_code == 1
    counts = documents(result)["log_types"]["acme.audit"]
    assert (counts["rows"], counts["dead_letters"]) == (3, 1)
    assert counts["drift"] == {"at": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "nowhere"),
        ([".", "--type", "no.such"], "acme.audit"),
        ([".", "--source", "acme"], "--source"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_stored(tmp_path, mantissa_at, monkeypatch, words, said):
    write_lines(tmp_path / "x" / "a.ndjson", event(1))
    monkeypatch.chdir(tmp_path / "x")
    result = mantissa_at("ingest", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert _rows(mantissa_at) is None


def test_people_read_counts_and_a_rate(tmp_path, mantissa_at):
    file = write_lines(tmp_path / "a.ndjson", event(1))
    shown = mantissa_at("ingest", str(file)).output
    assert "acme.audit" in shown
    assert "events/s" in shown
    assert "stored before" in mantissa_at("ingest", str(file)).output


def test_it_needs_an_instance(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "mantissa init" in mantissa("ingest", ".").stderr
