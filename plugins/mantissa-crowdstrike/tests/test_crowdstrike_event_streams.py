from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_event_streams import FakeEventStreams
from fake_falcon import CLIENT_ID, CLIENT_SECRET
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.testing.fake_vendor import Answer, Event, Fault
from mantissa_core.vendor_api.budget import forget_shared
from mantissa_crowdstrike import event_lines
from mantissa_crowdstrike.event_lines import LineSplitter
from mantissa_crowdstrike.event_streams import EventStreams
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
NOW = Window(START, START)


def collector(fake: FakeEventStreams, **settings: Any) -> EventStreams:
    given = {"url": fake.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "timeout": 10}
    return EventStreams(EventStreams.Config.model_validate({**given, "idle_seconds": 10, **settings}))


def read(subject: EventStreams, state: Mapping[str, Any] | None = None) -> list[Page]:
    return list(subject.read(subject.streams()[0], NOW, state or {}))


def users(pages: list[Page]) -> list[str]:
    return [record["event"]["UserId"] for page in pages for record in page.records]  # type: ignore[index, call-overload]


def put(fake: FakeEventStreams, count: int) -> list[str]:
    events = [Event(f"e{number}", START + timedelta(minutes=number)) for number in range(count)]
    fake.put(events)
    return [event.id for event in events]


def opened(fake: FakeEventStreams) -> list[str | None]:
    """The offsets that streams were opened with."""
    return [request.query.get("offset") for request in fake.requests if "/datafeed/v1/" in request.route]


def test_every_partition_is_a_stream(event_streams: FakeEventStreams) -> None:
    event_streams.partitions = 2
    found = [(each.name, each.log_type, each.windowed) for each in collector(event_streams).streams()]
    assert found == [(f"partition-{number}", "crowdstrike.event_stream", False) for number in range(2)]


def test_partitions_stay_known_while_crowdstrike_does_not_answer(event_streams: FakeEventStreams) -> None:
    subject = collector(event_streams)
    event_streams.inject(Fault.SERVER_ERROR)
    assert [each.name for each in subject.streams()] == ["partition-0"]
    event_streams.heal()
    event_streams.partitions = 2
    names = [each.name for each in subject.streams()]
    event_streams.inject(Fault.SERVER_ERROR)
    assert [each.name for each in subject.streams()] == names == ["partition-0", "partition-1"]


def test_each_partition_is_read_where_it_is(event_streams: FakeEventStreams) -> None:
    event_streams.partitions = 2
    put(event_streams, 1)
    subject = collector(event_streams)
    first, second = subject.streams()
    assert list(subject.read(second, NOW, {})) == []
    assert users(list(subject.read(first, NOW, {}))) == ["e0"]


def test_reading_goes_on_from_the_last_event_and_does_not_repeat_it(event_streams: FakeEventStreams) -> None:
    ids = put(event_streams, 3)
    pages = read(collector(event_streams))
    assert (users(pages), pages[-1].next_state) == (ids, {"offset": "102"})
    more = put(event_streams, 2)
    assert users(read(collector(event_streams), pages[-1].next_state)) == more
    assert opened(event_streams) == [None, "102", "102", "104"]


def test_a_connection_that_ends_is_opened_again_while_it_brings_something(event_streams: FakeEventStreams) -> None:
    ids = put(event_streams, 9)
    assert users(read(collector(event_streams))) == ids
    assert opened(event_streams) == [None, "103", "106", "108"]


def test_a_silent_connection_ends_the_poll(event_streams: FakeEventStreams) -> None:
    ids = put(event_streams, 3)
    event_streams.silent = True
    [page] = read(collector(event_streams, idle_seconds=0.5))
    assert (users([page]), page.more, len(opened(event_streams))) == (ids, False, 1)


def test_a_connection_that_only_says_that_it_is_alive_ends_the_poll(event_streams: FakeEventStreams) -> None:
    ids = put(event_streams, 3)
    event_streams.silent = event_streams.beating = True
    [page] = read(collector(event_streams, idle_seconds=0.5))
    assert users([page]) == ids


def test_a_poll_ends_when_its_time_is_over(event_streams: FakeEventStreams) -> None:
    put(event_streams, 9)
    assert read(collector(event_streams, poll_minutes=1e-9)) == []


