from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from fake_fdr import KEY, REGION, SECRET, FakeFdr
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.parse.compression import open_blob
from mantissa_core.parse.json_lines import JSONLines
from mantissa_core.testing.fake_vendor import Answer, Event
from mantissa_crowdstrike.fdr import FalconDataReplicator
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
NOW = Window(START, START)


def collector(fdr: FakeFdr, **settings: Any) -> FalconDataReplicator:
    given = {"queue_url": fdr.queue, "endpoint_url": fdr.url, "region": REGION, "access_key_id": KEY}
    more = {"secret_access_key": SECRET, "timeout": 10, "wait_seconds": 0}
    return FalconDataReplicator(FalconDataReplicator.Config.model_validate({**given, **more, **settings}))


def event(name: str) -> Event:
    return Event(name, START)


def contents(page: Page) -> list[str]:
    """The ids of a page's events, and why something is none."""
    steps = [step for blob in page.blobs for step in JSONLines(JSONLines.Config()).decode(open_blob(blob))]
    ids = [line.decode().split('"id": "')[1].partition('"')[0] for step in steps for line in step.records]
    return sorted(ids) + [letter.reason.partition(": ")[2] for letter in page.rejected]


def read(
    subject: FalconDataReplicator, state: Mapping[str, Any] | None = None, commit: bool = True
) -> tuple[list[str], Mapping[str, Any]]:
    """What one pass yields, and the state behind it."""
    [stream] = subject.streams()
    found: list[str] = []
    state = state or {}
    for page in subject.read(stream, NOW, state):
        found += contents(page)
        if not commit and page.acks:
            break
        subject.acknowledge(stream, page.acks)
        state = page.next_state
    return found, state


def test_a_message_is_a_page_and_is_deleted_after_the_commit(fdr: FakeFdr) -> None:
    fdr.deliver([event("1"), event("2")], [event("3")])
    subject = collector(fdr)
    [stream] = subject.streams()
    pages = subject.read(stream, NOW, {})
    page = next(pages)
    assert contents(page) == ["1", "2", "3"]
    assert fdr.waiting == (0, 1)
    subject.acknowledge(stream, page.acks)
    assert fdr.waiting == (0, 0)
    subject.acknowledge(stream, page.acks)  # may be repeated
    assert list(pages) == []


def test_what_is_not_committed_is_let_go(fdr: FakeFdr) -> None:
    fdr.deliver([event("1")])
    assert read(collector(fdr), commit=False)[0] == ["1"]
    assert fdr.waiting == (1, 0)
    assert read(collector(fdr))[0] == ["1"]


def test_a_message_is_held_while_its_files_are_stored(fdr: FakeFdr) -> None:
    fdr.deliver([event("1")])
    subject = collector(fdr, visibility_seconds=40)
    [stream] = subject.streams()
    pages = subject.read(stream, NOW, {})
    next(pages)
    fdr.held.clear()
    subject._held.extend()
    assert fdr.held == [40]


def test_files_are_known_by_their_address_and_checksum(fdr: FakeFdr) -> None:
    folder = fdr.deliver([event("1")])
    subject = collector(fdr)
    page = next(iter(subject.read(subject.streams()[0], NOW, {})))
    etag = fdr.s3.head_object(Bucket=fdr.bucket, Key=f"{folder}/part-00000.gz")["ETag"].strip('"')
    assert [blob.origin for blob in page.blobs] == [f"s3://{fdr.bucket}/{folder}/part-00000.gz#{etag}"]


def test_a_file_that_is_gone_becomes_a_dead_letter_and_its_neighbours_are_read(fdr: FakeFdr) -> None:
    folder = fdr.deliver([event("1")], [event("2")])
    fdr.s3.delete_object(Bucket=fdr.bucket, Key=f"{folder}/part-00000.gz")
    gone = f"s3://{fdr.bucket}/{folder}/part-00000.gz was announced but is not there"
    assert read(collector(fdr))[0] == ["2", gone]
    assert fdr.waiting == (0, 0)


