"""CSV that spreadsheets do not run."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pytest
from mantissa_core.query.export import csv_text


def _rows(table):
    return list(csv.reader(io.StringIO(csv_text(table), newline="")))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"], ids=repr)
def test_a_text_that_is_a_formula_begins_with_an_apostrophe(text):
    assert _rows(pa.table({"a": [text]})) == [["a"], [f"'{text}"]]
    assert _rows(pa.table({text: [1]})) == [[f"'{text}"], ["1"]]


@pytest.mark.parametrize("text", ["", "a=1", "'=1", 'say "a, b"', "two\nlines", "amara@example.com"], ids=repr)
def test_another_text_stays_as_it_is(text):
    assert _rows(pa.table({"a": [text], "b": [None]})) == [["a", "b"], [text, ""]]


def test_numbers_stay_numbers_and_lists_become_json():
    table = pa.table({"n": [-1], "f": [-0.5], "l": [["=1", "é"]], "o": [{"k": "=1"}], "b": [b"\x01"], "t": [True]})
    assert _rows(table)[1] == ["-1", "-0.5", '["=1", "é"]', '{"k": "=1"}', "01", "True"]
