"""What each type of correlation means, on events that go through the engine."""

from __future__ import annotations

from typing import Any

import pytest

World = Any


def counted(world: World, kind: str, condition: dict[str, Any], **section: Any) -> None:
    world.rules(world.base("fail"), world.correlation(kind, ["fail"], condition=condition, **section))


def test_event_count_fires_at_every_event_from_the_threshold_on(world: World) -> None:
    counted(world, "event_count", {"gte": 3})
    world.ingest(*(world.at(second) for second in (0, 4, 8, 9, 30)), world.at(5, "success"))
    assert world.seconds("c") == [8, 9]


def test_gt_asks_for_one_more_than_gte(world: World) -> None:
    counted(world, "event_count", {"gt": 3})
    world.ingest(*(world.at(second) for second in (0, 4, 8, 9)))
    assert world.seconds("c") == [9]


def test_the_window_is_closed_and_slides(world: World) -> None:
    counted(world, "event_count", {"gte": 2})
    world.ingest(*(world.at(second) for second in (7, 17, 28)))
    assert world.seconds("c") == [17]


def test_groups_are_counted_apart_and_an_event_without_the_field_is_in_none(world: World) -> None:
    counted(world, "event_count", {"gte": 2}, group_by=["user_email", "ip"])
    ann, bob = {"user_email": "ann", "ip": "1"}, {"user_email": "bob", "ip": "1"}
    world.ingest(world.at(0, **ann), world.at(1, **bob), world.at(2, ip="1"), world.at(3, ip="1"), world.at(4, **ann))
    (found,) = world.detect("c")
    assert (world.second(found), found.group) == (4, {"user_email": "ann", "ip": "1"})


def test_an_event_with_several_values_belongs_to_the_group_of_each(world: World) -> None:
    counted(world, "event_count", {"gte": 2}, group_by=["addresses"])
    world.ingest(world.at(0, addresses=["a", "b"]), world.at(1, addresses=["b", "c"]), world.at(2, addresses=["c"]))
    assert [(world.second(each), each.group["addresses"]) for each in world.detect("c")] == [(1, "b"), (2, "c")]


def test_an_overlay_column_groups_across_sources(world: World) -> None:
    world.rules(
        world.base("fail"),
        world.base("slow", detection={"s": {"status_code": "ERROR"}, "condition": "s"}, logsource={"product": "apm"}),
        world.correlation("temporal", ["fail", "slow"], group_by=["m_user"]),
    )
    world.ingest(world.at(0, user_email="ann"), world.at(1, user_email="bob"))
    world.ingest({"second": 5, "status_code": "ERROR", "account": "ann"}, source="apm")
    (found,) = world.detect("c")
    assert (found.group, found.table) == ({"user": "ann"}, "test_apm")


def test_one_event_that_matches_two_rules_counts_once(world: World) -> None:
    rules = [world.base("fail"), world.base("also", "fail")]
    world.rules(*rules, world.correlation("event_count", ["fail", "also"], condition={"gte": 2}))
    world.ingest(world.at(0), world.at(3))
    assert world.seconds("c") == [3]


def test_value_count_counts_different_values(world: World) -> None:
    counted(world, "value_count", {"gte": 2, "field": "user_email"}, group_by=["ip"])
    users = [(0, "ann"), (1, "ann"), (2, "bob"), (13, "bob"), (14, "bob")]
    world.ingest(*(world.at(second, user_email=user, ip="1") for second, user in users), world.at(3, ip="1"))
    assert world.seconds("c") == [2]


def test_value_count_of_two_fields_counts_pairs(world: World) -> None:
    counted(world, "value_count", {"gte": 3, "field": ["user_email", "ip"]})
    pairs = [("ann", "1"), ("ann", "2"), ("ann", "2"), ("bob", "2")]
    world.ingest(*(world.at(n, user_email=user, ip=ip) for n, (user, ip) in enumerate(pairs)))
    assert world.seconds("c") == [3]


@pytest.mark.parametrize(
    ("kind", "condition", "fires"),
    [
        ("value_sum", {"gt": 10}, [2]),
        ("value_sum", {"lte": 1}, [0]),
        ("value_avg", {"gte": 4}, [2]),
        ("value_avg", {"eq": 1.5}, [1]),
        ("value_median", {"gte": 2}, [2]),
        ("value_median", {"lt": 2}, [0, 1]),
        ("value_percentile", {"gte": 9, "percentile": 95}, [2]),
        ("value_percentile", {"neq": 1, "percentile": 0}, []),
    ],
)
def test_value_metrics_are_taken_over_the_sliding_window(
    kind: str, condition: dict[str, Any], fires: list[int], world: World
) -> None:
    counted(world, kind, {"field": "bytes", **condition})
    sizes = [(0, "1"), (1, "2"), (2, "10.0"), (3, "none")]
    world.ingest(*(world.at(second, bytes=size) for second, size in sizes), world.at(40, "success"))
    assert world.seconds("c") == fires


