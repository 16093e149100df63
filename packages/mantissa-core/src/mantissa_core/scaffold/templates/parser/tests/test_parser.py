from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from mantissa_core.errors import BadRecord
from mantissa_core.hookspecs import Parser
from mantissa_core.model import Blob
from mantissa_core.testing.parser import ParserContract, ParserSample

from mantissa_acme.parser import Gadget, to_json

LINES = b"""\
time=2025-03-04T09:15:02Z level=info msg="user logged in" user=ada
time=2025-03-04T09:15:03Z level=warn msg="quota \\"gold\\" is used up" user=lin retried

restarted at ="
time=2025-03-04T09:15:09Z msg="gr\xc3\xbc\xc3\x9fe" empty=
"""


class TestContract(ParserContract):
    translated = True
    samples = (
        ParserSample(
            LINES,
            records=(
                {"time": "2025-03-04T09:15:02Z", "level": "info", "msg": "user logged in", "user": "ada"},
                {
                    "time": "2025-03-04T09:15:03Z",
                    "level": "warn",
                    "msg": 'quota "gold" is used up',
                    "user": "lin",
                    "retried": True,
                },
                {"time": "2025-03-04T09:15:09Z", "msg": "grüße", "empty": ""},
            ),
            rejected=1,
        ),
        ParserSample(b"a=1\r\nb=2\r\n", records=({"a": "1"}, {"b": "2"})),
    )

    def make_parser(self) -> Gadget:
        return Gadget(Gadget.Config())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"a=1 a=2", "twice"),
        (b'a="x\\q"', "escape"),
        (b"a=\xff", "UTF-8"),
        (b"=1", "character 0"),
        (b'a="open', "character 0"),
        (b'a=1 b="x"y', "character 4"),
    ],
)
def test_a_line_that_is_no_logfmt_is_refused_with_the_reason(line: bytes, words: str) -> None:
    with pytest.raises(BadRecord, match=words):
        to_json(line)


def test_a_value_may_hold_anything_that_its_quotes_keep_together() -> None:
    assert json.loads(to_json(rb'url=http://a/?b=c text="a=b\tc \u00e9"')) == {
        "url": "http://a/?b=c",
        "text": "a=b\tc é",
    }


def test_it_starts_as_the_runtime_starts_it(start_plugin: Callable[..., Any]) -> None:
    parser = start_plugin(Parser, "acme.gadget", {"max_record_bytes": 10})
    blob = Blob("origin", "sample", lambda: io.BytesIO(b"a=1\nb=a-long-value\nc=3\n"))
    steps = list(parser.decode(blob))
    assert [record for step in steps for record in step.records] == [b'{"a": "1"}', b'{"c": "3"}']
    assert [each.position for step in steps for each in step.rejected] == [4]
