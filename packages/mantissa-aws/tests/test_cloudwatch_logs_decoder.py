from __future__ import annotations

import gzip
import json
from io import BytesIO
from typing import Any

import pytest
from mantissa_aws import cloudwatch_logs
from mantissa_aws.cloudwatch_logs import CloudWatchLogsFile
from mantissa_core.model import Blob
from mantissa_core.parse.compression import open_blob
from mantissa_core.testing.parser import ParserContract, ParserSample

GROUP = {"owner": "1", "logGroup": "/aws/lambda/a", "logStream": "s", "subscriptionFilters": ["f"]}


def document(*messages: str, kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    events = [{"id": str(number), "timestamp": number, "message": text} for number, text in enumerate(messages)]
    return {"messageType": kind, **GROUP, "logEvents": events}


CONTROL = document("CWL CONTROL MESSAGE: Checking health of destination Firehose.", kind="CONTROL_MESSAGE")
TWO = document("START RequestId: 1\n", ' {"level": "ERROR", "user": "amara"}\n')
EVENTS = (
    {**GROUP, "id": "0", "timestamp": 0, "message": "START RequestId: 1\n"},
    {**GROUP, "id": "1", "timestamp": 1, "json": {"level": "ERROR", "user": "amara"}},
)


def decode(content: bytes, limit: int = 1 << 20) -> tuple[list[Any], list[str]]:
    """Events and the reasons of rejections."""
    decoder = CloudWatchLogsFile(CloudWatchLogsFile.Config(max_record_bytes=limit))
    steps = list(decoder.decode(open_blob(Blob("o", "k", lambda: BytesIO(content)))))
    events = [json.loads(record) for step in steps for record in step.records]
    return events, [each.reason for step in steps for each in step.rejected]


class TestCloudWatchLogsFile(ParserContract):
    translated = True
    samples = (
        ParserSample((json.dumps(TWO) * 2).encode(), EVENTS * 2),
        ParserSample((json.dumps(CONTROL) + "\n" + json.dumps(TWO, indent=1) + "\n").encode(), EVENTS),
        ParserSample(b"".join(json.dumps(event).encode() + b"\n" for event in EVENTS), EVENTS),
        ParserSample((json.dumps(TWO) + '{"level": 1} 7' + json.dumps(TWO)).encode(), EVENTS * 2, rejected=2),
    )

    def make_parser(self) -> CloudWatchLogsFile:
        return CloudWatchLogsFile(CloudWatchLogsFile.Config())


def test_members_of_gzip_one_after_another_are_read_also_when_compressed_twice() -> None:
    members = gzip.compress(json.dumps(TWO).encode()) + gzip.compress(json.dumps(CONTROL).encode())
    assert decode(members * 2) == ([*EVENTS, *EVENTS], [])
    assert decode(gzip.compress(members * 2)) == ([*EVENTS, *EVENTS], [])


@pytest.mark.parametrize("text", ['{"a": 1} trailing', "{broken", '{"a": NaN}', '["a"]', "", "{" * 5_000])
def test_a_message_that_is_no_json_object_stays_text(text: str) -> None:
    [event], _ = decode(json.dumps(document(text)).encode())
    assert event["message"] == text
    assert "json" not in event


def test_fields_that_a_filter_extracted_are_kept() -> None:
    said = document("a b")
    said["logEvents"][0]["extractedFields"] = {"first": "a"}
    [event], _ = decode(json.dumps(said).encode())
    assert event["extractedFields"] == {"first": "a"}


def test_a_document_beyond_the_limit_is_rejected_and_its_neighbours_are_kept() -> None:
    content = json.dumps(TWO) + json.dumps(document("x" * 3_000)) + json.dumps(TWO)
    events, reasons = decode(content.encode(), limit=1_000)
    assert events == [*EVENTS, *EVENTS]
    assert len(reasons) == 1
    assert "longer than max_record_bytes" in reasons[0]


def test_many_events_come_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudwatch_logs, "EVENTS_PER_STEP", 2)
    content = json.dumps(TWO).encode() * 3
    decoder = CloudWatchLogsFile(CloudWatchLogsFile.Config())
    steps = list(decoder.decode(Blob("o", "k", lambda: BytesIO(content))))
    assert [list(step.positions) for step in steps] == [[0, 1], [2, 3], [4, 5], []]
