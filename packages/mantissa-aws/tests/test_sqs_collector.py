from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from fake_queue import FakeQueue
from mantissa_aws import objects
from mantissa_aws.parser import CloudTrailFile
from mantissa_aws.sqs import SqsCollector
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.parse.compression import open_blob
from mantissa_core.testing.collector import CollectorContract

NOW = Window(datetime(2025, 3, 4, tzinfo=UTC), datetime(2025, 3, 4, tzinfo=UTC))


@pytest.fixture
def queue(moto: str) -> Iterator[FakeQueue]:
    with FakeQueue(moto) as fake:
        yield fake


def collector(queue: FakeQueue, **settings: Any) -> SqsCollector:
    config = {"queue_url": queue.queue, "endpoint_url": queue.url, "timeout": 2, "wait_seconds": 0, **settings}
    return SqsCollector(SqsCollector.Config.model_validate(config))


def contents(page: Page) -> list[str]:
    """The ids of a page's events, and the reasons of what was rejected."""
    decoder = CloudTrailFile(CloudTrailFile.Config())
    steps = [step for blob in page.blobs for step in decoder.decode(open_blob(blob))]
    ids = [record.decode().split('"')[3] for step in steps for record in step.records]
    return sorted(ids) + [each.reason for step in steps for each in step.rejected]


def read(
    subject: SqsCollector, state: Mapping[str, Any] | None = None, commit: bool = True
) -> tuple[list[str], Mapping[str, Any]]:
    """What one pass yields, and the state behind it."""
    [stream] = subject.streams()
    found: list[str] = []
    state = state or {}
    for page in subject.read(stream, NOW, state):
        found += contents(page)
        if not commit and page.blobs:
            break
        subject.acknowledge(stream, page.acks)
        state = page.next_state
    return found, state


class TestSqsCollector(CollectorContract):
    secrets = ("secret-of-the-tests",)

    @pytest.fixture
    def source(self, queue: FakeQueue) -> FakeQueue:
        return queue

    def collector(self, source: FakeQueue) -> SqsCollector:
        keys = {"access_key_id": "AKIAEXAMPLE000000001", "secret_access_key": "secret-of-the-tests"}
        return collector(source, messages_per_page=source.page_size, **keys)

    def decoder(self) -> CloudTrailFile:
        return CloudTrailFile(CloudTrailFile.Config())

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["eventID"])


def test_messages_are_deleted_after_the_commit_and_not_before(queue: FakeQueue) -> None:
    queue.put_file("a.json", "1")
    subject = collector(queue)
    [stream] = subject.streams()
    pages = subject.read(stream, NOW, {})
    page = next(pages)
    assert queue.waiting == (0, 2)  # S3's test event, too
    subject.acknowledge(stream, page.acks)
    assert queue.waiting == (0, 0)
    subject.acknowledge(stream, page.acks)  # may be repeated
    assert list(pages) == []


def test_what_is_not_committed_is_let_go(queue: FakeQueue) -> None:
    queue.put_file("a.json", "1")
    assert read(collector(queue), commit=False)[0] == ["1"]
    assert queue.waiting == (2, 0)
    assert read(collector(queue))[0] == ["1"]


def test_keys_are_decoded(queue: FakeQueue) -> None:
    queue.put_file("a b/ü+&.json", "1")
    assert read(collector(queue))[0] == ["1"]


def test_an_object_that_is_gone_becomes_a_dead_letter_and_its_neighbours_are_read(queue: FakeQueue) -> None:
    queue.put_file("a.json", "1")
    queue.put_file("b.json", "2")
    queue.s3.delete_object(Bucket=queue.bucket, Key="a.json")
    assert read(collector(queue))[0] == ["2", f"s3://{queue.bucket}/a.json was announced but is not there"]
    assert queue.waiting == (0, 0)


def test_a_message_that_is_no_notification_becomes_a_dead_letter(queue: FakeQueue) -> None:
    queue.send("hello")
    queue.send({"unknown": 1})
    found, _ = read(collector(queue))
    assert sorted(found) == [
        "the message is no notification of S3: hello",
        'the message is no notification of S3: {"unknown": 1}',
    ]
    assert queue.waiting == (0, 0)


