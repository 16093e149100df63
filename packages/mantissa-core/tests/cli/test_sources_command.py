"""``mantissa sources``: what there is, whether it works, and what drifts."""

import pytest
import yaml
from mantissa_core import Runtime
from mantissa_core.model import LogType

from .conftest import LOG_TYPE, documents, event, write_lines


def _states(mantissa_at):
    return {each["label"]: each["state"] for each in documents(mantissa_at("sources", "list", "--json"))}


def test_list_shows_every_source_with_its_state(home, mantissa_at):
    (home / "mantissa.toml").write_text(
        (home / "mantissa.toml").read_text()
        + '[collectors.wrong]\nplugin = "no.such"\n[collectors.off]\nplugin = "core.file"\nenabled = false\n'
        '[receivers.door]\nplugin = "no.such"\n'
    )
    assert _states(mantissa_at) == {"acme": "new", "wrong": "broken", "off": "disabled", "door": "broken"}
    write_lines(home / "incoming" / "a.log", event(1))
    mantissa_at("collect", "acme")
    (acme, *_) = documents(mantissa_at("sources", "list", "--json"))
    assert (acme["state"], acme["rows"], acme["log_types"]) == ("ok", 1, ["acme.audit"])
    printed = mantissa_at("sources", "list").stdout
    assert "core.file" in printed
    assert "no.such" in printed


def test_a_stopped_source_is_shown_with_what_to_do(home, mantissa_at):
    (home / "incoming").rmdir()
    mantissa_at("collect")
    assert _states(mantissa_at) == {"acme": "stopped"}
    assert "does not exist" in mantissa_at("sources", "list").stdout


def test_the_test_reads_one_page_and_stores_nothing(home, mantissa_at):
    write_lines(home / "incoming" / "a.log", event(1), event(2))
    result = mantissa_at("sources", "test", "acme", "--json")
    assert result.exit_code == 0
    assert [(each["subject"], each["status"]) for each in documents(result)] == [("credential", "ok"), (".", "ok")]
    assert "2 events" in documents(result)[1]["detail"]
    with Runtime.open(home) as runtime:
        assert runtime.lake.tables() == []
    (found,) = documents(mantissa_at("collect", "--json"))
    assert found["rows"] == 2


def test_the_test_names_unreadable_records_with_the_reason(home, mantissa_at):
    write_lines(home / "incoming" / "a.log", "{no json", event(2))
    result = mantissa_at("sources", "test", "--json")
    assert result.exit_code == 1
    assert "1 event waiting" in documents(result)[1]["detail"]
    assert "1 record unreadable" in documents(result)[1]["detail"]


def test_the_test_says_what_a_person_must_do(home, mantissa_at):
    (home / "incoming").rmdir()
    result = mantissa_at("sources", "test")
    assert result.exit_code == 3
    assert "does not exist" in documents(mantissa_at("sources", "test", "--json"))[0]["detail"]


@pytest.mark.parametrize("words", [["test", "nope"], ["describe", "nope"], ["drift", "nope"]])
def test_an_unknown_source_is_named_with_those_there_are(mantissa_at, words):
    result = mantissa_at("sources", *words)
    assert result.exit_code == 2
    assert "expected one of acme" in result.stderr


def test_an_unknown_stream_is_refused(home, mantissa_at):
    assert mantissa_at("sources", "test", "--stream", "nope").exit_code == 2


def test_describe_shows_settings_streams_and_columns(home, mantissa_at):
    write_lines(home / "incoming" / "a.log", event(1))
    found = documents(mantissa_at("sources", "describe", "acme", "--json"))
    assert found["settings"]["log_type"] == "acme.audit"
    assert [each["name"] for each in found["streams"]] == ["."]
    assert {"column": "verb", "type": "string", "path": "verb", "description": "What was done."} in (
        found["log_types"][0]["columns"]
    )
    assert "What was done." in mantissa_at("sources", "describe", "acme").stdout


def test_drift_is_shown_with_columns_that_can_be_added(home, mantissa_at):
    odd = {"Verb": {"a": 1}, "m_id": "taken", "list": ["x"], "by": {"1234567": 1}, "verb": {"not": "text"}}
    write_lines(home / "incoming" / "a.log", event(1, **odd))
    mantissa_at("collect")
    found = documents(mantissa_at("sources", "drift", "--json"))
    kinds = {each["path"]: each["kind"] for each in found["fields"]}
    assert kinds["verb"] == "type"
    assert {kinds[path] for path in ("Verb.a", "m_id", "list", "by.*")} == {"unknown"}
    assert all("value" not in each for each in found["fields"])
    definition = yaml.safe_load(LOG_TYPE)
    definition["columns"] += found["columns"]["acme.audit"]
    paths = {column.spellings[0]: column.type for column in LogType.model_validate(definition).columns}
    assert (paths["Verb.a"], paths["list"], paths["by"]) == ("int64", "list<string>", "json")


def test_values_are_shown_on_request_only(home, mantissa_at):
    write_lines(home / "incoming" / "a.log", event(1, secret="hunter2"))
    mantissa_at("collect")
    assert "hunter2" not in mantissa_at("sources", "drift").stdout
    assert "hunter2" in mantissa_at("sources", "drift", "--values").stdout
    (field,) = documents(mantissa_at("sources", "drift", "acme", "--values", "--json"))["fields"]
    assert field["value"] == "hunter2"


def test_without_drift_it_says_so(mantissa_at):
    assert mantissa_at("sources", "drift").stdout.strip() == "Every event was as its log type declares."


def test_doctor_shows_the_state_of_sources(home, mantissa_at):
    write_lines(home / "incoming" / "a.log", event(1, verb={"odd": 1}))
    mantissa_at("collect")
    checks = [each for each in documents(mantissa_at("doctor", "--json")) if each["part"] == "sources"]
    assert [(each["subject"], each["status"]) for each in checks] == [("acme", "warning")]
    assert "drift" in checks[0]["detail"]
