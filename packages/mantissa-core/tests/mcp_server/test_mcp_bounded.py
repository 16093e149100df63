"""What is too long for a client is cut, whatever it is, and says so."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.mcp.bounded import fit, short, shrink, size, visible

TEXT = st.text(max_size=100) | st.sampled_from(["\\" * 900, '"' * 900, "\u202e" * 900, "x" * 5_000])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=20), inner, max_size=8),
    max_leaves=20,
)
ROWS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3), max_size=12)


@given(ROWS, st.integers(200, 5_000))
def test_rows_fit_and_nothing_is_left_out_without_a_word(rows, room):
    kept, cut = fit(rows, room)
    assert len(json.dumps(kept, ensure_ascii=False, separators=(",", ":"))) <= room + 2
    assert len(kept) <= len(rows)
    if not cut:
        assert [set(each) for each in kept] == [{name for name in row if row[name] is not None} for row in rows]
    else:
        assert kept != rows


@given(st.dictionaries(st.text(max_size=20), VALUES, max_size=8), st.integers(300, 5_000))
def test_a_document_fits(document, room):
    made, cut = shrink(document, room)
    assert size(made) <= room
    assert cut or made.keys() == {visible(each) for each in document}


@given(st.text())
def test_what_is_shown_hides_nothing_and_keeps_lines(text):
    shown = visible(text)
    assert all(unicodedata.category(each) not in ("Cc", "Cf", "Cs", "Co") for each in shown if each not in "\n\t")
    assert [each for each in shown if each in "\n\t"] == [each for each in text if each in "\n\t"]


def test_rows_that_fit_stay_whole_and_otherwise_cells_are_cut_before_rows():
    rows = [{"a": "x" * 1_000} for _ in range(5)]
    assert fit(rows, 10_000) == (rows, False)
    kept, cut = fit(rows, 3_000)
    assert (len(kept), cut) == (5, True)
    assert kept[0]["a"] == "x" * 300 + "… (cut from 1,000 characters)"
    assert fit(rows, 100)[0] == [{"a": "x" * 60 + "… (cut from 1,000 characters)"}]
    assert short("abc", 3) == "abc"
