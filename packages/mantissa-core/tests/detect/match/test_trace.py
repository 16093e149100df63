"""Why a rule matched, node by node."""

from __future__ import annotations

from collections.abc import Callable

from mantissa_core.detect.match.evaluate import evaluate
from mantissa_core.detect.match.trace import Step, trace
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.model import LogType

MakeRule = Callable[..., Rule]


def steps(step: Step) -> list[Step]:
    return [step, *(each for child in step.children for each in steps(child))]


def test_every_node_says_whether_it_held_and_on_which_value(make_rule: MakeRule, log_type: LogType) -> None:
    rule = make_rule(
        {"selection": {"name": ["knock", "open"]}, "own": {"address|cidr": "10.0.0.0/8"},
         "condition": "selection and not own"}
    )  # fmt: skip
    found = trace(rule, {"name": "OPEN", "address": "192.0.2.1"}, log_type)
    assert [(each.kind, each.held) for each in steps(found)] == [
        ("all of", True),
        ("predicate", True),
        ("not", True),
        ("predicate", False),
    ]
    name, address = found.children[0], found.children[1].children[0]
    assert (name.values, name.passed) == (("OPEN",), ("open",))
    assert (address.values, address.passed, address.unknown) == (("192.0.2.1",), (), False)


def test_the_root_agrees_with_the_evaluator(make_rule: MakeRule, log_type: LogType) -> None:
    rule = make_rule({"a": {"name": "x"}, "b": {"number|gt": 5}, "condition": "a or b"})
    for event in ({"name": "x"}, {"number": 6}, {"number": 5}, {}):
        assert trace(rule, event, log_type).held is evaluate(rule, event, log_type)


def test_fields_that_the_log_type_does_not_declare_are_marked(make_rule: MakeRule, log_type: LogType) -> None:
    rule = make_rule({"selection": {"nmae": "x", "source.ip": "192.0.2.1"}})
    assert [each.unknown for each in trace(rule, {}, log_type).children] == [True, False]
    assert [each.unknown for each in trace(rule, {}).children] == [False, False]


def test_a_comparison_of_two_fields_shows_both(make_rule: MakeRule, log_type: LogType) -> None:
    rule = make_rule({"selection": {"name|fieldref": "user.name"}})
    found = trace(rule, {"name": "ada", "user": {"name": "eve"}}, log_type)
    assert (found.held, found.values, found.compared) == (False, ("ada",), {"user.name": ("eve",)})


def test_what_has_no_values_to_pass_says_what_the_event_has(make_rule: MakeRule, log_type: LogType) -> None:
    found = trace(make_rule({"selection": {"name|exists": True}}), {"name": "x"}, log_type)
    assert (found.held, found.values, found.passed) == (True, ("x",), ())
    keyword = trace(make_rule({"selection": ["secret"]}), {"name": "a secret"}, log_type)
    assert (keyword.held, keyword.values, keyword.passed) == (True, (), ("secret",))
