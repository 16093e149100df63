from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from mantissa_core.alert.enrich.watched_file import WatchedFile
from mantissa_core.errors import NeedsOperator, Retry
from structlog.testing import capture_logs


def read(path: Path) -> str:
    text = path.read_text("utf-8")
    if text == "bad":
        raise NeedsOperator("it is bad")
    return text


def test_a_first_version_that_cannot_be_read_is_an_error_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "list"
    watched = WatchedFile(path, read)
    with pytest.raises(NeedsOperator, match="list: No such file or directory"):
        watched.content()
    path.write_text("bad")
    with pytest.raises(NeedsOperator, match=r"list: it is bad$"):
        watched.content()
    path.write_text("good")
    assert watched.content() == "good"


def test_a_version_that_is_bad_is_told_once_and_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("good")
    watched = WatchedFile(path, read)
    watched.check()
    path.write_text("bad")
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(NeedsOperator, match="it is bad; the version before stays in use"):
                watched.check()
            assert watched.content() == "good"
    assert [(each["event"], each["reason"], each["kept"]) for each in logs] == [
        ("file cannot be used", "it is bad", True)
    ]
    path.unlink()
    with pytest.raises(NeedsOperator, match="No such file or directory; the version before stays in use"):
        watched.check()
    path.write_text("better")
    assert watched.check() == watched.content() == "better"


def test_a_file_that_is_as_it_was_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("good")
    times: list[Path] = []

    def counted(path: Path) -> str:
        times.append(path)
        return read(path)

    watched = WatchedFile(path, counted)
    watched.check()
    watched.check()
    os.utime(path, ns=(1, 1))
    watched.check()
    assert len(times) == 2


def test_work_goes_on_while_a_new_version_is_read(tmp_path: Path) -> None:
    path, started, finish = tmp_path / "list", threading.Event(), threading.Event()
    path.write_text("first")

    def slowly(path: Path) -> str:
        text = path.read_text()
        if text == "second":
            started.set()
            assert finish.wait(30)
        return text

    watched = WatchedFile(path, slowly)
    assert watched.content() == "first"
    path.write_text("second")
    assert watched.content() == "first"
    assert started.wait(30)
    assert [watched.content() for _ in range(100)] == ["first"] * 100
    finish.set()
    end = time.monotonic() + 30
    while watched.content() == "first" and time.monotonic() < end:
        time.sleep(0.001)
    assert watched.content() == "second"


def test_the_first_version_is_not_waited_for_without_end(tmp_path: Path) -> None:
    path, finish = tmp_path / "list", threading.Event()
    path.write_text("long")

    def slowly(path: Path) -> str:
        assert finish.wait(30)
        return path.read_text()

    watched = WatchedFile(path, slowly)
    with pytest.raises(Retry, match="list is still being read"):
        watched.content()
    finish.set()
    assert watched.check() == watched.content() == "long"
