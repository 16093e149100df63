"""``mantissa sources coverage``: shares of events that a log type understands, and what it may have missed."""

import gzip
import json

import pytest

from .conftest import documents

TIME = "2026-11-20T10:00:00Z"


@pytest.fixture
def covered(home, mantissa_at, tmp_path):
    def run(*events, arguments=("--type", "acme.audit"), name="a.ndjson"):
        file = tmp_path / name
        lines = b"".join((each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in events)
        file.write_bytes(gzip.compress(lines) if name.endswith(".gz") else lines)
        return mantissa_at("sources", "coverage", str(file), *arguments)

    return run


def one(result):
    [shares] = documents(result)
    return shares


def test_events_that_say_everything_are_all_there(covered):
    events = [
        {"key": f"{n}", "at": TIME, "verb": "open", "actor": "amara", "address": "203.0.113.17"} for n in range(3)
    ]
    result = covered(*events, arguments=("--type", "acme.audit", "--json"), name="a.ndjson.gz")
    assert (result.exit_code, one(result)["events"], one(result)["without"]) == (0, 3, {})
    printed = covered(*events).stdout
    assert "100 %" in printed
    assert "without" not in printed


def test_what_an_event_does_not_say_is_no_fault_of_the_log_type(covered):
    result = covered({"key": "1", "at": TIME, "verb": "open"})
    assert result.exit_code == 0
    assert "1 event without user: nothing in it looks like one" in result.stdout


@pytest.mark.parametrize(
    ("event", "name", "path"),
    [
        ({"key": "1", "verb": "open", "nested": {"when": TIME}}, "time", "nested.when"),
        ({"key": "1", "verb": "open", "created_at": 1_700_000_000_000}, "time", "created_at"),
        ({"uuid": "1", "at": TIME, "verb": "open"}, "id", "uuid"),
        ({"key": "1", "at": TIME, "who": [{"mail": "amara@example.com"}]}, "user", "who[].mail"),
        ({"key": "1", "at": TIME, "peer": {"addr": "2001:db8::1"}}, "src_ip", "peer.addr"),
        ({"key": "1", "at": TIME, "operation": "open"}, "action", "operation"),
    ],
)
def test_what_a_log_type_may_have_missed_is_named(covered, event, name, path):
    result = covered(event, arguments=("--type", "acme.audit", "--json", "--places"))
    assert one(result)["without"][name]["likely"] == {path: 1}
    assert result.exit_code == (1 if name in {"time", "id", "action"} else 0)


def test_records_that_are_no_events_are_counted_with_the_reason(covered):
    result = covered({"key": "1", "at": TIME, "verb": "open"}, b"no json")
    assert result.exit_code == 1
    assert "1 record no event" in result.stdout


def test_places_are_shown_on_request(covered, tmp_path):
    result = covered({"key": "1", "at": TIME}, arguments=("--type", "acme.audit", "--places"))
    assert f"{tmp_path / 'a.ndjson'}:0" in result.stdout


def test_without_a_type_it_is_told_from_the_records(covered):
    result = covered({"key": "1", "at": TIME, "verb": "open", "actor": "lin"}, arguments=())
    assert "acme.audit" in result.stdout
