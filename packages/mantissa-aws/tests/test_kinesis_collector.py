from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_aws import Answer, Request
from fake_kinesis import SHARDS, FakeKinesis
from hypothesis import given, settings
from hypothesis import strategies as st
from mantissa_aws.kinesis import KinesisCollector
from mantissa_aws.kpl import MAGIC, unpacked
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Window
from mantissa_core.parse.json_lines import JSONLines
from mantissa_core.testing.collector import CollectorContract, Fault

NOW = Window(datetime(2025, 3, 4, tzinfo=UTC), datetime(2025, 3, 4, tzinfo=UTC))


@pytest.fixture
def kinesis(moto: str) -> Iterator[FakeKinesis]:
    with FakeKinesis(moto) as fake:
        yield fake


def collector(kinesis: FakeKinesis, **settings: Any) -> KinesisCollector:
    config = {"stream_name": kinesis.name, "endpoint_url": kinesis.url, "timeout": 2, **settings}
    return KinesisCollector(KinesisCollector.Config.model_validate(config))


def read_all(subject: KinesisCollector, states: dict[str, Mapping[str, Any]]) -> list[bytes]:
    """One run over every shard; ``states`` holds their progress."""
    found = []
    for stream in subject.streams():
        for page in subject.read(stream, NOW, states.get(stream.name, {})):
            found += [blob.open().read() for blob in page.blobs]
            states[stream.name] = page.next_state
    return found


class TestKinesisCollector(CollectorContract):
    secrets = ("secret-of-the-tests",)

    @pytest.fixture
    def source(self, kinesis: FakeKinesis) -> FakeKinesis:
        return kinesis

    def collector(self, source: FakeKinesis) -> KinesisCollector:
        keys = {"access_key_id": "AKIAEXAMPLE000000001", "secret_access_key": "secret-of-the-tests"}
        return collector(source, records_per_page=source.page_size, **keys)

    def decoder(self) -> JSONLines:
        return JSONLines(JSONLines.Config())


def test_records_are_known_by_their_sequence_numbers(kinesis: FakeKinesis) -> None:
    kinesis.put_record(b"{}")
    subject = collector(kinesis)
    [page] = subject.read(subject.streams()[0], NOW, {})
    place = f"kinesis:{kinesis.name}/{SHARDS[0]}#{page.next_state['sequence']}"
    assert [blob.origin for blob in page.blobs] == [place]
    assert isinstance(page.next_state["sequence"], str)


def test_new_shards_are_read_after_the_one_that_they_came_from(kinesis: FakeKinesis) -> None:
    for shard in (2, 1, 0):
        kinesis.put_record(f"{shard}".encode(), shard)
    kinesis.split()
    subject = collector(kinesis)
    parent, *children = subject.streams()
    assert [list(subject.read(child, NOW, {})) for child in children] == [[], []]
    [page] = subject.read(parent, NOW, {})
    assert page.next_state["closed"] is True
    states: dict[str, Mapping[str, Any]] = {parent.name: page.next_state}
    assert read_all(collector(kinesis), states) == [b"1", b"2"]
    assert read_all(collector(kinesis), states) == []


def test_a_shard_whose_last_page_was_not_committed_is_not_at_its_end(kinesis: FakeKinesis) -> None:
    kinesis.put_record(b"0")
    kinesis.split()
    subject = collector(kinesis)
    parent, child, _ = subject.streams()
    pages = iter(subject.read(parent, NOW, {}))
    next(pages)
    del pages  # the commit failed
    assert list(subject.read(child, NOW, {})) == []


def test_a_shard_that_was_begun_does_not_wait(kinesis: FakeKinesis) -> None:
    kinesis.put_record(b"1", 1)
    kinesis.split()
    states: dict[str, Mapping[str, Any]] = {}
    assert read_all(collector(kinesis), states) == [b"1"]
    kinesis.put_record(b"2", 1)
    subject = collector(kinesis)
    child = subject.streams()[1]
    [page] = subject.read(child, NOW, states[child.name])
    assert [blob.open().read() for blob in page.blobs] == [b"2"]


