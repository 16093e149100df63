from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mantissa_aws import parser
from mantissa_aws.elements import Elements
from mantissa_aws.parser import CloudTrailFile
from mantissa_core.model import Blob, Decoded

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.lists(st.dictionaries(st.text(max_size=6) | st.just("Records"), VALUES, max_size=4), max_size=6)


def decode(content: bytes, offset: int = 0, final: bool = True, limit: int = 16 << 20) -> list[Decoded]:
    decoder = CloudTrailFile(CloudTrailFile.Config(max_record_bytes=limit))
    return list(decoder.decode(Blob("s3://b/k#1", "k", lambda: BytesIO(content), offset, final)))


def events(steps: Sequence[Decoded]) -> list[Any]:
    return [json.loads(record) for step in steps for record in step.records]


def rejections(steps: Sequence[Decoded]) -> list[tuple[str, int]]:
    return [(each.reason, each.position) for step in steps for each in step.rejected]


def document(records: Sequence[Any], indent: int | None = None) -> bytes:
    return json.dumps({"Records": records}, indent=indent, ensure_ascii=False).encode()


@given(RECORDS, st.sampled_from([None, 1]))
@settings(max_examples=60, deadline=None)
def test_a_document_yields_its_records_at_their_offsets(records: list[Any], indent: int | None) -> None:
    content = document(records, indent)
    steps = decode(content)
    assert events(steps) == records
    for step in steps:
        for record, position in zip(step.records, step.positions, strict=True):
            assert content[position : position + len(record)] == record
    positions = [position for step in steps for position in step.positions]
    assert all(earlier < later for earlier, later in pairwise(positions))
    assert rejections(steps) == []


@given(st.lists(RECORDS, min_size=1, max_size=3), st.sampled_from([None, 1]), st.integers(1, 40))
@settings(max_examples=80, deadline=None)
def test_scanning_finds_the_same_whatever_the_blocks(documents: list[list[Any]], indent: int | None, size: int) -> None:
    content = b"\n".join(document(records, indent) for records in documents)
    elements = Elements(0, 0, 1 << 20)
    steps = [elements.feed(content[at : at + size]) for at in range(0, len(content), size)]
    steps.append(elements.finish(None))
    assert events(steps) == [record for records in documents for record in records]
    assert rejections(steps) == []
    assert steps[-1].end == len(content)


@given(RECORDS.filter(bool), st.data())
@settings(max_examples=60, deadline=None)
def test_a_file_cut_anywhere_keeps_the_whole_records_before_the_cut(records: list[Any], data: st.DataObject) -> None:
    content = document(records)
    cut = data.draw(st.integers(len(b'{"Records": ['), len(content) - 1))
    steps = decode(content[:cut])
    found = events(steps)
    assert found == records[: len(found)]
    ends = [
        position + len(record)
        for step in decode(content)
        for record, position in zip(step.records, step.positions, strict=True)
    ]
    assert len(found) == sum(end <= cut for end in ends)
    assert len(rejections(steps)) == 1


def test_decoding_goes_on_from_the_end_of_a_step() -> None:
    records = [{"eventID": str(number), "n": [{"a": "]}{\\"}]} for number in range(5)]
    content = document(records)
    elements = Elements(0, 0, 1 << 20)
    first = elements.feed(content[: len(content) // 2])
    rest = decode(content, offset=first.end)
    assert events([first, *rest]) == records
    assert decode(content, offset=len(content)) == []


def test_a_document_that_grows_keeps_its_unfinished_record_for_later() -> None:
    content = document([{"eventID": "1"}, {"eventID": "2"}])
    steps = decode(content[:-8], final=False)
    assert events(steps) == [{"eventID": "1"}]
    assert rejections(steps) == []
    assert events(decode(content, offset=steps[-1].end)) == [{"eventID": "2"}]


def test_long_documents_come_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "RECORDS_PER_STEP", 2)
    content = document([{"eventID": str(number)} for number in range(5)])
    steps = decode(content)
    assert [len(step.records) for step in steps] == [2, 2, 1]
    assert steps[-1].end == len(content)
    assert events(decode(content, offset=steps[0].end)) == [{"eventID": str(number)} for number in range(2, 5)]


def test_documents_beyond_the_usual_size_are_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "WHOLE", 5_000)
    monkeypatch.setattr(parser, "HEAD", 1_000)
    records = [{"eventID": str(number), "text": "x" * 100} for number in range(100)]
    assert events(decode(document(records))) == records


def test_a_record_beyond_the_limit_is_rejected_and_its_neighbours_kept() -> None:
    records = [{"eventID": "1"}, {"text": "x" * 500}, {"eventID": "3"}]
    for content in (document(records), document(records) + document([])):
        steps = decode(content, limit=200)
        assert events(steps) == [records[0], records[2]]
        assert rejections(steps) == [
            ("a record of 512 bytes, longer than max_record_bytes = 200", content.index(b'{"text"'))
        ]


def test_an_endless_string_is_not_kept_in_memory() -> None:
    elements = Elements(0, 0, 1_000)
    elements.feed(b'{"Records": [{"text": "')
    for _ in range(64):
        elements.feed(b"x" * 1_000_000)
    step = elements.feed(b'"}, {"eventID": "2"}]}')
    assert events([step]) == [{"eventID": "2"}]
    assert [(each.size, len(each.raw)) for each in step.rejected] == [(64_000_012, 64 * 1024)]


def test_what_is_no_object_is_rejected() -> None:
    steps = decode(b'{"Records": [1, {"eventID": "1"}, "text", null, [2]]}')
    assert events(steps) == [{"eventID": "1"}]
    assert [reason for reason, _ in rejections(steps)] == ["not a JSON object"] * 4


def test_two_members_called_records_are_both_read() -> None:
    assert events(decode(b'{"Records": [{"eventID": "1"}], "Records": [{"eventID": "2"}]}')) == [
        {"eventID": "1"},
        {"eventID": "2"},
    ]


def test_an_object_behind_a_document_is_not_lost_in_silence() -> None:
    content = document([{"eventID": "1"}]) + b'\n{"eventID": "2"}\ntrailing'
    steps = decode(content)
    assert events(steps) == [{"eventID": "1"}]
    assert [reason for reason, _ in rejections(steps)] == ["an object without an array of Records", "not a JSON object"]


@pytest.mark.parametrize(
    "content",
    [
        b'{"eventID": "1"}\n{"eventID": "2"}\n',
        b'[{"eventID": "1"},\n {"eventID": "2"}]',
        b'\xef\xbb\xbf{"Records": [{"eventID": "1"}, {"eventID": "2"}]}',
        b'{"Records": [{"eventID": "1"}]}{"Records": [{"eventID": "2"}]}',
        b'{"Records": [{"eventID": "1"}], "extra": [{"a": 1}]}\n{"Records":[{"eventID": "2"}]}\n',
    ],
    ids=["lines", "array", "byte order mark", "two documents", "a document per line"],
)
def test_other_ways_to_keep_the_records_are_read(content: bytes) -> None:
    assert events(decode(content)) == [{"eventID": "1"}, {"eventID": "2"}]


def test_digests_and_empty_files_yield_nothing() -> None:
    digest = {
        "awsAccountId": "123456789012",
        "digestStartTime": "2025-03-04T09:00:00Z",
        "logFiles": [{"s3Bucket": "b"}],
    }
    for content in (json.dumps(digest).encode(), b"", b'{"Records": []}', b'{"Records":[]}\n'):
        steps = decode(content)
        assert events(steps) == []
        assert rejections(steps) == []
