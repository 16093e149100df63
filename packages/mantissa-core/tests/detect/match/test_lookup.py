"""What a path finds in an event, and what a value's text is."""

from __future__ import annotations

from typing import Any

import pytest
from mantissa_core.detect.ir.text import fold, json_text, number_of, text_of
from mantissa_core.detect.match import lookup
from mantissa_core.model.values import values


@pytest.mark.parametrize(
    ("event", "path", "expected"),
    [
        ({"a": {"b": 1}}, "a.b", [1]),
        ({"a": [{"b": 1}, {"b": [2, None, [3]]}, 4]}, "a.b", [1, 2, 3]),
        ({"a": None}, "a", []),
        ({"a": {"b": {}}}, "a.b", [{}]),
        ({"a.b": 1}, "a.b", [1]),
        ({"a.b": 1, "a": {"b": 2}}, "a.b", [2]),
        ({"a.b": {"c": 1}}, r"a\.b.c", [1]),
        ({"a": "text"}, "a.b", []),
    ],
)
def test_a_path_finds(event: dict[str, Any], path: str, expected: list[Any]) -> None:
    assert values(event, path) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (True, "true"),
        (5, "5"),
        (5.0, "5"),
        (-0.0, "0"),
        (0.5, "0.5"),
        (2**70, str(2**70)),
        ({"b": None, "a": [1, None, {"c": None}]}, '{"a":[1,null,{}]}'),
        ({"big": 2**70}, f'{{"big":{2**70}}}'),
    ],
)
def test_a_value_has_one_text(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_json_text_does_not_depend_on_the_order_of_keys() -> None:
    assert json_text({"b": 1, "a": "é"}) == json_text({"a": "é", "b": 1}) == '{"a":"é","b":1}'


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5), ("-5.50", -5.5), ("1e3", 1000.0), ("9007199254740993", 9007199254740993)]
    + [(text, None) for text in ("", " 5", "5 ", "0x5", "five", "1_000", "٥", "inf", "nan", ".5", "5" * 400)],
)
def test_numbers_are_decimal(text: str, number: float | None) -> None:
    assert number_of(text) == number


def test_folding_is_arrow_s() -> None:
    assert (fold("İ"), fold("ΟΔΟΣ"), fold("É")) == ("i", "οδοσ", "é")


def test_leaves_are_every_scalar_and_no_name() -> None:
    assert sorted(lookup.leaves({"a": [1, {"b": "x"}], "c": None, "d": True})) == ["1", "true", "x"]