def test_a_sum_leaves_no_rounding_behind(world: World) -> None:
    counted(world, "value_sum", {"eq": 0.1, "field": "bytes"})
    world.ingest(world.at(0, bytes="1e300"), world.at(5, bytes="0.1"), world.at(11, "x"), world.at(15, bytes="0"))
    world.ingest(world.at(50, "success"))
    assert world.seconds("c") == [15]


def test_few_events_are_told_once_their_window_has_passed_and_a_burst_is_not(world: World) -> None:
    counted(world, "event_count", {"lt": 3}, group_by=["user_email"])
    burst = [world.at(second, user_email="bob") for second in (0, 1, 2, 3)]
    world.ingest(*burst, world.at(2, user_email="ann", key="a"), world.at(4, user_email="ann"))
    assert world.detect("c") == []
    world.ingest(world.at(12, "success"))
    assert world.detect("c") == []
    world.ingest(world.at(13, "success"))
    (found,) = world.detect("c")
    assert (world.second(found), found.group, found.evidence["measure"]) == (2, {"user_email": "ann"}, 1)


def test_a_stream_that_thins_out_is_told(world: World) -> None:
    counted(world, "event_count", {"lte": 2})
    world.ingest(*(world.at(second) for second in (0, 3, 6, 9, 12, 25, 32, 50)), world.at(90, "success"))
    assert world.seconds("c") == [25, 50]


def test_temporal_needs_every_rule_in_any_order(world: World) -> None:
    rules = [world.base(name) for name in "ab"]
    world.rules(*rules, world.correlation("temporal", ["a", "b"], group_by=["ip"]))
    world.ingest(
        world.at(0, "b", ip="1"), world.at(4, "a", ip="2"), world.at(10, "a", ip="1"), world.at(11, "a", ip="1")
    )
    (found,) = world.detect("c")
    assert (world.second(found), len(found.event_ids)) == (10, 2)


def test_temporal_may_ask_for_some_of_its_rules(world: World) -> None:
    rules = [world.base(name) for name in "xyz"]
    world.rules(*rules, world.correlation("temporal", ["x", "y", "z"], condition={"gte": 2}))
    world.ingest(world.at(0, "x"), world.at(1, "x"), world.at(2, "z"))
    assert world.seconds("c") == [2]


def test_temporal_ordered_needs_them_in_order(world: World) -> None:
    rules = [world.base(name) for name in "xyz"]
    world.rules(*rules, world.correlation("temporal_ordered", ["x", "y", "z"]))
    steps = [(0, "x"), (2, "z"), (3, "y"), (9, "z"), (12, "z"), (21, "y"), (22, "x"), (23, "z")]
    world.ingest(*(world.at(second, name) for second, name in steps))
    (found,) = world.detect("c")
    assert (world.second(found), len(found.event_ids)) == (9, 3)


def test_at_one_time_every_order_is_in_order_but_an_event_takes_one_step(world: World) -> None:
    both = {"selection": {"outcome": ["x", "xy"]}, "condition": "selection"}
    rules = [world.base("x", detection=both), world.base("y", "xy"), world.base("z")]
    world.rules(*rules, world.correlation("temporal_ordered", ["x", "y"]))
    world.ingest(world.at(0, "xy"))
    assert world.detect("c") == []
    world.ingest(world.at(0, "x", key="zz"))
    assert world.seconds("c") == [0]


def test_three_steps_at_one_time_need_three_events(world: World) -> None:
    both = {"selection": {"outcome": "q"}, "condition": "selection"}
    rules = [world.base(name, detection=both) for name in "xyz"]
    world.rules(*rules, world.correlation("temporal_ordered", ["x", "y", "z"]))
    world.ingest(world.at(0, "q"), world.at(0, "q", key="2"))
    assert world.detect("c") == []
    world.ingest(world.at(0, "q", key="3"))
    assert len(world.detect("c")) == 3