def test_a_message_that_is_never_committed_is_tried_alone_and_then_becomes_a_dead_letter(queue: FakeQueue) -> None:
    queue.put_file("a.json", "1")
    settings = {"max_receives": 2}
    state: Mapping[str, Any] = {}
    for _ in range(2):
        assert read(collector(queue, **settings), commit=False)[0] == ["1"]
    found, state = read(collector(queue, **settings), commit=False)
    assert found == ["1"]
    assert len(state["suspects"]) == 1
    found, state = read(collector(queue, **settings), state)
    assert len(found) == 1
    assert found[0].startswith("received 4 times and never stored: {")
    assert (queue.waiting, state) == ((0, 0), {"suspects": []})


def test_a_suspect_that_is_committed_is_none_any_more(queue: FakeQueue) -> None:
    queue.put_file("a.json", "1")
    for _ in range(2):
        read(collector(queue, max_receives=1), commit=False)
    found, state = read(collector(queue, max_receives=1))
    assert (found, state) == (["1"], {"suspects": []})


def test_an_object_that_may_not_be_read_stays_and_does_not_hold_up_others(queue: FakeQueue) -> None:
    queue.put_file("a.json", "1")
    queue.put_file("denied.json", "2")
    respond = queue.respond
    queue.respond = lambda request, fault: (  # type: ignore[method-assign]
        type(respond(request, fault))(403, b"<Error><Code>AccessDenied</Code></Error>")
        if request.method == "GET" and "denied" in request.path
        else respond(request, fault)
    )
    subject = collector(queue, max_receives=1)
    for _ in range(3):
        with pytest.raises(NeedsOperator, match=r"denied.json: access is denied; the identity needs s3:GetObject"):
            read(subject)
        assert queue.waiting == (1, 0)
    queue.respond = respond  # type: ignore[method-assign]
    assert read(subject)[0] == ["2"]


def test_messages_are_held_while_a_page_is_worked_on(queue: FakeQueue) -> None:
    queue.put_file("a.json", "1")
    subject = collector(queue, visibility_seconds=40)
    [stream] = subject.streams()
    pages = subject.read(stream, NOW, {})
    page = next(pages)
    before = len(queue.requests)
    subject._held.extend()
    [request] = queue.requests[before:]
    assert request.operation == "ChangeMessageVisibilityBatch"
    assert request.body.count(b'"VisibilityTimeout": 40') == len(page.acks) == 2


def test_large_objects_are_not_held_in_memory(queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "PAGE_BYTES", 50)
    queue.put_file("a.json", "1")
    queue.put_file("b.json", *"23456789")
    subject = collector(queue)
    page = next(iter(subject.read(subject.streams()[0], NOW, {})))
    gets = [request.path for request in queue.requests if request.method == "GET"]
    assert [path.rpartition("/")[2] for path in gets] == ["a.json"]
    assert contents(page) == list("123456789")


def test_the_same_object_has_the_origin_that_a_listing_gives_it(queue: FakeQueue) -> None:
    queue.put_file("a.json", "1")
    subject = collector(queue)
    page = next(iter(subject.read(subject.streams()[0], NOW, {})))
    etag = queue.s3.head_object(Bucket=queue.bucket, Key="a.json")["ETag"].strip('"')
    assert [blob.origin for blob in page.blobs] == [f"s3://{queue.bucket}/a.json#{etag}"]


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ((403, "AccessDeniedException"), "sqs:GetQueueAttributes on the queue"),
        ((400, "AWS.SimpleQueueService.NonExistentQueue"), "the queue does not exist: check queue_url and region"),
    ],
)
def test_a_refusal_says_what_the_operator_must_do(queue: FakeQueue, refusal: tuple[int, str], words: str) -> None:
    queue.refusal = refusal
    with pytest.raises(NeedsOperator, match=words):
        collector(queue).check()


def test_the_installed_plugin_has_one_stream(queue: FakeQueue, start_plugin: Callable[..., Any]) -> None:
    subject = start_plugin(Collector, "aws.sqs", {"queue_url": queue.queue, "log_type": "aws.vpc_flow"})
    assert [(stream.name, stream.log_type) for stream in subject.streams()] == [("messages", "aws.vpc_flow")]
