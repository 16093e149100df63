from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from mantissa_core.errors import Retry
from mantissa_core.model import Rejected, Window
from mantissa_core.vendor_api import Batch, CursorRefused, Walk, WindowReader, epoch_ms, timestamp

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))


class Pages:
    """Three pages; ``asked`` holds every walk."""

    def __init__(self, following: Mapping[str | None, str | None] | None = None) -> None:
        self.following = {None: "1", "1": "2", "2": None} if following is None else following
        self.asked: list[Walk] = []

    def __call__(self, walk: Walk) -> Batch:
        self.asked.append(walk)
        if walk.cursor not in self.following:
            raise CursorRefused
        return Batch([{"id": f"after {walk.cursor}"}], self.following[walk.cursor])


def reader(pages: Pages, resolution: timedelta = timedelta(milliseconds=1)) -> WindowReader:
    return WindowReader("Acme", pages, timedelta(minutes=10), resolution)


def test_a_walk_is_complete_with_its_last_page_only() -> None:
    pages = list(reader(Pages()).read(WINDOW, {}))
    assert [page.records[0]["id"] for page in pages] == ["after None", "after 1", "after 2"]  # type: ignore[index,call-overload]
    assert [page.complete_until for page in pages] == [None, None, WINDOW.end]
    assert [page.more for page in pages] == [True, True, False]
    assert [page.next_state.get("after") for page in pages] == ["1", "2", None]


def test_what_of_a_page_cannot_be_read_is_handed_on() -> None:
    rejected = [Rejected(b"{", "no JSON", 0, 1)]
    following = {None: "1", "1": None}
    walks = WindowReader("Acme", lambda walk: Batch([], following[walk.cursor], rejected), timedelta(0)).read(
        WINDOW, {}
    )
    assert [page.rejected for page in walks] == [rejected, rejected]


def test_an_unfinished_walk_is_finished_and_what_follows_is_read_with_the_overlap() -> None:
    first = Pages()
    state = next(reader(first).read(WINDOW, {})).next_state
    later, pages = Window(START + timedelta(minutes=5), START + timedelta(hours=2)), Pages()
    list(reader(pages).read(later, state))
    assert [(walk.since, walk.until, walk.cursor) for walk in pages.asked] == [
        (START, WINDOW.end, "1"),
        (START, WINDOW.end, "2"),
        *((WINDOW.end - timedelta(minutes=10), later.end, cursor) for cursor in (None, "1", "2")),
    ]


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"since": 1, "until": 2, "after": 3},
        {"since": START.isoformat(), "until": WINDOW.end.isoformat()},
        Walk(START + timedelta(minutes=1), WINDOW.end, "1").to_state(),
        Walk(START, WINDOW.end + timedelta(minutes=1), "1").to_state(),
        Walk(START - timedelta(hours=1), START - timedelta(minutes=1), "1").to_state(),
    ],
    ids=["none", "no walk", "no cursor", "begins later", "ends later", "ends before"],
)
def test_a_state_that_does_not_fit_the_window_is_not_gone_on_with(state: Mapping[str, object]) -> None:
    pages = Pages()
    list(reader(pages).read(WINDOW, state))
    assert pages.asked[0] == Walk(START, WINDOW.end)


def test_a_cursor_that_has_expired_begins_the_walk_again() -> None:
    pages = Pages()
    list(reader(pages).read(WINDOW, Walk(START, WINDOW.end, "gone").to_state()))
    assert [walk.cursor for walk in pages.asked] == ["gone", None, "1", "2"]


@pytest.mark.parametrize(
    ("following", "words"),
    [
        ({None: "1", "1": "1"}, "same page cursor twice"),
        ({None: "1", "1": "2", "2": "1"}, "same page cursor twice"),
        ({None: "1"}, "just given"),
        ({}, "just given"),
    ],
    ids=["at once", "after two", "refused", "refused at the start"],
)
def test_a_walk_that_would_not_end_is_stopped(following: Mapping[str | None, str | None], words: str) -> None:
    with pytest.raises(Retry, match=words):
        list(reader(Pages(following)).read(WINDOW, {}))


@pytest.mark.parametrize("resolution", [timedelta(milliseconds=1), timedelta(seconds=1), timedelta(minutes=1)])
def test_what_is_cut_off_a_window_is_read_with_the_next(resolution: timedelta) -> None:
    middle = START + timedelta(seconds=77, microseconds=123_456)
    one, other = Pages({None: None}), Pages({None: None})
    [page] = reader(one, resolution).read(Window(START, middle), {})
    list(reader(other, resolution).read(Window(middle, WINDOW.end), {}))
    assert page.complete_until == one.asked[0].until == other.asked[0].since
    assert middle - resolution < one.asked[0].until <= middle


def test_times_are_written_in_utc() -> None:
    moment = datetime(2025, 3, 4, 10, 0, 0, 999_999, tzinfo=UTC)
    assert timestamp(moment) == "2025-03-04T10:00:00.999Z"
    assert epoch_ms(moment) == 1_741_082_400_999
