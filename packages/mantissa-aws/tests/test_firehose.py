from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
from typing import Any

import pytest
from mantissa_aws import firehose
from mantissa_aws.firehose import handler
from test_cloudwatch_logs_decoder import CONTROL, EVENTS, TWO


def transform(*contents: bytes | str) -> list[tuple[str, bytes]]:
    """What becomes of records."""
    data = [each if isinstance(each, str) else base64.b64encode(each).decode() for each in contents]
    records = [{"recordId": str(number), "data": each} for number, each in enumerate(data)]
    answers: list[Any] = handler({"invocationId": "1", "records": records}, None)["records"]
    assert [answer["recordId"] for answer in answers] == [record["recordId"] for record in records]
    json.dumps(answers)
    return [(answer["result"], _plain(answer["data"])) for answer in answers]


def _plain(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        return data.encode()


def test_objects_become_lines() -> None:
    assert transform(b'{"a": 1.10}{"b": "\xc3\xbc"}\n', b'{\n "a": [1,\n 2]}') == [
        ("Ok", b'{"a": 1.10}\n{"b": "\xc3\xbc"}\n'),
        ("Ok", b'{"a":[1,2]}\n'),
    ]


def test_documents_of_cloudwatch_logs_become_their_events_and_control_messages_are_dropped() -> None:
    two, control = (gzip.compress(json.dumps(each).encode()) for each in (TWO, CONTROL))
    [ok, dropped] = transform(two, control)
    assert ok[0] == "Ok"
    assert [json.loads(line) for line in ok[1].splitlines()] == list(EVENTS)
    assert dropped == ("Dropped", b"")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"no JSON", id="no JSON"),
        pytest.param(b"[1]", id="an array"),
        pytest.param(b'{"a": 1', id="cut off"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(gzip.compress(b'{"a": 1}')[:-4], id="gzip cut off"),
        pytest.param(gzip.compress(b'{"a": 1}')[:10] + b"broken", id="gzip broken"),
        pytest.param(b'{"logEvents": 7}', id="log events that are none"),
        pytest.param(b"[" * 100_000, id="too deep"),
        pytest.param("no base64", id="no base64"),
    ],
)
def test_what_is_neither_fails_as_it_was_and_its_neighbours_do_not(content: bytes | str) -> None:
    before = content if isinstance(content, bytes) else content.encode()
    assert transform(b'{"a": 1}', content, b'{"b": 2}') == [
        ("Ok", b'{"a": 1}\n'),
        ("ProcessingFailed", before),
        ("Ok", b'{"b": 2}\n'),
    ]


def test_an_answer_that_lambda_could_not_give_leaves_records_to_the_error_prefix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(firehose, "MOST", 40)
    results = [result for result, _ in transform(b'{"a": 1}', b'{"b": "%s"}' % (b"x" * 30), b'{"c": 3}')]
    assert results == ["Ok", "ProcessingFailed", "Ok"]


def test_a_record_that_unpacks_to_too_much_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firehose, "LONGEST", 1_000)
    [(result, _)] = transform(gzip.compress(b'{"a": "%s"}' % (b"x" * 5_000)))
    assert result == "ProcessingFailed"


def test_the_function_loads_nothing_that_its_package_does_not_have() -> None:
    code = "import sys, mantissa_aws.firehose; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"boto3", "duckdb", "pluggy", "pyarrow", "pydantic"} & {name.partition(".")[0] for name in loaded}
