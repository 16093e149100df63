"""From a detection section to the tree, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from mantissa_core.detect.ir.compile import compile_detection
from mantissa_core.detect.ir.derive import pins, witnesses
from mantissa_core.detect.ir.tree import And, FieldRef, Glob, Node, Not, Op, Or, Predicate, Regex, Wild
from mantissa_core.errors import RuleError


def tree(selection: Any, **placeholders: list[str]) -> Node:
    return compile_detection({"selection": selection, "condition": "selection"}, placeholders)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"a": "x"}, Predicate("a", Op.EQ, ("x",))),
        ({"a": ["x", 5]}, Predicate("a", Op.EQ, ("x", 5))),
        ({"a": True}, Predicate("a", Op.EQ, ("true", "1"))),
        ({"a": "*x*"}, Predicate("a", Op.CONTAINS, ("x",))),
        ({"a": "x*"}, Predicate("a", Op.STARTSWITH, ("x",))),
        ({"a": "**x"}, Predicate("a", Op.ENDSWITH, ("x",))),
        ({"a": "x?*"}, Predicate("a", Op.WILDCARD, (Glob(("x", Wild.ONE, Wild.MANY)),))),
        ({"a": "**"}, Predicate("a", Op.EXISTS)),
        ({"a": None}, Predicate("a", Op.NULL)),
        ({"a": []}, Predicate("a", Op.NULL)),
        ({"a|exists": False}, Predicate("a", Op.NULL)),
        ({"a|re|i|m": "x.*"}, Predicate("a", Op.REGEX, (Regex("x.*", "im"),))),
        ({"a|cidr": "10.0.0.0/8"}, Predicate("a", Op.CIDR, ("10.0.0.0/8",))),
        ({"a|fieldref": "b"}, Predicate("a", Op.FIELD, (FieldRef("b"),))),
        ({"a|gte": 1.5}, Predicate("a", Op.GTE, (1.5,))),
        ({"a|neq": "x"}, Not(Predicate("a", Op.EQ, ("x",)))),
        (["x", "y"], Predicate(None, Op.CONTAINS, ("x", "y"))),
        ({"a": "x", "b": "y"}, And((Predicate("a", Op.EQ, ("x",)), Predicate("b", Op.EQ, ("y",))))),
        ([{"a": "x"}, {"b": "y"}], Or((Predicate("a", Op.EQ, ("x",)), Predicate("b", Op.EQ, ("y",))))),
        ([{"a": "x"}, {"a": "y"}], Predicate("a", Op.EQ, ("x", "y"))),
    ],
)
def test_a_selection_becomes(selection: Any, expected: Node) -> None:
    assert tree(selection) == expected


def test_placeholders_become_the_values_of_their_list() -> None:
    node = tree({"user|expand": "%admins%"}, admins=["root", "svc-*"])
    assert node == Or((Predicate("user", Op.EQ, ("root",)), Predicate("user", Op.STARTSWITH, ("svc-",))))


def test_placeholders_inside_a_text_and_in_regular_expressions() -> None:
    assert tree({"u|contains|expand": "a%x%b"}, x=["1", "2"]) == Predicate("u", Op.CONTAINS, ("a1b", "a2b"))
    assert tree({"u|re|expand": "^%x%$"}, x=["1"]) == Predicate("u", Op.REGEX, (Regex("^1$"),))


@pytest.mark.parametrize(
    ("detection", "message"),
    [
        ({"selection": {"a": "x"}}, "detection.condition: found None"),
        ({"condition": "selection"}, "No detections"),
        ({"a": {"f": "x"}, "condition": "b"}, "'b' not defined"),
        ({"a": {"f": "x"}, "condition": "1 of b*"}, "doesn't match any"),
        ({"a": {"f": "x"}, "condition": "a and"}, "Expected"),
        ({"a": {"f": "x"}, "condition": "a | count() > 5"}, "former syntax"),
        ({"a": {"f": "x"}, "timeframe": "5m", "condition": "a"}, "timeframe"),
        ({"a": {"f|nope": "x"}, "condition": "a"}, "Unknown modifier"),
        ({"a": {"f|re": "(?=x)"}, "condition": "a"}, "invalid"),
        ({"a": {"f|re": "("}, "condition": "a"}, "invalid"),
        ({"a": {"f|cidr": "10.0.0.0/99"}, "condition": "a"}, "CIDR"),
        ({"a": {"f|gt": "many"}, "condition": "a"}, "incompatible"),
        ({"a": {"f|expand": "%nobody%"}, "condition": "a"}, "rules.placeholders.nobody"),
        ({"a": {"f|cased|fieldref": "g"}, "condition": "a"}, "cased"),
        ({"a": [None], "condition": "a"}, "needs a field"),
        ({"a": {}, "condition": "a"}, "empty"),
        ({"a": {"f": {"g": "x"}}, "condition": "a"}, "Unsupported type"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_by_name(detection: Mapping[str, Any], message: str) -> None:
    with pytest.raises(RuleError, match=r"^detection") as caught:
        compile_detection(detection)
    assert message in str(caught.value)


def test_a_bad_expression_is_not_echoed_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuleError):
        tree({"f|re": "(?<!x)y"})
    assert capfd.readouterr().err == ""


def test_pins_are_what_every_match_implies() -> None:
    node = compile_detection(
        {
            "one": {"name": ["a", "b"], "source": "s"},
            "two": {"name": "c", "source|contains": "t"},
            "filter": {"name": "a"},
            "condition": "(one or two) and not filter",
        }
    )
    assert pins(node) == (Predicate("name", Op.EQ, ("a", "b", "c")),)


def test_witnesses_are_the_longest_literals_of_the_most_telling_part() -> None:
    node = tree({"a|contains": ["long", "longer"], "b": "x", "c|re": "anything"})
    assert witnesses(node) == {("a", "long"), ("a", "longer")}
    assert witnesses(tree({"c|re": "anything"})) is None
