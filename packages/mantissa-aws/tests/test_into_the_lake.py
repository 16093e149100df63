"""Whole instances: what the queue and the stream announce is in the lake once, and what cannot be had is told."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator

import pytest
from fake_kinesis import FakeKinesis
from fake_queue import FakeQueue
from mantissa_core import Runtime
from test_cloudwatch_logs_decoder import TWO
from test_vpc_flow_decoder_contract import LINE


@pytest.fixture
def queue(moto: str) -> Iterator[FakeQueue]:
    with FakeQueue(moto) as fake:
        yield fake


@pytest.fixture
def kinesis(moto: str) -> Iterator[FakeKinesis]:
    with FakeKinesis(moto) as fake:
        yield fake


def ask(runtime: Runtime, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in runtime.query(sql).rows.to_pylist()]


def test_objects_that_a_queue_announces_are_stored_once(queue: FakeQueue, mantissa: Callable[..., Runtime]) -> None:
    settings = {"plugin": "aws.sqs", "queue_url": queue.queue, "log_type": "aws.vpc_flow", "wait_seconds": 0}
    runtime = mantissa(collectors={"flows": {**settings, "endpoint_url": queue.url}})
    for key, content in {"a": f"{LINE}\n{LINE}\n", "gone": LINE, "b": f"{LINE}\nbroken\n"}.items():
        queue.s3.put_object(Bucket=queue.bucket, Key=key, Body=gzip.compress(content.encode(), mtime=0))
    queue.s3.delete_object(Bucket=queue.bucket, Key="gone")
    queue.send("hello")
    list(runtime.collect())
    queue.announce_again()
    list(runtime.collect())
    assert queue.waiting == (0, 0)
    assert ask(runtime, "SELECT dstport, count(*) FROM aws_vpc_flow GROUP BY ALL") == [(22, 3)]
    assert [reason for (reason,) in ask(runtime, "SELECT DISTINCT reason FROM dead_letter ORDER BY 1")] == [
        "found 1, expected 14 fields",
        f"s3://{queue.bucket}/gone was announced but is not there",
        "the message is no notification of S3: hello",
    ]


def test_records_of_a_stream_are_stored_once(kinesis: FakeKinesis, mantissa: Callable[..., Runtime]) -> None:
    settings = {"plugin": "aws.kinesis", "stream_name": kinesis.name, "endpoint_url": kinesis.url}
    runtime = mantissa(collectors={"logs": settings})
    kinesis.put_record(gzip.compress(json.dumps(TWO).encode()))
    list(runtime.collect())
    kinesis.split()
    kinesis.put_record(json.dumps({**TWO, "logStream": "other"}).encode(), 2)
    for _ in range(3):
        list(runtime.collect())
    found = ask(runtime, "SELECT logStream, json_level, message FROM aws_cloudwatch_logs ORDER BY 1, 2 NULLS FIRST")
    assert found == [
        ("other", None, "START RequestId: 1\n"),
        ("other", "ERROR", None),
        ("s", None, "START RequestId: 1\n"),
        ("s", "ERROR", None),
    ]
