"""Records that could not be parsed are listed, and stored once they can be."""

from datetime import UTC, datetime

import pytest
from mantissa_core import Runtime
from mantissa_core.collect.ingest import DEAD_LETTERS as SPEC
from mantissa_core.lake.stream_log import StreamLog
from mantissa_core.parse.dead_letter import DeadLetter, dead_letter_rows

from .conftest import documents, event, write_lines


@pytest.fixture
def with_letters(home, mantissa_at):
    """Two dead letters that are events by now, one that still is none, and one that was cut."""
    raw = [b'{"key": "a", "at": "2026-11-20T10:00:00Z"}', b'{"key": "b"}', b"{broken", b'{"key": ']
    letters = [
        DeadLetter("acme.audit", "file:x", "acme", at, "an old parser's reason \x1b[31m", each, len(each), "x.log")
        for at, each in enumerate(raw[:3])
    ]
    letters.append(DeadLetter("acme.audit", "file:y", "acme", 0, "too long", raw[3], 1_000_000, "y.log"))
    with Runtime.open(home) as runtime:
        rows = dead_letter_rows(letters, ingest_time=datetime.now(UTC))
        StreamLog(runtime.lake, runtime.state, "test").commit({SPEC: rows}, {})
    return mantissa_at


def test_they_are_listed_with_reason_and_place(with_letters):
    shown = with_letters("dead-letter", "list").output
    for part in ("an old parser's reason", "x.log at 1", "y.log at 0", "1.0 MB", "{broken"):
        assert part in shown
    assert "\x1b" not in shown
    assert len(documents(with_letters("--json", "dead-letter", "list", "--limit", "2"))) == 2


def test_a_record_that_is_no_json_is_listed_with_its_file(home, mantissa_at, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    file = write_lines(home / "incoming" / "a.log", event(1), "{broken")
    mantissa_at("collect")
    assert f"{file} at {len(file.read_text()) - len('{broken') - 1}" in mantissa_at("dead-letter", "list").output


def test_a_replay_stores_what_is_an_event_now_once_and_keeps_the_rest(with_letters):
    first = with_letters("--json", "dead-letter", "replay")
    assert first.exit_code == 1
    assert documents(first) == {"tried": 4, "stored": 2, "duplicates": 0, "still_dead": 2}
    again = documents(with_letters("--json", "dead-letter", "replay"))
    assert again == {"tried": 2, "stored": 0, "duplicates": 0, "still_dead": 2}
    keys = documents(with_letters("--json", "query", "SELECT key, m_source FROM acme_audit ORDER BY key"))["rows"]
    assert keys == [{"key": "a", "m_source": "acme"}, {"key": "b", "m_source": "acme"}]
    assert len(documents(with_letters("--json", "dead-letter", "list"))) == 2


def test_letters_of_another_type_are_left_alone(with_letters):
    assert documents(with_letters("--json", "dead-letter", "replay", "--type", "generic.json"))["tried"] == 0


def test_without_any_there_is_nothing_to_do(mantissa_at):
    assert "No dead letters" in mantissa_at("dead-letter", "list").output
    assert mantissa_at("dead-letter", "replay").exit_code == 0
