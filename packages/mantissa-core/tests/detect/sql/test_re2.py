"""RE2 expressions in the words of Trino's engine; ``engines/test_expressions.py`` runs them on a server."""

from __future__ import annotations

import pytest
from mantissa_core.detect.ir.tree import Regex
from mantissa_core.detect.sql.re2 import as_java
from mantissa_core.errors import RuleError


@pytest.mark.parametrize(
    ("pattern", "flags", "written"),
    [
        (r"^a[$]\$b$", "", r"^a[$]\$b(?![\s\S])"),
        ("(?i)pass", "", "[Pp][Aa][Ssſ][Ssſ]"),
        ("a(?i:b)c", "", "a(?:[Bb])c"),
        ("((?i)a)b", "", "([Aa])b"),
        ("x[b-d_]", "i", "[Xx][b-d_BCDbcd]"),
        (r"\x41\.", "i", r"[Aa]\."),
        (r"a\sb[\s-]", "", r"a[\t\n\f\r ]b[\t\n\f\r \-]"),
        (r"\bx", "", r"(?:(?<=\w)(?!\w)|(?<!\w)(?=\w))x"),
        ("^a$", "m", r"(?<![^\n])a(?![^\n])"),
        ("a.b", "s", "(?s)a.b"),
        ("[[&]", "", r"[\[\&]"),
    ],
)
def test_an_expression_is_written_for_joni(pattern: str, flags: str, written: str) -> None:
    assert as_java(Regex(pattern, flags), "Athena") == written


@pytest.mark.parametrize(
    ("pattern", "flags"),
    [("(?P<n>x)", ""), (r"\pN", ""), ("[[:alpha:]]", ""), (r"\Qx\E", ""), ("[a&&b]", ""), ("(?m)a", ""), ("(?-s)a", ""),
     ("a$*", ""), ("a+(?i)?", ""), ("ß", "i"), (r"[\W]", "i"), (r"[\x00-\x{ffff}]", "i")],
)  # fmt: skip
def test_what_joni_may_read_differently_is_refused(pattern: str, flags: str) -> None:
    with pytest.raises(RuleError, match="Athena may read differently"):
        as_java(Regex(pattern, flags), "Athena")