def answering(kinesis: FakeKinesis, operation: str, *answers: Answer) -> None:
    """Give these answers first."""
    left, respond = list(answers), kinesis.respond

    def answer(request: Request, fault: Fault | None) -> Answer:
        return left.pop(0) if left and request.operation == operation else respond(request, fault)

    kinesis.respond = answer  # type: ignore[method-assign]


EXPIRED = Answer(400, b'{"__type": "ExpiredIteratorException", "message": "Iterator expired."}')


def test_an_iterator_that_expired_is_renewed(kinesis: FakeKinesis) -> None:
    kinesis.put_record(b"1")
    answering(kinesis, "GetRecords", EXPIRED, EXPIRED)
    assert read_all(collector(kinesis), {}) == [b"1"]
    answering(kinesis, "GetRecords", EXPIRED, EXPIRED, EXPIRED)
    with pytest.raises(Retry, match="expire before they can be used"):
        read_all(collector(kinesis), {})


def test_gaps_in_a_shard_are_passed(kinesis: FakeKinesis) -> None:
    kinesis.put_record(b"1")
    following = kinesis.iterator(SHARDS[0])
    empty = json.dumps({"Records": [], "NextShardIterator": following, "MillisBehindLatest": 9}).encode()
    answering(kinesis, "GetRecords", Answer(body=empty), Answer(body=empty))
    assert read_all(collector(kinesis), {}) == [b"1"]


def test_reading_may_begin_at_a_time(kinesis: FakeKinesis) -> None:
    kinesis.put_record(b"1")
    assert read_all(collector(kinesis, since=datetime.now(UTC) + timedelta(hours=1)), {}) == []
    assert read_all(collector(kinesis, since=datetime.now(UTC) - timedelta(hours=1)), {}) == [b"1"]


@pytest.mark.parametrize(
    ("refusal", "error", "words"),
    [
        ((400, "AccessDeniedException"), NeedsOperator, "kinesis:ListShards"),
        ((400, "ResourceNotFoundException"), NeedsOperator, "does not exist"),
        ((400, "ProvisionedThroughputExceededException"), Retry, "throttles"),
    ],
)
def test_a_refusal_says_what_to_do(
    kinesis: FakeKinesis, refusal: tuple[int, str], error: type[Exception], words: str
) -> None:
    kinesis.refusal = refusal
    with pytest.raises(error, match=words):
        collector(kinesis).check()


def varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80]) + varint(value >> 7) if value > 0x7F else bytes([value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def packed(*records: bytes) -> bytes:
    """As the Kinesis Producer Library writes it: keys, then records of a key's index, data and a tag."""
    tag = field(4, field(1, b"name") + field(2, b"value"))
    body = field(1, b"key") + field(2, b"12345")
    body += b"".join(field(3, varint(1 << 3) + varint(300) + field(3, data) + tag) for data in records)
    return MAGIC + body + hashlib.md5(body, usedforsecurity=False).digest()


@given(st.lists(st.binary(max_size=300), max_size=5))
@settings(max_examples=30, deadline=None)
def test_packed_records_are_unpacked(records: list[bytes]) -> None:
    assert unpacked(packed(*records)) == records


@given(st.binary(max_size=60))
@settings(max_examples=100, deadline=None)
def test_other_records_are_left_as_they_are(data: bytes) -> None:
    assert unpacked(data) is None
    assert unpacked(MAGIC + data) is None
    body = b"\x1a" + data
    unpacked(MAGIC + body + hashlib.md5(body, usedforsecurity=False).digest())  # never raises


def test_packed_records_are_events_of_their_own(kinesis: FakeKinesis) -> None:
    kinesis.put_record(packed(b"1", b"2"))
    subject = collector(kinesis)
    [page] = subject.read(subject.streams()[0], NOW, {})
    assert [(blob.origin[-2:], blob.open().read()) for blob in page.blobs] == [(".0", b"1"), (".1", b"2")]


def test_the_installed_plugin_has_a_stream_for_each_shard(
    kinesis: FakeKinesis, start_plugin: Callable[..., Any]
) -> None:
    subject = start_plugin(Collector, "aws.kinesis", {"stream_name": kinesis.name, "endpoint_url": kinesis.url})
    assert [(each.name, each.log_type, each.windowed) for each in subject.streams()] == [
        (SHARDS[0], "aws.cloudwatch_logs", False)
    ]
