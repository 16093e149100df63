"""What a rule costs: who is counted, and what is called slow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pytest
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.workflow.profile import Profile, reasons
from mantissa_core.model import LogType

MakeRule = Callable[..., Rule]


def test_events_and_matches_are_counted_for_each_rule(
    make_rule: MakeRule, make_batch: Callable[..., pa.RecordBatch], log_type: LogType
) -> None:
    rules = [make_rule({"selection": {"name": name}}, title=name) for name in ("a", "b")]
    profile = Profile(rules, log_type)
    profile.add([make_batch([{"name": "a"}, {"name": "a"}]), make_batch([{"name": "b"}])])
    assert {each.rule.title: (each.events, each.matches) for each in profile.costs} == {"a": (3, 2), "b": (3, 1)}
    assert profile.together > 0
    assert [each.seconds for each in profile.costs] == sorted((each.seconds for each in profile.costs), reverse=True)


@pytest.mark.parametrize(
    ("detection", "expected"),
    [
        ({"selection": {"name": "a"}}, []),
        ({"selection": {"name|contains": "abc"}}, ["no pin (but a witness)"]),
        ({"selection": {"name|re": "a.c"}}, ["no pin (no witness either)", "regular expressions"]),
        ({"selection": {"name": "a", "nmae": "b"}}, ["not declared, read from JSON text: nmae"]),
        ({"selection": {"name": "a", "params.other": "b"}}, ["inside of JSON columns, without a column: params.other"]),
        ({"selection": ["secret"]}, ["keywords", "no pin (but a witness)"]),
    ],
)
def test_slow_rules_say_why(
    detection: Mapping[str, Any], expected: list[str], make_rule: MakeRule, log_type: LogType
) -> None:
    found = reasons(make_rule(detection), log_type)
    assert len(found) == len(expected)
    assert all(one.startswith(other) for one, other in zip(found, expected, strict=True)), found