def test_a_session_is_kept_open_before_its_span_ends(event_streams: FakeEventStreams) -> None:
    put(event_streams, 3)
    read(collector(event_streams))
    assert event_streams.refreshed == 0
    event_streams.interval = 0
    read(collector(event_streams))
    assert event_streams.refreshed > 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.TRUNCATED, Retry),
        (Fault.RESET, Retry),
        (Fault.SERVER_ERROR, Retry),
        (Fault.RATE_LIMIT, Retry),
        (Fault.ERROR_PAGE, Retry),
        (Fault.ERROR_DOCUMENT, Retry),
        (Fault.TOKEN_EXPIRED, NeedsOperator),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_what_fails_is_told_and_what_came_before_it_is_kept(
    event_streams: FakeEventStreams, fault: Fault, error: type[Exception]
) -> None:
    ids = put(event_streams, 9)
    subject = collector(event_streams)
    stream = subject.streams()[0]
    event_streams.inject(fault, after=3)  # the second connection
    kept: list[Page] = []
    with pytest.raises(error):
        kept.extend(subject.read(stream, NOW, {}))
    forget_shared()
    event_streams.heal()
    assert kept
    state = kept[-1].next_state
    assert set(users(kept) + users(read(collector(event_streams), state))) == set(ids)


def test_a_line_that_is_no_event_becomes_a_dead_letter_and_its_neighbours_are_read(
    event_streams: FakeEventStreams,
) -> None:
    ids = put(event_streams, 2)
    event_streams.lines = [b"", b"oops", b"[1]", b'{"metadata": {"offset": "7"}}', b"{" * 100_000]
    pages = read(collector(event_streams))
    assert users(pages) == ids
    letters = [each for page in pages for each in page.rejected][:4]
    assert [letter.reason.partition(";")[0] for letter in letters] == [
        "the line is no JSON",
        "the line is no JSON object",
        "the event has no metadata.offset",
        "the line is no JSON",
    ]
    assert (letters[3].size, len(letters[3].raw)) == (100_000, 65_536)


def test_lines_are_put_together_from_pieces_and_the_longest_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_lines, "LINE_BYTES", 5)
    lines = LineSplitter()
    assert [lines.feed(piece) for piece in (b"ab", b"c\n\r\n\nd", b"efghijk", b"l\r\nm")] == [
        [],
        [b"abc"],
        [],
        [b"defgh"],
    ]
    assert lines.cut


def test_a_stream_that_another_connection_uses_is_asked_for_later(event_streams: FakeEventStreams) -> None:
    event_streams.busy = True
    with pytest.raises(Retry, match="another connection uses it"):
        read(collector(event_streams))


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (
            {"dataFeedURL": "https://firehose.example.com/sensors/entities/datafeed/v1/0"},
            "host that is not CrowdStrike's",
        ),
        ({"dataFeedURL": "http://firehose.0.0.1/sensors/entities/datafeed/v1/0"}, "host that is not CrowdStrike's"),
        ({"refreshActiveSessionURL": "https://example.com/refresh"}, "leads to another host"),
        ({"dataFeedURL": "https://127.0.0.1/feed"}, "without a number"),
        ({"sessionToken": {}}, "without address, token or interval"),
        ({"sessionToken": {"token": "a\nb"}}, "usable token"),
        ({"refreshActiveSessionInterval": "soon"}, "without address, token or interval"),
    ],
    ids=str,
)
def test_no_token_goes_to_another_host(event_streams: FakeEventStreams, described: Any, words: str) -> None:
    event_streams.described = described
    with pytest.raises(Retry, match=words):
        read(collector(event_streams))
    assert opened(event_streams) == []


def test_an_answer_without_streams_is_no_list(event_streams: FakeEventStreams) -> None:
    event_streams.answer = Answer(200, {"resources": "none"})
    with pytest.raises(Retry, match="no list of event streams"):
        collector(event_streams).check()


def test_a_missing_scope_is_named(event_streams: FakeEventStreams) -> None:
    event_streams.answer = event_streams.refusal(403, "")
    with pytest.raises(NeedsOperator, match="scope 'Event streams: Read'"):
        collector(event_streams).check()


@pytest.mark.parametrize("settings", [{"app_id": "no spaces"}, {"app_id": "x" * 33}, {"idle_seconds": 0}], ids=str)
def test_settings_that_cannot_work_are_refused(event_streams: FakeEventStreams, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        collector(event_streams, **settings)


def test_the_installed_plugin_is_configured_by_the_environment(
    event_streams: FakeEventStreams, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(event_streams, 1)
    for name, value in {"BASE_URL": event_streams.url, "CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET}.items():
        monkeypatch.setenv(f"FALCON_{name}", value)
    subject = start_plugin(Collector, "crowdstrike.event_streams", {})
    [page] = subject.read(subject.streams()[0], NOW, {})
    assert page.records[0]["event"]["UserId"] == "e0"  # type: ignore[index, call-overload]
