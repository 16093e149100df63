"""The spool keeps what was answered for, whatever happens to the process or to the end of a file."""

import struct
import threading
import zlib

import pytest
from mantissa_core.collect import spool as module
from mantissa_core.collect.spool import Spool
from mantissa_core.errors import BadRecord, NeedsOperator, Retry
from mantissa_core.model import Rejected

BIG = 1 << 30


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def opened(folder):
    """``opened(limit, after)``: a spool on the same folder; the one before is closed, as by the end of its process."""
    last = []

    def open_spool(limit=BIG, after=0):
        close()
        last.append(Spool(folder, limit, after=after))
        return last[-1]

    def close():
        for each in last:
            each.close()

    yield open_spool
    close()


def _records(spool, place=(0, 0)):
    return [record for entry in spool.read(*place) for record in entry.records]


def _last(spool, place=(0, 0)):
    entry = list(spool.read(*place))[-1]
    return entry.segment, entry.end


def test_entries_come_back_in_order_after_a_restart(opened):
    spool = opened()
    spool.append("a.b", [{"n": 1}, '{"n": 2}'])
    spool.append("a.c", [b'{"n": 3}'])
    spool = opened()
    spool.append("a.b", [{"n": 4}])
    assert [entry.log_type for entry in spool.read(0, 0)] == ["a.b", "a.c", "a.b"]
    assert _records(spool) == [b'{"n":1}', b'{"n": 2}', b'{"n": 3}', b'{"n":4}']


def test_what_is_no_event_is_kept_beside_the_events(opened):
    rejected = Rejected(b"\xff<html>", "no JSON object", 7, 4_000)
    opened().append("a.b", [{"n": 1}, rejected, {"n": 2}])
    (entry,) = opened().read(0, 0)
    assert (list(entry.records), list(entry.rejected)) == ([b'{"n":1}', b'{"n":2}'], [rejected])


def test_entries_of_an_earlier_version_are_read(opened, folder):
    body = b'["a.b",[{"n":1}]]'
    opened()
    (folder / f"{1:020}.spool").write_bytes(struct.pack("<4sII", b"MSP1", len(body), zlib.crc32(body)) + body)
    (entry,) = opened().read(0, 0)
    assert (entry.log_type, list(entry.records), list(entry.rejected)) == ("a.b", [b'{"n":1}'], [])


def test_a_torn_end_is_cut_off_and_nothing_else(opened, folder):
    spool = opened()
    spool.append("a.b", [{"n": 1}])
    spool.append("a.b", [{"n": 2}])
    (path,) = folder.glob("*.spool")
    whole = path.read_bytes()
    for cut in range(1, len(whole) // 2):
        spool.close()
        path.write_bytes(whole[:-cut])
        spool = opened()
        assert _records(spool) == [b'{"n":1}']
        assert not list(folder.glob("*.damaged"))


def test_a_changed_byte_is_noticed_and_costs_its_own_entry_only(opened, folder):
    spool = opened()
    for number in range(3):
        spool.append("a.b", [{"n": number}])
    (path,) = folder.glob("*.spool")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    entries = list(opened().read(0, 0))
    assert [entry.damaged for entry in entries] == [False, True, False]


def test_bytes_that_are_no_entry_are_kept_aside(opened, folder):
    spool = opened()
    spool.append("a.b", [{"n": 1}])
    (path,) = folder.glob("*.spool")
    path.write_bytes(path.read_bytes() + b"something else entirely")
    assert _records(opened()) == [b'{"n":1}']
    (kept,) = folder.glob("*.damaged")
    assert kept.read_bytes() == b"something else entirely"


def test_what_is_committed_is_deleted_and_its_number_never_comes_again(opened, folder, monkeypatch):
    monkeypatch.setattr(module, "SEGMENT", 64)
    spool = opened()
    for number in range(6):
        spool.append("a.b", [{"n": number, "text": "x" * 40}])
    place = _last(spool)
    spool.forget(*place)
    assert list(folder.glob("*.spool")) == []
    assert spool.size == 0
    spool = opened(after=place[0])
    spool.append("a.b", [{"n": 7}])
    assert _records(spool, place) == [b'{"n":7}']


def test_a_full_spool_asks_to_come_back_and_has_room_again(opened, monkeypatch):
    monkeypatch.setattr(module, "SEGMENT", 64)
    spool = opened(limit=200)
    spool.append("a.b", [{"text": "x" * 100}])
    with pytest.raises(Retry) as raised:
        spool.append("a.b", [{"text": "x" * 100}])
    assert raised.value.after
    spool.forget(*_last(spool))
    spool.append("a.b", [{"text": "x" * 100}])


def test_too_much_at_once_is_refused(opened, monkeypatch):
    monkeypatch.setattr(module, "MOST_ENTRY", 100)
    with pytest.raises(BadRecord, match="send less"):
        opened().append("a.b", [{"text": "x" * 200}])


def test_what_is_no_json_is_kept_as_text(opened):
    spool = opened()
    spool.append("a.b", ["{no json", b"\xff\xfe", {"set": object}])
    texts = _records(spool)
    assert texts[0] == b'"{no json"'
    assert all(text.startswith(b'"') for text in texts)


def test_a_write_that_fails_leaves_nothing_behind(opened, monkeypatch):
    spool = opened()
    spool.append("a.b", [{"n": 1}])

    def failing(_handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", failing)
        with pytest.raises(Exception, match="No space left"):
            spool.append("a.b", [{"n": 2}])
    spool.append("a.b", [{"n": 3}])
    assert _records(spool) == [b'{"n":1}', b'{"n":3}']
    assert _records(opened()) == [b'{"n":1}', b'{"n":3}']


def test_one_process_holds_the_folder(opened, folder):
    opened()
    with pytest.raises(NeedsOperator, match="another process"):
        Spool(folder, BIG)


def test_many_threads_may_append(opened):
    spool = opened()
    threads = [
        threading.Thread(target=lambda part=part: [spool.append("a.b", [{"n": part * 10 + n}]) for n in range(10)])
        for part in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(_records(spool)) == sorted(b'{"n":%d}' % n for n in range(40))
