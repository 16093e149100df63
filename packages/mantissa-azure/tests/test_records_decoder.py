from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import fastavro
from fake_capture import captured, wrapped
from mantissa_azure.capture import PLACES
from mantissa_azure.parser import LINES, RecordsFile
from mantissa_core.hookspecs import Parser
from mantissa_core.model import Blob, Decoded
from mantissa_core.parse.compression import open_blob


def decode(content: bytes, offset: int = 0, context: dict[str, Any] | None = None, **settings: Any) -> list[Decoded]:
    blob = Blob("origin", "name", lambda: io.BytesIO(content), offset, context=context or {})
    return list(RecordsFile(RecordsFile.Config(**settings)).decode(open_blob(blob)))


def records(steps: list[Decoded]) -> list[Any]:
    return [json.loads(record) for step in steps for record in step.records]


def reasons(steps: list[Decoded]) -> list[str]:
    return [each.reason for step in steps for each in step.rejected]


def test_a_compressed_document_is_one_too() -> None:
    assert records(decode(gzip.compress(wrapped([{"a": 1}, {"a": 2}])))) == [{"a": 1}, {"a": 2}]


def test_a_part_of_lines_is_never_taken_for_a_document() -> None:
    line = wrapped([{"a": 1}]) + b"\n"
    [step] = decode(line, context={"format": LINES})
    assert (list(step.records), step.end) == ([line.strip()], len(line))


def test_categories_that_are_not_asked_for_are_passed_over() -> None:
    events = [{"category": "SignInLogs", "n": 1}, {"category": "AuditLogs", "n": 2}, {"n": 3}]
    content = b"".join(json.dumps(event).encode() + b"\n" for event in events) + b'{"category": 5}\n'
    kept = records(decode(content, context={"categories": ["SignInLogs"]}))
    assert kept == [events[0], events[2], {"category": 5}]


def test_positions_in_a_capture_name_the_message_and_the_place_in_it() -> None:
    content = captured(wrapped([{"a": 1}, {"a": 2}]), wrapped([{"a": 3}]))
    [step] = decode(content)
    assert (list(step.positions), step.end) == ([0, 1, PLACES], 2 * PLACES)
    assert records(decode(content, offset=PLACES)) == [{"a": 3}]


def test_the_good_records_of_a_damaged_message_survive() -> None:
    steps = decode(captured(b'{"records": [{"a": 1}, 5, {"a": 2}, {"a":', wrapped([{"a": 3}])))
    assert records(steps) == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert reasons(steps) == ["not a JSON object", "the text ends in the middle of this element"]


def test_a_record_that_is_too_large_is_rejected_alone() -> None:
    steps = decode(captured(wrapped([{"a": "x" * 100}, {"a": 1}])), max_record_bytes=50)
    assert records(steps) == [{"a": 1}]
    assert reasons(steps) == ["109 bytes, longer than max_record_bytes = 50"]


def test_a_capture_that_is_cut_keeps_its_whole_messages() -> None:
    content = captured(wrapped([{"a": 1}]), wrapped([{"a": 2}]))
    steps = decode(content[:-30])
    assert records(steps) == [{"a": 1}]
    assert len(reasons(steps)) == 1
    assert reasons(steps)[0].startswith("the Avro file cannot be read behind message 1")


def test_avro_of_another_kind_is_rejected() -> None:
    file = io.BytesIO()
    fastavro.writer(file, {"type": "record", "name": "Row", "fields": [{"name": "a", "type": "int"}]}, [{"a": 1}])
    assert reasons(decode(file.getvalue())) == [
        "the Avro file cannot be read behind message 0: its records have no Body: it is none of Event Hubs Capture"
    ]


def test_a_capture_of_many_messages_comes_in_steps() -> None:
    body = wrapped([{"n": number} for number in range(500)])
    steps = decode(captured(*[body] * 50))
    assert sum(len(step.records) for step in steps) == 25_000
    assert max(len(step.records) for step in steps) <= 10_500


def test_the_decoder_is_installed(start_plugin: Callable[..., Parser]) -> None:
    subject = start_plugin(Parser, "azure.records", {})
    [step] = subject.decode(Blob("origin", "name", lambda: io.BytesIO(b'{"a": 1}\n')))
    assert list(step.records) == [b'{"a": 1}']