@pytest.mark.parametrize(
    "message",
    [
        "hello",
        [],
        {"files": []},
        {"bucket": "b", "files": [{"path": "p"}]},
        {"bucket": 5, "files": [{"path": "p", "size": 1}]},
    ],
    ids=str,
)
def test_a_message_that_announces_nothing_becomes_a_dead_letter(fdr: FakeFdr, message: Any) -> None:
    fdr.send(message)
    fdr.deliver([event("1")])
    found, _ = read(collector(fdr))
    assert "1" in found
    assert any(each.startswith("the message is none of the Falcon Data Replicator: ") for each in found)
    assert fdr.waiting == (0, 0)


def test_a_message_that_is_never_committed_is_tried_once_more_and_then_becomes_a_dead_letter(fdr: FakeFdr) -> None:
    fdr.deliver([event("1")])
    state: Mapping[str, Any] = {}
    for _ in range(3):
        found, state = read(collector(fdr, max_receives=2), state, commit=False)
        assert found == ["1"]
    assert len(state["suspects"]) == 1
    [letter], state = read(collector(fdr, max_receives=2), state)
    assert letter.startswith("received 4 times and never stored: {")
    assert (fdr.waiting, state) == ((0, 0), {"suspects": []})


def test_a_suspect_that_is_committed_is_none_any_more(fdr: FakeFdr) -> None:
    fdr.deliver([event("1")])
    for _ in range(2):
        read(collector(fdr, max_receives=1), commit=False)
    assert read(collector(fdr, max_receives=1)) == (["1"], {"suspects": []})


def test_a_file_that_may_not_be_read_stays_and_does_not_hold_up_others(fdr: FakeFdr) -> None:
    denied = fdr.deliver([event("1")])
    fdr.deliver([event("2")])
    fdr.refused = (denied, 403, "AccessDenied")
    with pytest.raises(NeedsOperator, match="the feed's credentials need s3:GetObject"):
        read(collector(fdr))
    assert fdr.waiting == (1, 0)
    fdr.refused = None
    assert read(collector(fdr))[0] == ["1"]


def test_a_file_of_another_size_is_not_taken_for_the_one_announced(fdr: FakeFdr) -> None:
    folder = fdr.deliver([event("1")])
    fdr.s3.put_object(Bucket=fdr.bucket, Key=f"{folder}/part-00000.gz", Body=b"<html>maintenance</html>")
    with pytest.raises(Retry, match="has 24 bytes"):
        read(collector(fdr))
    assert fdr.waiting == (1, 0)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (400, "AWS.SimpleQueueService.NonExistentQueue", "the queue does not exist: check queue_url"),
        (403, "InvalidClientTokenId", "reset the feed's credentials"),
        (403, "SignatureDoesNotMatch", "secret_access_key does not belong"),
        (403, "AccessDeniedException", "need sqs:GetQueueAttributes"),
        (400, "InvalidAddress", "AWS refuses the request"),
    ],
)
def test_a_refusal_says_what_the_operator_must_do(fdr: FakeFdr, status: int, code: str, words: str) -> None:
    fdr.answer = fdr.refusal(status, code)
    with pytest.raises(NeedsOperator, match=words):
        collector(fdr).check()


def test_an_answer_that_is_no_json_is_no_empty_queue(fdr: FakeFdr) -> None:
    fdr.answer = Answer(200, b"<html>maintenance</html>")
    with pytest.raises(Retry, match="not from AWS"):
        read(collector(fdr))


def test_the_region_is_that_of_the_queues_address(fdr: FakeFdr) -> None:
    address = "https://sqs.us-gov-west-1.amazonaws.com/123456789012/feed"
    assert collector(fdr, queue_url=address, region="")._sqs.meta.region_name == "us-gov-west-1"
    with pytest.raises(NeedsOperator, match="region: the queue's address does not name it"):
        collector(fdr, region="")


@pytest.mark.parametrize("settings", [{"queue_url": "feed"}, {"access_key_id": ""}, {"visibility_seconds": 1}], ids=str)
def test_settings_that_cannot_work_are_refused(fdr: FakeFdr, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        collector(fdr, **settings)


def test_the_installed_plugin_has_one_stream(
    fdr: FakeFdr, start_plugin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEED_SECRET", SECRET)
    settings = {"queue_url": fdr.queue, "region": REGION, "access_key_id": KEY, "secret_access_key": "env:FEED_SECRET"}
    subject = start_plugin(Collector, "crowdstrike.fdr", settings)
    assert [(each.name, each.log_type) for each in subject.streams()] == [("messages", "crowdstrike.fdr")]
