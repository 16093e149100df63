"""core.csv: rows, names, quotes, and files that grow."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.model import Blob, Rejected
from mantissa_core.parse.csv import CSV
from mantissa_core.testing.parser import Decoder, ParserContract, ParserSample
from pydantic import ValidationError

QUOTED = b'id,note,n\r\n1,"a, b",2\r\n\r\n2,"two\r\nlines, ""quoted""",9\r\n3,plain 5" disk,4\r\n'


class TestCSV(ParserContract):
    translated = True
    plain_text = True
    headed = True
    samples = (
        ParserSample(b"id,user\n1,amara\n2,lin\n", records=({"id": "1", "user": "amara"}, {"id": "2", "user": "lin"})),
        ParserSample(
            QUOTED,
            records=(
                {"id": "1", "note": "a, b", "n": "2"},
                {"id": "2", "note": 'two\r\nlines, "quoted"', "n": "9"},
                {"id": "3", "note": 'plain 5" disk', "n": "4"},
            ),
        ),
    )

    def make_parser(self) -> Decoder:
        return CSV(CSV.Config())


class TestWithoutNames(ParserContract):
    translated = True
    plain_text = True
    samples = (
        ParserSample(
            b"1;amara\n2;lin;x;y\n", records=({"a": "1", "b": "amara"}, {"a": "2", "b": "lin", "more": ["x", "y"]})
        ),
    )

    def make_parser(self) -> Decoder:
        return CSV(CSV.Config(columns=("a", "b"), delimiter=";"))


def decode(content: bytes, offset: int = 0, final: bool = True, **settings: Any) -> tuple[list[Any], list[Rejected]]:
    blob = Blob("o", "n", lambda: io.BytesIO(content), offset, final)
    steps = list(CSV(CSV.Config(**settings)).decode(blob))
    return [json.loads(each) for step in steps for each in step.records], [each for s in steps for each in s.rejected]


@pytest.mark.parametrize(
    ("content", "settings", "expected"),
    [
        (b"\xef\xbb\xbfa,b\n1,2", {}, [{"a": "1", "b": "2"}]),
        ("a,b\n1,é\n".encode("cp1252"), {"encoding": "cp1252"}, [{"a": "1", "b": "é"}]),
        ("a,b\n1,é\n".encode("utf-16"), {"encoding": "utf-16"}, [{"a": "1", "b": "é"}]),
        (b"a\tb\n1\t'x\ty'\n", {"delimiter": "\t", "quote": "'"}, [{"a": "1", "b": "x\ty"}]),
        (b"a,a,,a\n1,2,3,4\n", {}, [{"a": "1", "a_2": "2", "column_3": "3", "a_3": "4"}]),
        (b"a,b,c\n1\n", {"empty": "keep"}, [{"a": "1"}]),
        (b"a,b,c\n1,,3\n", {"empty": "keep"}, [{"a": "1", "b": "", "c": "3"}]),
        (b"a,b,c\n1,-2.5,007\n", {"numbers": ("a", "b", "c", "d")}, [{"a": 1, "b": -2.5, "c": "007"}]),
        (b"a,b\n1,\xff\n", {}, [{"a": "1", "b": "\\xff"}]),
        (b"a,b\n", {}, []),
        (b"", {}, []),
    ],
)
def test_tables_of_many_kinds(content, settings, expected):
    assert decode(content, **settings) == (expected, [])


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_a_quote_that_nothing_closes_costs_its_own_line(ending):
    found, rejected = decode(b'a,b\n1,2\n3,"open\n4,5\n6,7' + ending)
    assert found == [{"a": "1", "b": "2"}, {"a": "4", "b": "5"}, {"a": "6", "b": "7"}]
    assert [(each.raw, each.position, each.size) for each in rejected] == [(b'3,"open', 8, 8)]


def test_a_quote_is_not_looked_for_without_end():
    rows = b"".join(b"%d,x\n" % number for number in range(2_000))
    found, rejected = decode(b'a,b\n0,"open\n' + rows, max_record_bytes=1_000)
    assert len(found) == 2_000
    assert [each.raw for each in rejected] == [b'0,"open']


def test_a_row_that_is_too_long_is_passed_over():
    found, rejected = decode(b"a,b\n1," + b"x" * 5_000_000 + b"\n2,y\n", max_record_bytes=1_000)
    assert found == [{"a": "2", "b": "y"}]
    assert [(each.position, each.size) for each in rejected] == [(4, 5_000_002 + 1)]


def test_names_are_known_where_decoding_goes_on():
    names, first, second = b'"a","b ""x"""\n', b"1,2\n", b"3,4\n"
    content = names + first + second
    assert decode(content, offset=len(names + first))[0] == [{"a": "3", 'b "x"': "4"}]


@pytest.mark.parametrize(
    "wrong", [{"delimiter": ",,"}, {"delimiter": "\n"}, {"quote": ","}, {"encoding": "utf-9"}, {"columns": ("a", "a")}]
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValidationError):
        CSV.Config(**wrong)


CELLS = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters='\n",'), max_size=6)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=20))
def test_what_is_written_as_csv_is_read_again(rows):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *rows])
    found, rejected = decode(text.getvalue().encode(), empty="keep")
    assert rejected == []
    assert [list(each.values()) for each in found] == rows
