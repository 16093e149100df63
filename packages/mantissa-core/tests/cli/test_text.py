"""Text from logs reaches the terminal as text."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.cli.output import cell, number, plural, size
from mantissa_core.cli.text import one_line, printable


@given(st.text())
def test_nothing_printed_can_steer_a_terminal(text):
    shown = printable(text)
    assert all(char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn") for char in shown)


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S"), include_characters=" \n\t")))
def test_ordinary_text_is_printed_as_it_is(text):
    assert printable(text) == text


@given(st.text())
def test_a_cell_is_one_line(text):
    assert len(one_line(text).splitlines()) <= 1


def test_escapes_and_reordering_are_spelled_out():
    assert printable("\x1b[31mred\u202egnp") == "\\x1b[31mred\\u202egnp"


def test_values_read_well():
    assert cell(None) == ""
    assert cell(True) == "yes"
    assert cell(["a", "b"]) == "a, b"
    assert cell({"a": "[red]"}) == '{"a": "[red]"}'
    assert [size(each) for each in (999, 1_500, 2_500_000)] == ["999 B", "1.5 KB", "2.5 MB"]
    assert number(1234567) == "1,234,567"
    assert [plural(count, "alert") for count in (1, 2)] == ["1 alert", "2 alerts"]
