from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from mantissa_core.model import Blob, Decoded
from mantissa_core.testing.parser import ParserContract, ParserSample
from mantissa_salesforce.parser import ROWS_PER_STEP, EventLogCSV

HEADER = b'"EVENT_TYPE","USER_ID","QUERY","ROWS_PROCESSED","URI"\n'
ONE = b'"API","0055j000000utlP","SELECT Id, ""x""\n\nFROM Account","150000","/query"\n'
TWO = b'"Login","0055j000000utlQ","","","/index.jsp"\n'
FIRST = {
    "EVENT_TYPE": "API",
    "USER_ID": "0055j000000utlP",
    "QUERY": 'SELECT Id, "x"\n\nFROM Account',
    "ROWS_PROCESSED": 150_000,
    "URI": "/query",
}
SECOND = {"EVENT_TYPE": "Login", "USER_ID": "0055j000000utlQ", "URI": "/index.jsp"}


class TestEventLogFile(ParserContract):
    translated = True
    samples = (
        ParserSample(HEADER + ONE + TWO, (FIRST, SECOND)),
        ParserSample(b"\xef\xbb\xbf" + HEADER.replace(b"\n", b"\r\n") + TWO.replace(b"\n", b"\r\n"), (SECOND,)),
        ParserSample(HEADER + TWO + b'"Login","only two"\n' + TWO + b'"Login","a" b,"","",""\n', (SECOND, SECOND), 2),
        ParserSample(
            b'{"EVENT_TYPE": "Login"}\n{"EVENT_TYPE": "API"}\n', ({"EVENT_TYPE": "Login"}, {"EVENT_TYPE": "API"})
        ),
    )

    def make_parser(self) -> EventLogCSV:
        return EventLogCSV(EventLogCSV.Config())


def decoding(content: bytes, **settings: Any) -> Iterator[Decoded]:
    blob = Blob("origin", "file", lambda: io.BytesIO(content))
    return EventLogCSV(EventLogCSV.Config.model_validate(settings)).decode(blob)


def decode(content: bytes, **settings: Any) -> list[Decoded]:
    return list(decoding(content, **settings))


def records(steps: list[Decoded]) -> list[dict[str, Any]]:
    return [json.loads(record) for step in steps for record in step.records]


def reasons(steps: list[Decoded]) -> list[str]:
    return [each.reason for step in steps for each in step.rejected]


def test_positions_are_where_rows_begin() -> None:
    steps = decode(HEADER + ONE + TWO)
    assert [position for step in steps for position in step.positions] == [len(HEADER), len(HEADER + ONE)]


def test_a_last_row_without_a_line_feed_is_whole_where_its_last_value_is_closed() -> None:
    assert records(decode(HEADER + TWO.rstrip())) == [SECOND]
    steps = decode(HEADER + TWO + b'"Login","0055j000000utlQ","","",/ind')
    assert (records(steps), reasons(steps)) == ([SECOND], ["the file ends in the middle of this row"])


@pytest.mark.parametrize(
    "content", [b"<html><body>Down</body></html>\n" + TWO, b'"A","A"\n' + TWO, b'"not a name"\n', b'"A" x\n' + TWO]
)
def test_a_file_that_names_no_fields_is_rejected_once(content: bytes) -> None:
    steps = decode(content)
    assert records(steps) == []
    assert len(reasons(steps)) == 1


@pytest.mark.parametrize("size", [100_000, 5 << 20], ids=["whole", "in pieces"])
def test_a_row_that_is_too_long_costs_itself_alone(size: int) -> None:
    long = b'"API","x","' + b"a" * size + b'","",""\n'
    steps = decode(HEADER + TWO + long + TWO, max_record_bytes=50_000)
    assert records(steps) == [SECOND, SECOND]
    assert reasons(steps) == ["a row of more than 50,000 bytes"]
    [rejected] = [each for step in steps for each in step.rejected]
    assert len(rejected.raw) <= 64 * 1024


def test_a_quotation_mark_that_is_never_closed_does_not_fill_the_memory() -> None:
    content = HEADER + TWO + b'"API","' + b"line after line\n" * 20_000
    tracemalloc.start()
    found = [(len(step.records), bool(step.rejected)) for step in decoding(content)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(count for count, _ in found) == 1
    assert any(rejected for _, rejected in found)
    assert peak < len(content) + (8 << 20)


def test_bytes_that_are_no_text_cost_one_row() -> None:
    steps = decode(HEADER + TWO.replace(b"/index", b"/\xff") + TWO)
    assert (records(steps), reasons(steps)) == ([SECOND], ["not UTF-8"])


def test_what_is_no_whole_number_stays_text() -> None:
    row = b'"API","x","","1e9","%s"\n'
    [record] = records(decode(HEADER + row))
    assert record["ROWS_PROCESSED"] == "1e9"


def test_a_large_file_comes_in_steps() -> None:
    steps = decode(HEADER + TWO * (2 * ROWS_PER_STEP + 1))
    assert [len(step.records) for step in steps] == [ROWS_PER_STEP, ROWS_PER_STEP, 1]


def test_rows_that_are_none_come_in_steps_too() -> None:
    steps = decode(HEADER + b'"x"\n' * (ROWS_PER_STEP + 1))
    assert [len(step.rejected) for step in steps] == [ROWS_PER_STEP, 1]
