"""Once each: late events, crashes, restarts, new rules, broken ones; and what reaches an alert."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mantissa_core.alert.alerts import Alerts
from mantissa_core.detect.correlate import correlator, results
from mantissa_core.detect.correlate.correlator import CURSOR, late_matches
from mantissa_core.detect.follow.progress import Progress
from mantissa_core.errors import StateError
from mantissa_core.model import Put
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite

World = Any


class Failing(SQLite):
    """A store that refuses writes of one document while told to."""

    refused = ""

    def commit_documents(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int]) -> None:
        if any(put.key == self.refused for put in puts):
            raise OSError("the disk is gone")
        super().commit_documents(partition, puts, expects)


def three(world: World, **section: Any) -> None:
    world.rules(world.base("fail"), world.correlation("event_count", ["fail"], condition={"gte": 3}, **section))


def test_a_late_event_completes_what_came_before_it(world: World) -> None:
    three(world)
    world.ingest(world.at(0), world.at(8))
    assert world.seconds("c") == []
    world.ingest(world.at(4))
    assert world.seconds("c") == [8]
    world.ingest(world.at(1))
    assert world.seconds("c") == [4]


def test_what_was_told_is_not_told_again(world: World) -> None:
    three(world)
    world.ingest(*(world.at(second) for second in (0, 1, 2)))
    assert world.seconds("c") == [2]
    world.ingest(world.at(3))
    assert world.seconds("c") == [3]
    assert world.seconds("c") == []
    assert [world.second(each) for each in world.stored("c")] == [2, 3]


@pytest.mark.parametrize("refused", [CURSOR, "correlate/settled/few", "test_okta"])
def test_a_crash_between_the_commit_and_the_cursor_repeats_nothing(refused: str, world: World, tmp_path: Path) -> None:
    store = Failing(SQLite.Config(path=tmp_path / "failing.sqlite"))
    world.state = State(store)
    world.rules(
        world.base("fail"),
        world.correlation("event_count", ["fail"], condition={"gte": 2}),
        world.correlation("event_count", ["c"], "top", condition={"gte": 2}),
        world.correlation("event_count", ["fail"], "few", condition={"lt": 3}, group_by=["ip"]),
    )
    world.ingest(*(world.at(second, ip="1") for second in (0, 1)), world.at(2, ip="2"))
    world.ingest(world.at(60, "success"))
    store.refused = refused
    for _ in range(2):
        with pytest.raises((StateError, OSError)):
            list(world.engine().run())
    store.refused = ""
    world.detect()
    assert [world.second(each) for each in world.stored("c")] == [1, 2]
    assert [world.second(each) for each in world.stored("top")] == [2]
    assert [world.second(each) for each in world.stored("few")] == [0, 2]
    assert world.detect() == []


def test_a_reader_that_stops_in_the_middle_loses_nothing(world: World) -> None:
    three(world)
    world.ingest(*(world.at(second) for second in range(6)))
    for _ in range(30):
        if next(iter(world.engine().run()), None) is None:
            break
    assert [world.second(each) for each in world.stored("c")] == [2, 3, 4, 5]


def test_events_that_come_too_late_are_counted_and_change_nothing(world: World) -> None:
    world.rules(world.base("fail"), world.correlation("event_count", ["fail"], condition={"lt": 3}))
    world.ingest(world.at(0), world.at(40, "success"))
    assert world.seconds("c") == [0]
    world.ingest(world.at(1), world.at(2))
    assert world.detect("c") == []
    assert late_matches(world.state) == {"c": 2}


def test_lateness_is_waited_for(world: World) -> None:
    world.rules(world.base("fail"), world.correlation("value_sum", ["fail"], condition={"gt": 2, "field": "bytes"}))
    world.lateness = timedelta(seconds=30)
    world.ingest(world.at(5, bytes="2"), world.at(30, "success"))
    assert world.detect("c") == []
    world.ingest(world.at(4, bytes="1"), world.at(36, "success"))
    assert world.seconds("c") == [5]
    assert late_matches(world.state) == {}


def test_a_slow_source_holds_what_waits_for_it_back(world: World) -> None:
    slow = world.base("slow", detection={"s": {"status_code": "ERROR"}, "condition": "s"}, logsource={"product": "apm"})
    world.rules(
        world.base("fail"), slow, world.correlation("temporal", ["fail", "slow"], condition="fail and not slow")
    )
    world.ingest({"second": 1, "status_code": "OK", "account": "x"}, source="apm")
    world.ingest(world.at(0), world.at(100))
    assert world.seconds("c") == []
    world.ingest({"second": 60, "status_code": "OK", "account": "x"}, source="apm")
    assert world.seconds("c") == [0]


def test_an_event_from_the_future_ends_no_window_before_its_time(world: World) -> None:
    world.rules(world.base("fail"), world.correlation("event_count", ["fail"], condition={"lt": 3}))
    ten_years = 10 * 366 * 86_400
    world.ingest(world.at(0), world.at(ten_years))
    assert world.seconds("c") == [0]


def test_equal_times_count_in_the_order_of_ids(world: World) -> None:
    three(world)
    world.ingest(*(world.at(0, key=key) for key in "abcd"))
    assert len(world.detect("c")) == 2


def test_a_correlation_that_is_new_sees_new_matches_alone(world: World) -> None:
    world.rules(world.base("fail"))
    world.ingest(world.at(0), world.at(1), world.at(2))
    assert len(world.detect()) == 3
    three(world)
    assert world.detect() == []
    world.ingest(world.at(3))
    assert world.seconds("c") == [3]


def test_a_failing_correlation_leaves_a_gap_and_the_others_go_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.rules(
        world.base("fail"),
        world.correlation("event_count", ["fail"], "bad", condition={"gte": 1}),
        world.correlation("event_count", ["fail"], "good", condition={"gte": 1}),
    )

    def failing(rule: Any, *rest: Any) -> Any:
        if rule.id == "bad":
            raise ZeroDivisionError
        return results.results(rule, *rest)

    monkeypatch.setattr(correlator, "results", failing)
    world.ingest(world.at(0))
    assert world.seconds("good") == [0]
    assert [(gap.table, gap.rule) for gap in Progress(world.state).gaps()] == [("signals", "bad")]


def test_matches_that_only_correlations_need_open_no_alert(world: World) -> None:
    three(world)
    world.ingest(*(world.at(second) for second in (0, 1, 2)))
    (change,) = Alerts(world.state).apply(world.detect(), [])
    assert (change[0], change[1].rule_id, change[1].count) == ("opened", "c", 1)
    assert len(change[1].event_ids) == 3


def test_generate_lets_the_rules_alert_too(world: World) -> None:
    three(world, generate=True)
    world.ingest(*(world.at(second) for second in (0, 1, 2)))
    changes = Alerts(world.state).apply(world.detect(), [])
    assert {alert.rule_id for _, alert in changes} == {"c", "rule-fail"}


def test_results_without_a_group_are_one_alert(world: World) -> None:
    three(world)
    world.ingest(*(world.at(second) for second in range(9)))
    (change,) = Alerts(world.state).apply(world.detect(), [])
    assert change[1].count == 7


def test_many_matches_are_no_trouble(world: World) -> None:
    world.rules(world.base("fail"), world.correlation("event_count", ["fail"], condition={"gt": 4999}, timespan="1d"))
    world.ingest(*(world.at(second) for second in range(5000)))
    (found,) = world.detect("c")
    assert (found.evidence["matches"], len(found.event_ids)) == (5000, 1000)


def test_each_world_is_its_own(new_world: Callable[[], World]) -> None:
    one, two = new_world(), new_world()
    three(one)
    one.ingest(*(one.at(second) for second in (0, 1, 2)))
    assert one.seconds("c") == [2]
    assert two.detect() == []


@pytest.mark.parametrize(
    "who", ["'; DROP TABLE signals; --", '"}, {"a": "', "a,b\n\u202e", "[bold]x[/bold]", "x" * 5000]
)
def test_hostile_values_group_as_any_other(world: World, who: str) -> None:
    three(world, group_by=["user_email"])
    world.ingest(*(world.at(second, user_email=who) for second in (0, 1, 2)))
    world.ingest(*(world.at(second, user_email=who[:-1], key=f"k{second}") for second in (0, 1)))
    (found,) = world.detect("c")
    assert found.group["user_email"].startswith(who[:1000])
    assert len(found.event_ids) == 3
    assert [each.id for each in world.stored("c")] == [found.id]
