"""Random regular expressions: what Trino finds with those written for it is what RE2 finds."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest
import re2  # type: ignore[import-untyped]
from hypothesis import strategies as st
from mantissa_core.detect.ir.tree import Regex
from mantissa_core.detect.sql.re2 import as_java
from mantissa_core.errors import RuleError

from .clients import Engine
from .drawing import drawn

EXPRESSIONS = int(os.environ.get("MANTISSA_EXAMPLES", "400"))

ATOMS = [
    "a", "s", "k", "ss", "S", "é", "É", r"\s", r"\S", r"\w", r"\W", r"\d", r"\D", r"\b", r"\B", ".", "[a-z]",
    "[^a-z]", r"[\s\d]", r"[\s\S]", r"[^\S]", r"[^\W]", "[A-K]", "[^k]", r"\x41", r"\x{73}", r"\.", r"\\", "/",
    r"[\\/]", "_", "[a-]", "[]x]", "[^]x]", "[[x]", "[a&b]", r"\t", r"\n", r"\v", "(?:a|S)", "(a|b)", "(?i:k)",
    "(?s:.)", "(?i)", r"\/", "$", "^", r"\A", r"\z", "|", "σ", "Σ", "[α-ω]", "[ -~]", "\u212a", "ſ", "{", "}", "]",
    "a{,2}", "ı", r"\'", "~", "[!-/]", " ",
]  # fmt: skip
PIECES = st.tuples(st.sampled_from(ATOMS), st.sampled_from(["", "", "", "", "*", "+", "?", "{1,2}", "*?"])).map("".join)
PATTERNS = st.lists(PIECES, min_size=1, max_size=4).map("".join)
FLAGS = st.sampled_from(["", "", "i", "i", "s", "is", "m"])
TEXTS = [
    "", "a", "A", "s", "S", "ss", "ß", "ẞ", "k", "K", "\u212a", "ſ", "é", "É", "éa", "aé", "a b", "a\tb", "a\nb",
    "\n", "a\n", "\n\n", "a\x0bb", "\x0b", "\x0c", "\r", "a\rb", "\x85", "\u2028", "\xa0", "1", "٣", "_", "a_", "-",
    "[", "]", "x", "aa", "a{,2}", "{", "}", "/", "\\", "σ", "ς", "Σ", "😀", "İ", "i", "ı", "&", "ab", "ss k", "a-s",
    "~",
]  # fmt: skip


def test_trino_finds_by_an_expression_what_re2_finds(engine: Engine) -> None:
    if engine.name != "athena":
        pytest.skip("its expressions are RE2's own")
    written = {}
    for pattern, flags in drawn(st.tuples(PATTERNS, FLAGS), EXPRESSIONS):
        with suppress(re2.error, RuleError):
            expression = Regex(pattern, flags)
            written[expression] = (re2.compile(str(expression), _quiet()), as_java(expression, "Athena"))
    assert len(written) > EXPRESSIONS / 4
    expressions = list(written)
    texts = ", ".join(map(_quoted, TEXTS))
    for start in range(0, len(expressions), 100):
        part = expressions[start : start + 100]
        columns = ", ".join(f"FILTER(t, e -> REGEXP_LIKE(e, {_quoted(written[each][1])}))" for each in part)
        (row,) = engine.run(f"SELECT {columns} FROM (SELECT ARRAY[{texts}] AS t)")
        for expression, found in zip(part, row, strict=True):
            assert found == [text for text in TEXTS if written[expression][0].search(text)], expression


def _quiet() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    return options


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
