"""One ingester per stream: used by one thread at a time, forgotten after an error, closed at the end."""

import threading

import pytest
from mantissa_core import Runtime
from mantissa_core.collect import Ingesters
from mantissa_core.errors import Fenced, LakeError
from mantissa_core.parse.rows import RowBuilder


class Recorded:
    """Stands for an ingester: it only notes that it was closed."""

    def __init__(self, stream, source):
        self.stream, self.source, self.closed = stream, source, 0

    def close(self):
        self.closed += 1


def test_a_stream_keeps_its_ingester():
    ingesters = Ingesters(Recorded)
    with ingesters.use("a", "x") as first:
        pass
    with ingesters.use("a", "x") as again, ingesters.use("b", "y") as other:
        assert again is first
        assert (other.stream, other.source) == ("b", "y")
    assert first.closed == 0


def test_after_an_error_it_is_closed_and_the_next_one_is_new():
    ingesters = Ingesters(Recorded)
    with pytest.raises(LakeError), ingesters.use("a", "x") as first:
        raise LakeError("full")
    with ingesters.use("a", "x") as second:
        assert second is not first
    assert (first.closed, second.closed) == (1, 0)


def test_an_ingester_that_cannot_be_opened_is_tried_again():
    outcomes = [LakeError("not yet"), Recorded("a", "x")]

    def open_stream(_stream, _source):
        outcome = outcomes.pop(0)
        if isinstance(outcome, LakeError):
            raise outcome
        return outcome

    ingesters = Ingesters(open_stream)
    with pytest.raises(LakeError), ingesters.use("a", "x"):
        pass
    with ingesters.use("a", "x") as second:
        assert second.stream == "a"


def test_a_stream_is_used_by_one_thread_at_a_time():
    ingesters = Ingesters(Recorded)
    order = []

    def use():
        with ingesters.use("a", "x"):
            order.append("second")

    with ingesters.use("a", "x"):
        thread = threading.Thread(target=use)
        thread.start()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_closing_closes_what_is_idle_at_once_and_what_is_in_use_at_its_end():
    ingesters = Ingesters(Recorded)
    with ingesters.use("idle", "x") as idle:
        pass
    with ingesters.use("busy", "x") as busy:
        ingesters.close()
        assert (idle.closed, busy.closed) == (1, 0)
    assert busy.closed == 1


def test_a_stream_that_another_process_wrote_is_read_anew_at_the_next_call(tmp_path):
    home = {"home": str(tmp_path)}
    with Runtime.open(home) as one, Runtime.open(home) as two:
        one.ingest("generic.json", [{"message": "one"}])
        two.ingest("generic.json", [{"message": "two"}])
        with pytest.raises(Fenced):
            one.ingest("generic.json", [{"message": "refused"}])
        one.ingest("generic.json", [{"message": "three"}])
        found = one.query("SELECT message FROM generic_json ORDER BY m_ingest_time").rows["message"].to_pylist()
    assert found == ["one", "two", "three"]


def test_what_an_error_left_open_is_finished_at_the_next_call(mantissa, monkeypatch):
    siem = mantissa()
    siem.ingest("generic.json", [{"message": "one"}])
    table = siem.lake.table("generic_json")
    with monkeypatch.context() as patch:
        patch.setattr(table, "commit", lambda *_: (_ for _ in ()).throw(OSError("no answer")))
        with pytest.raises(OSError, match="no answer"):
            siem.ingest("generic.json", [{"message": "two"}])
    siem.ingest("generic.json", [{"message": "three"}])
    found = siem.query("SELECT message FROM generic_json").rows["message"].to_pylist()
    assert sorted(found) == ["one", "three", "two"]


def test_closing_the_runtime_closes_what_builds_rows(mantissa, monkeypatch):
    closed = []
    close = RowBuilder.close
    monkeypatch.setattr(RowBuilder, "close", lambda builder: (closed.append(builder.log_type.name), close(builder)))
    siem = mantissa()
    siem.ingest("generic.json", [{"message": "a"}], source="one")
    siem.ingest("generic.json", [{"message": "b"}], source="two")
    assert closed == []
    siem.close()
    siem.close()
    assert closed == ["generic.json", "generic.json"]


def test_what_is_buffered_is_released_even_where_it_cannot_be_stored(mantissa, monkeypatch):
    siem = mantissa()
    siem.ingest("generic.json", [{"message": "a"}], wait=False)
    monkeypatch.setattr(siem, "_open_ingester", lambda *_: (_ for _ in ()).throw(LakeError("the disk is gone")))
    with pytest.raises(LakeError, match="gone"):
        siem.close()
    assert siem.host.labels(type("Any", (), {})) == []
    siem._buffers.clear()
