"""The example of docs/embedding.md runs, and embedding keeps its promises."""

import importlib.util
import os
from pathlib import Path

import pytest
from mantissa_core import Runtime
from mantissa_core.errors import ConfigError, LakeError, LogTypeError, MantissaError
from mantissa_core.lake.stream_log import StreamLog

ROOT = Path(__file__).resolve().parent.parent


def _example():
    spec = importlib.util.spec_from_file_location("embedded_service", ROOT / "examples" / "embedded_service.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_raises_the_alert_that_it_promises(tmp_path):
    alerts, rows = _example().main(tmp_path)
    assert [alert.entities["user"] for alert in alerts] == [("eve",)]
    assert [row["m_user"] for row in rows] == ["ada", "eve", "grace"]


def test_the_page_shows_the_example():
    page = (ROOT / "docs" / "embedding.md").read_text()
    assert "examples/embedded_service.py" in page


def test_ingest_returns_after_the_commit_and_says_what_became_of_the_records(mantissa):
    siem = mantissa()
    result = siem.ingest("generic.json", [{"message": "a"}, b'{"message": "b"}', "no json"])
    assert (result.rows, result.dead) == (2, 1)
    assert siem.query("SELECT count(*) AS n FROM generic_json").rows.to_pylist() == [{"n": 2}]
    assert siem.query("SELECT reason FROM dead_letter").rows.num_rows == 1


def test_arrow_tables_are_records_too(mantissa):
    import pyarrow as pa

    siem = mantissa()
    siem.ingest("generic.json", pa.table({"message": ["a", "b"], "level": ["info", None]}))
    rows = siem.query("SELECT message, level FROM generic_json ORDER BY message").rows.to_pylist()
    assert rows == [{"message": "a", "level": "info"}, {"message": "b", "level": None}]


def test_two_identical_records_are_two_events(mantissa):
    siem = mantissa()
    siem.ingest("generic.json", [{"message": "same"}, {"message": "same"}])
    siem.ingest("generic.json", [{"message": "same"}])
    assert siem.query("SELECT count(DISTINCT m_id) AS n FROM generic_json").rows.to_pylist() == [{"n": 3}]


def test_what_is_buffered_is_stored_at_close(mantissa, tmp_path):
    siem = mantissa()
    siem.ingest("generic.json", [{"message": "later"}], wait=False)
    siem.close()
    with Runtime.open({"home": str(siem.home)}) as again:
        assert again.query("SELECT message FROM generic_json").rows.to_pylist() == [{"message": "later"}]


@pytest.mark.parametrize("stage", ["before the intent", "between intent and tables", "before progress"])
def test_what_is_buffered_survives_a_failing_commit_and_is_stored_once(mantissa, monkeypatch, stage):
    siem = mantissa()
    siem.ingest("generic.json", [{"message": "first"}])
    siem.ingest("generic.json", [{"message": "a"}, {"message": "b"}], wait=False)
    step = {"before the intent": "_stage", "between intent and tables": "_roll_forward", "before progress": "_done"}
    with monkeypatch.context() as broken:
        broken.setattr(StreamLog, step[stage], _full_disk)
        with pytest.raises(LakeError, match="disk is full"):
            siem.flush()
    siem.ingest("generic.json", [{"message": "c"}], wait=False)
    siem.flush()
    siem.flush()
    rows = siem.query("SELECT message FROM generic_json ORDER BY message").rows.to_pylist()
    assert [row["message"] for row in rows] == ["a", "b", "c", "first"]


def _full_disk(*_, **__):
    raise LakeError("the disk is full")


def test_two_runtimes_in_one_process_do_not_see_each_other(mantissa):
    one, two = mantissa(), mantissa()
    one.ingest("generic.json", [{"message": "one"}])
    two.ingest("generic.json", [{"message": "two"}, {"message": "two"}])
    counts = [siem.query("SELECT count(*) AS n FROM generic_json").rows.to_pylist()[0]["n"] for siem in (one, two)]
    assert counts == [1, 2]


def test_an_unknown_log_type_names_those_that_exist_and_stores_nothing(mantissa):
    siem = mantissa()
    with pytest.raises(LogTypeError, match=r"generic\.json"):
        siem.ingest("generic.jsn", [{"message": "a"}])
    assert siem.lake.tables() == []


def test_a_forked_copy_refuses_to_work(mantissa):
    siem = mantissa()
    siem._pid += 1  # what the child of a fork would find
    with pytest.raises(MantissaError, match="before a fork"):
        siem.ingest("generic.json", [{"message": "a"}])
    siem._pid = os.getpid()


def test_decoders_have_settings(mantissa, tmp_path):
    (tmp_path / "lines.json").write_text('{"message": "short"}\n{"message": "rather long"}\n')
    source = {"plugin": "core.file", "path": str(tmp_path / "lines.json"), "log_type": "generic.json"}
    siem = mantissa(parsers={"core.json_lines": {"max_record_bytes": 22}}, collectors={"lines": source})
    assert [(each.ingested.rows, each.ingested.dead) for each in siem.collect()] == [(1, 1)]


def test_settings_of_a_decoder_that_is_not_installed_are_refused(mantissa):
    with pytest.raises(ConfigError, match=r"parsers\.core\.jsonlines.*core\.json_lines"):
        mantissa(parsers={"core.jsonlines": {}})


def test_a_wrong_setting_in_a_dict_is_named():
    with pytest.raises(ConfigError, match=r"lake\.retention_days"):
        Runtime.open({"lake": {"retention_days": "soon"}})


def test_a_forked_copy_answers_no_question(mantissa):
    siem = mantissa()
    siem._pid += 1
    with pytest.raises(MantissaError, match="before a fork"):
        siem.ask("logins today")
    siem._pid = os.getpid()
