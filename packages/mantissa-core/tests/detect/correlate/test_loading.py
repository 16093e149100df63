"""Correlation documents: references, names, places of errors."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import yaml
from mantissa_core.detect.correlate.correlation import Kind, Need, Seen
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.errors import RuleError

World = Any

UUID = "0e95725d-7320-415d-80f7-004da920fc11"


def broken(world: World, *documents: dict[str, Any]) -> str:
    """Why the one document that does not load does not."""
    with pytest.raises(AssertionError):
        world.rules(*documents)
    (reason,) = world.loaded().broken.values()
    return str(reason)


def test_rules_are_referred_to_by_id_or_by_name(world: World) -> None:
    rules = [world.base("a"), world.base("b", id=UUID)]
    found = world.rules(*rules, world.correlation("temporal", ["a", UUID.upper()], group_by="ip"))
    (correlation,) = found.correlations
    assert (correlation.kind, correlation.timespan) == (Kind.TEMPORAL, timedelta(seconds=10))
    assert correlation.ids == {"a": "rule-a", UUID.upper(): UUID}
    assert correlation.condition == Need(2, (Seen("a"), Seen(UUID.upper())))
    assert [(rule.silent, rule.keeps) for rule in found.rules] == [(True, ("ip",)), (True, ("ip",))]
    assert found.get("c") is correlation


def test_correlations_stand_behind_those_that_they_refer_to(world: World) -> None:
    found = world.rules(
        world.correlation("temporal", ["two", "a"], "one"), world.correlation("temporal", ["a"], "two"), world.base("a")
    )
    assert [(each.id, each.silent) for each in found.correlations] == [("two", True), ("one", False)]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"rules": ["a", "zz"]}, "correlation.rules, entry 2: 'zz' is neither id nor name"),
        ({"rules": ["c"]}, "refers to itself"),
        ({"rules": [{"a": 1}]}, "correlation"),
        ({"rules": []}, "correlation.rules: empty"),
        ({"type": "magic"}, "magic"),
        ({"timespan": "10 minutes"}, "Timespan '10 minutes' is invalid"),
        ({"timespan": "9y"}, "correlation.timespan: 9y, expected at most 366d"),
        ({"groupby": ["x"]}, "correlation.groupby: unknown"),
        ({"group_by": [""]}, "correlation.group-by, entry 1"),
        ({"condition": {"gte": 3}}, "for temporal it counts rules, expected gte with 1 to 1"),
        ({"condition": {"lt": 1}}, "it counts rules"),
        ({"condition": "not a"}, "only negated rules"),
        ({"condition": "a and"}, "Failed to parse"),
        ({"condition": "a and b"}, "not defined in rules list"),
        ({"type": "event_count", "condition": "a"}, "Extended conditions"),
        ({"type": "event_count"}, "without condition"),
        ({"type": "event_count", "condition": {"gte": 1, "lt": 4}}, "exactly one condition"),
        ({"type": "event_count", "condition": {"gte": 1, "field": "x"}}, "use value_count"),
        ({"type": "value_count", "condition": {"gte": 1}}, "without field reference"),
        ({"type": "value_sum", "condition": {"gte": 1, "field": ["x", "y"]}}, "measures one field, found 2"),
        ({"type": "value_percentile", "condition": {"gte": 1, "field": "x"}}, "percentile: found None"),
        ({"type": "value_percentile", "condition": {"gte": 1, "field": "x", "percentile": 101}}, "expected 0 to 100"),
        ({"type": "value_sum", "condition": {"gte": 1, "field": "x", "percentile": 9}}, "belongs to value_percentile"),
        ({"aliases": {"who": {"zz": "x"}}}, "correlation.aliases.who: 'zz' is none of the rules"),
        ({"generate": "yes"}, "generate"),
    ],
)
def test_the_reason_names_file_and_place(section: dict[str, Any], message: str, world: World) -> None:
    whole = {"kind": section.get("type", "temporal"), "rules": ["a"], **section}
    whole.pop("type", None)
    reason = broken(world, world.base("a"), world.correlation(**whole))
    assert reason.startswith(f"{world.folder / 'rules' / 'rules.yml'} (document 2): ")
    assert message in reason


@pytest.mark.parametrize(
    ("condition", "message"),
    [("a or (a and b)", "takes steps joined by 'and'"), ("a or not b", "no 'or' with a negated rule")],
)
def test_an_order_needs_steps(condition: str, message: str, world: World) -> None:
    rules = [world.base("a"), world.base("b")]
    rule = world.correlation("temporal_ordered", ["a", "b"], condition=condition)
    assert message in broken(world, *rules, rule)


def test_circles_are_refused_and_named(world: World) -> None:
    with pytest.raises(AssertionError):
        world.rules(world.correlation("temporal", ["d"], "c"), world.correlation("temporal", ["c"], "d"))
    one, two = map(str, world.loaded().broken.values())
    assert "a circle: c -> d -> c" in one
    assert "a circle: d -> c -> d" in two


def test_what_refers_to_a_broken_one_is_broken_too(world: World) -> None:
    with pytest.raises(AssertionError):
        world.rules(world.correlation("temporal", ["zz"], "c"), world.correlation("temporal", ["c"], "d"))
    assert "refers to a correlation that did not load" in list(map(str, world.loaded().broken.values()))[1]


def test_a_name_of_two_rules_is_refused(world: World) -> None:
    reason = broken(world, world.base("a"), world.base("a", id="other"), world.correlation("temporal", ["a"]))
    assert "'a' is the name of several rules" in reason


def test_one_id_for_a_rule_and_a_correlation_is_refused(world: World) -> None:
    with pytest.raises(AssertionError):
        world.rules(world.base("a"), world.correlation("temporal", ["a"], "rule-a"))
    assert (world.loaded().rules, world.loaded().correlations) == ([], [])


def test_a_chain_can_use_the_fields_that_lower_ones_group_by_alone(world: World) -> None:
    lower = world.correlation("event_count", ["a"], "low", condition={"gte": 1}, group_by=["ip"])
    reason = broken(world, world.base("a"), lower, world.correlation("temporal", ["low"], group_by=["user_email"]))
    assert "'user_email' is no field of the correlation 'low', which has those that it groups by: ip" in reason


def test_without_a_correlation_its_rules_alert_again(world: World) -> None:
    found = world.rules(world.base("a"), world.correlation("temporal", ["a"]))
    assert [rule.silent for rule in found.rules] == [True]
    assert [rule.silent for rule in found.without({"c"}).rules] == [False]


def test_a_correlation_of_a_disabled_rule_is_reported(world: World) -> None:
    found: RuleSet = world.rules(world.base("a"), world.correlation("temporal", ["a"])).without({"rule-a"})
    assert found.correlations == []
    (reason,) = found.broken.values()
    assert isinstance(reason, RuleError)
    assert "neither id nor name of a rule that loaded" in str(reason)


def test_one_that_says_generate_is_enough(world: World) -> None:
    quiet, loud = world.correlation("temporal", ["a"], "q"), world.correlation("temporal", ["a"], "l", generate=True)
    assert [rule.silent for rule in world.rules(world.base("a"), quiet, loud).rules] == [False]


def test_names_survive_the_cache_of_compiled_rules(world: World) -> None:
    folder, cache = world.folder / "rules", world.folder / "cache"
    world.rules(world.base("a"))
    (folder / "above.yml").write_text(yaml.safe_dump(world.correlation("temporal", ["a"], group_by=["ip"])))
    for _ in range(2):
        found = RuleSet.load(packs=False, paths=[folder], cache=cache)
        assert found.broken == {}
        assert [(rule.name, rule.keeps, rule.silent) for rule in found.rules] == [("a", ("ip",), True)]
        assert [each.ids for each in found.correlations] == [{"a": "rule-a"}]