@pytest.mark.parametrize(
    ("condition", "fires"),
    [
        ("a and b", [3]),
        ("a or b", [0, 3, 40]),
        ("(a or q) and b", [3, 8]),
        ("a and not q", [40]),
        ("b and not (q and a)", []),  # a stands before it and q behind it, both within the timespan
        ("a and not not b", [3]),
    ],
)
def test_extended_conditions(condition: str, fires: list[int], world: World) -> None:
    rules = [world.base(name) for name in "abq"]
    section = world.correlation("temporal", [], condition=condition)
    section["correlation"].pop("rules")
    world.rules(*rules, section)
    world.ingest(world.at(0, "a"), world.at(3, "b"), world.at(8, "q"), world.at(40, "a"), world.at(80, "x"))
    assert world.seconds("c") == fires


def test_an_ordered_condition_may_have_alternatives_and_absences(world: World) -> None:
    rules = [world.base(name) for name in "abcd"]
    rule = world.correlation(
        "temporal_ordered", ["a", "b", "c", "d"], condition="a and (b or c) and not d", rule_id="o"
    )
    world.rules(*rules, rule)
    world.ingest(world.at(0, "c"), world.at(1, "a"), world.at(5, "c"), world.at(40, "a"), world.at(41, "b"))
    world.ingest(world.at(50, "d"), world.at(100, "x"))
    assert world.seconds("o") == [5]


def test_aliases_name_the_same_thing_in_two_sources(world: World) -> None:
    slow = world.base("slow", detection={"s": {"status_code": "ERROR"}, "condition": "s"}, logsource={"product": "apm"})
    aliases = {"who": {"fail": "user_email", "slow": "account"}}
    world.rules(
        world.base("fail"), slow, world.correlation("temporal", ["fail", "slow"], group_by=["who"], aliases=aliases)
    )
    world.ingest(world.at(0, user_email="ann"))
    world.ingest({"second": 1, "status_code": "ERROR", "account": "ann"}, source="apm")
    (found,) = world.detect("c")
    assert found.group == {"who": "ann"}
    assert found.evidence["who"] == "ann"


def test_chains_see_the_fields_that_lower_ones_group_by(world: World) -> None:
    world.rules(
        world.correlation("temporal_ordered", ["spray", "success"], "top", group_by=["ip"], timespan="1h"),
        world.correlation(
            "value_count", ["fail"], "spray", group_by=["ip"], condition={"gte": 2, "field": "user_email"}
        ),
        world.base("fail"),
        world.base("success"),
    )
    world.ingest(
        world.at(0, ip="1", user_email="ann"), world.at(1, "success", ip="1"), world.at(2, ip="1", user_email="bo")
    )
    world.ingest(world.at(60, "success", ip="2"), world.at(61, "success", ip="1"))
    found = world.detect()
    (top,) = [each for each in found if each.rule_id == "top"]
    assert (world.second(top), len(top.event_ids), top.silent) == (61, 3, False)
    assert {each.rule_id for each in found if each.silent} == {"rule-fail", "rule-success", "spray"}


def test_a_chain_over_one_that_waits_waits_for_it(world: World) -> None:
    world.rules(
        world.base("fail"),
        world.correlation("event_count", ["fail"], "rare", group_by=["ip"], condition={"lt": 3}),
        world.correlation("event_count", ["rare"], "none", condition={"lte": 5}, timespan="20s"),
    )
    world.ingest(world.at(0, ip="1"), world.at(1, ip="2"), world.at(25, "success"))
    assert world.seconds("rare") == [0, 1]
    assert world.stored("none") == []
    world.ingest(world.at(31, "success"))
    assert world.seconds("none") == [0]


def test_evidence_names_what_contributed(world: World) -> None:
    counted(world, "event_count", {"gte": 3}, group_by=["user_email"])
    world.ingest(*(world.at(second, user_email="ann") for second in (0, 1, 2)))
    found = world.detect()
    result = next(each for each in found if each.rule_id == "c")
    below = [each for each in found if each.rule_id == "rule-fail"]
    assert result.event_ids == tuple(each.event_ids[0] for each in below)
    assert result.evidence["signals"] == [each.id for each in below]
    assert (result.evidence["measure"], result.evidence["matches"], result.evidence["rules"]) == (3, 3, ["fail"])
    assert (result.summary, str(result.severity)) == ("Correlation c: ann", "high")


def test_long_values_that_begin_alike_stay_apart(world: World) -> None:
    counted(world, "event_count", {"gte": 2}, group_by=["user_email"])
    world.ingest(
        world.at(0, user_email="x" * 2000), world.at(1, user_email="x" * 2001), world.at(2, user_email="x" * 2000)
    )
    assert world.seconds("c") == [2]
