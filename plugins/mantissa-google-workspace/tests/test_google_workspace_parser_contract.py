from __future__ import annotations

import io
import json
from typing import Any

import pytest
from mantissa_core.model import Blob
from mantissa_core.testing.parser import Decoder, ParserContract, ParserSample
from mantissa_google_workspace import parser
from mantissa_google_workspace.parser import ActivityFile

COMMON: dict[str, Any] = {"id": {"applicationName": "drive"}}
TWO = {**COMMON, "events": [{"name": "edit"}, {"name": "acl", "parameters": [{"name": "doc_id", "value": "1"}]}]}
EDIT = {**COMMON, "name": "edit", "event_index": 0}
ACL = {**COMMON, "name": "acl", "event_index": 1, "parameters": {"doc_id": "1"}}
FLAT = {**COMMON, "name": "view"}


def line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


class TestActivityFile(ParserContract):
    translated = True  # an event repeats what its activity says
    samples = (
        ParserSample(line(TWO) + line(FLAT) + b"\n" + line(TWO), records=(EDIT, ACL, FLAT, EDIT, ACL)),
        ParserSample(line({}) + line(TWO)[:-1], records=({}, EDIT, ACL)),
    )

    def make_parser(self) -> Decoder:
        return ActivityFile(ActivityFile.Config())


def decoded(content: bytes) -> list[Any]:
    return list(ActivityFile(ActivityFile.Config()).decode(Blob("o", "n", lambda: io.BytesIO(content))))


@pytest.mark.parametrize("bad", [b'{"id": ', b"[1]", b'{"a": 1, "a": 2}', b'{"a": NaN}', b"\xff", b"[" * 100_000])
def test_a_line_that_is_no_activity_passes_and_spoils_no_other(bad: bytes) -> None:
    [step] = decoded(line(FLAT) + bad + b"\n" + line(TWO))
    assert step.records[1] == bad
    assert [json.loads(step.records[number]) for number in (0, 2, 3)] == [FLAT, EDIT, ACL]


def test_steps_are_bounded_and_end_where_a_line_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "RECORDS_PER_STEP", 3)
    size = len(line(TWO))
    steps = decoded(line(TWO) * 5)
    assert [(len(step.records), step.end) for step in steps] == [(4, 2 * size), (4, 4 * size), (2, 5 * size)]
    assert [position for step in steps for position in step.positions] == [
        number * size + index for number in range(5) for index in range(2)
    ]
