"""core.file reads every delivery file once and every appended line once."""

import os
from datetime import UTC, datetime

import pytest
from mantissa_core.collect.file import FileCollector
from mantissa_core.errors import NeedsOperator
from mantissa_core.model import Window

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _collector(path, **settings):
    return FileCollector(FileCollector.Config(path=path, log_type="generic.json", **settings))


def _read(collector, state=None):
    """{stream: (bytes of each blob, state)} of one walk from ``state``."""
    result = {}
    for stream in collector.streams():
        blobs, now = [], (state or {}).get(stream.name, {})
        for page in collector.read(stream, Window(NOW, NOW), now):
            now = page.next_state
            for blob in page.blobs:
                with blob.open() as file:
                    file.seek(blob.offset)
                    blobs.append(file.read())
        result[stream.name] = (blobs, now)
    return result


def _states(result):
    return {name: state for name, (_, state) in result.items()}


def test_each_folder_is_a_stream_and_files_come_in_the_order_of_their_names(tmp_path):
    for name in ("b/2.json", "b/1.json", "a/1.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    result = _read(_collector(tmp_path))
    assert {name: blobs for name, (blobs, _) in result.items()} == {"a": [b"a/1.json"], "b": [b"b/1.json", b"b/2.json"]}


def test_a_finished_file_is_not_read_again_even_when_touched_and_a_late_one_is(tmp_path):
    (tmp_path / "m.json").write_text("m")
    first = _read(_collector(tmp_path))
    os.utime(tmp_path / "m.json", (1, 1))
    (tmp_path / "a-late.json").write_text("late")
    second = _read(_collector(tmp_path), _states(first))
    assert second["."][0] == [b"late"]
    assert _read(_collector(tmp_path), _states(second))["."][0] == []


def test_a_file_replaced_by_other_content_of_the_same_size_is_read(tmp_path):
    (tmp_path / "x.json").write_text("one")
    first = _read(_collector(tmp_path))
    (tmp_path / "x.json").write_text("two")
    assert _read(_collector(tmp_path), _states(first))["."][0] == [b"two"]


def test_hidden_files_and_other_names_do_not_count(tmp_path):
    for name in (".part.json", "x.tmp", "y.json"):
        (tmp_path / name).write_text(name)
    assert _read(_collector(tmp_path, pattern="*.json"))["."][0] == [b"y.json"]


def test_one_file_may_be_named_itself(tmp_path):
    (tmp_path / "only.json").write_text("x")
    (tmp_path / "other.json").write_text("y")
    assert _read(_collector(tmp_path / "only.json"))["."][0] == [b"x"]


def test_a_followed_file_yields_complete_lines_once(tmp_path):
    log = tmp_path / "app.log"
    log.write_bytes(b"one\ntwo\nhalf")
    collector = _collector(tmp_path, follow=True)
    first = _read(collector)
    assert first["."][0] == [b"one\ntwo\n"]
    with log.open("ab") as file:
        file.write(b" a line\nthree\n")
    second = _read(collector, _states(first))
    assert second["."][0] == [b"half a line\nthree\n"]
    assert _read(collector, _states(second))["."][0] == []


def test_a_rotated_log_is_finished_under_its_new_name_and_the_new_one_starts_at_zero(tmp_path):
    log = tmp_path / "app.log"
    log.write_bytes(b"first of old\nold 2\n")
    collector = _collector(tmp_path, follow=True)
    first = _read(collector)
    with log.open("ab") as file:
        file.write(b"old 3\n")
    log.rename(tmp_path / "app.log.1")
    log.write_bytes(b"first of new\n")
    assert _read(collector, _states(first))["."][0] == [b"first of new\n", b"old 3\n"]


def test_what_is_written_while_a_page_is_read_waits_for_the_next(tmp_path):
    log = tmp_path / "app.log"
    log.write_bytes(b"one\n")
    collector = _collector(tmp_path, follow=True)
    (stream,) = collector.streams()
    (page,) = collector.read(stream, Window(NOW, NOW), {})
    with log.open("ab") as file:
        file.write(b"two\n")
    with page.blobs[0].open() as file:
        assert file.read() == b"one\n"


def test_a_long_first_line_without_an_end_is_not_read_into_memory_whole(tmp_path):
    (tmp_path / "big.log").write_bytes(b"x" * 300_000)
    assert _read(_collector(tmp_path, follow=True))["."][0] == []


def test_a_path_that_is_not_there_needs_the_operator(tmp_path):
    with pytest.raises(NeedsOperator, match="does not exist"):
        _collector(tmp_path / "nowhere").streams()


def test_a_folder_with_more_files_than_the_state_can_remember_is_refused(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.json").write_text("x")
    with pytest.raises(NeedsOperator, match="holds 3 files, more than 2"):
        _read(_collector(tmp_path, max_finished=2))
