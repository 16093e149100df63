"""What a receiver answered for is stored once, also where the process dies between the answer and the commit."""

from collections import Counter

import pytest
from mantissa_core import Runtime
from mantissa_core.errors import LakeError, LogTypeError
from mantissa_core.lake.stream_log import StreamLog
from mantissa_core.lake.table import Table
from mantissa_core.model import Rejected
from mantissa_core.receiving import Reception


@pytest.fixture
def process(tmp_path):
    """``process()``: a new process's runtime and reception; the one before is gone without having stored anything."""
    alive = []

    def start():
        end()
        runtime = Runtime.open({"home": str(tmp_path), "rules": {"packs": False}})
        alive.append((runtime, Reception(runtime, "push", None, lambda: None)))
        return alive[-1]

    def end():
        while alive:
            runtime, reception = alive.pop()
            if reception._opened is not None:
                reception._opened.close()
            runtime.close()

    yield start
    end()


def _messages(runtime):
    if "generic_json" not in runtime.lake.tables():
        return Counter()
    table = runtime.lake.table("generic_json")
    return Counter(row["message"] for batch in table.read(table.live()) for row in batch.to_pylist())


def test_what_was_submitted_is_stored_at_the_next_start(process):
    _, reception = process()
    reception.submit("generic.json", [{"message": "one"}, {"message": "two"}])
    runtime, reception = process()
    assert not _messages(runtime)
    reception.store()
    assert _messages(runtime) == {"one": 1, "two": 1}
    runtime, reception = process()
    reception.store()
    assert _messages(runtime) == {"one": 1, "two": 1}


@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize(
    ("owner", "name"), [(StreamLog, "commit"), (StreamLog, "_declare"), (Table, "commit"), (StreamLog, "_done")]
)
def test_a_crash_around_the_commit_stores_nothing_twice(process, monkeypatch, owner, name, behind):
    _, reception = process()
    reception.submit("generic.json", [{"message": "one"}])
    original = getattr(owner, name)

    def lethal(*arguments):
        if behind:
            original(*arguments)
        raise LakeError("the process is gone")

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, lethal)
        with pytest.raises(LakeError):
            reception.store()
    runtime, reception = process()
    reception.submit("generic.json", [{"message": "two"}])
    reception.store()
    assert _messages(runtime) == {"one": 1, "two": 1}


def test_identical_events_are_distinct(process):
    runtime, reception = process()
    reception.submit("generic.json", [{"message": "same"}] * 3)
    reception.submit("generic.json", [{"message": "same"}])
    reception.store()
    reception.submit("generic.json", [{"message": "same"}])
    reception.store()
    assert _messages(runtime) == {"same": 5}


def test_what_is_no_event_becomes_a_dead_letter(process):
    runtime, reception = process()
    reception.submit("generic.json", ["{broken", {"message": "good"}])
    reception.store()
    assert _messages(runtime) == {"good": 1}
    assert "dead_letter" in runtime.lake.tables()


def test_an_unknown_log_type_is_refused_before_it_is_answered_for(process):
    _, reception = process()
    with pytest.raises(LogTypeError):
        reception.submit("no.such", [{}])


def test_a_spool_that_cannot_be_stored_now_is_kept(process, monkeypatch):
    _, reception = process()
    reception.submit("generic.json", [{"message": "one"}])

    def failing(*_):
        raise LakeError("full")

    with monkeypatch.context() as patch:
        patch.setattr(StreamLog, "commit", failing)
        reception.finish()
    runtime, reception = process()
    reception.store()
    assert _messages(runtime) == {"one": 1}


def test_what_a_receiver_rejects_becomes_dead_letters_of_its_log_type(process):
    runtime, reception = process()
    bad = Rejected(b"\xff<html>", "no JSON object", 0, 4_000)
    reception.submit("generic.json", [bad, {"message": "good"}, bad])
    reception.submit("generic.json", [bad])
    reception.store()
    reception.store()
    assert _messages(runtime) == {"good": 1}
    table = runtime.lake.table("dead_letter")
    letters = [row for batch in table.read(table.live()) for row in batch.to_pylist()]
    assert [(row["log_type"], row["reason"], row["size"]) for row in letters] == [
        ("generic.json", "no JSON object", 4_000)
    ] * 3
