"""Which log types a log source means."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from mantissa_core.detect.match.bind import undeclared
from mantissa_core.detect.match.route import answers, routed
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.model import LogType
from mantissa_core.model.log_type import LogSource


@pytest.mark.parametrize(
    ("offered", "asked", "expected"),
    [
        ({"product": "aws", "service": "cloudtrail"}, {"product": "aws", "service": "cloudtrail"}, True),
        ({"product": "aws", "service": "cloudtrail"}, {"product": "AWS", "service": "CloudTrail"}, True),
        ({"product": "aws", "service": "cloudtrail"}, {"product": "aws"}, True),
        ({"product": "aws"}, {"product": "aws", "service": "cloudtrail"}, True),
        ({"product": "aws", "service": "cloudtrail"}, {"product": "aws", "service": "guardduty"}, False),
        ({"product": "aws", "service": "cloudtrail"}, {"product": "okta"}, False),
        ({"product": "aws", "service": "cloudtrail"}, {"category": "proxy"}, False),
        ({"category": "proxy", "product": "zscaler"}, {"category": "proxy"}, True),
    ],
)
def test_a_part_that_is_left_out_is_any(offered: dict[str, str], asked: dict[str, str], expected: bool) -> None:
    assert answers(LogSource(**offered), LogSource(**asked)) is expected


def test_rules_go_to_the_tables_of_their_log_source(log_type: LogType, make_rule: Callable[..., Rule]) -> None:
    ours = make_rule({"selection": {"name": "x"}})
    theirs = make_rule({"selection": {"name": "x"}}, logsource={"product": "other"})
    assert routed([ours, theirs], [log_type]) == {"acme_audit": [ours]}


def test_fields_that_the_log_type_does_not_know_are_named(log_type: LogType) -> None:
    named = ["name", "NAME", "source.ip", "user", "params.anything", "colour", "nowhere", "user.nowhere"]
    assert undeclared(named, log_type) == ("nowhere", "user.nowhere")
