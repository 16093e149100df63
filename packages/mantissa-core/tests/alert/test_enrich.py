"""Enrichers within bounds: budgets, remembered answers, limits, pauses. Times are those of a clock that is set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from mantissa_core.alert.enrich.enrichers import Enriched, Enrichers
from mantissa_core.alert.enrich.source import Limits, Source
from mantissa_core.errors import PluginError, Retry
from mantissa_core.model import Alert, Enrichment
from mantissa_core.testing.enricher import an_alert

OSLO = {"ips": {"203.0.113.7": {"city": "Oslo"}}}


class Asked:
    """Answers, fails or hangs, as ``then`` says, and counts."""

    def __init__(self, then: Callable[[Alert], Mapping[str, Any] | None] = lambda _alert: OSLO) -> None:
        self.then, self.times = then, 0

    def enrich(self, alert: Alert) -> Enrichment | None:
        self.times += 1
        facts = self.then(alert)
        return Enrichment(facts) if facts else None


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def told(source: Source, **entities: str) -> Enriched:
    return Enrichers([source])(an_alert(**(entities or {"src_ip": "203.0.113.7"})))


def fail(error: Exception) -> Callable[[Alert], Mapping[str, Any]]:
    def then(_alert: Alert) -> Mapping[str, Any]:
        raise error

    return then


def test_the_same_entities_are_asked_about_once_until_the_answer_is_too_old() -> None:
    enricher, clock = Asked(), Clock()
    source = Source("geo", enricher, Limits(ttl=60), ("src_ip",), clock=clock)
    assert [told(source, src_ip="203.0.113.7", user=name).facts for name in ("amara", "lin")] == [{"geo": OSLO}] * 2
    assert enricher.times == 1
    told(source, src_ip="203.0.113.8")
    clock.now += 61
    told(source)
    assert enricher.times == 3


def test_that_nothing_is_known_is_remembered_too() -> None:
    enricher = Asked(lambda _alert: None)
    source = Source("geo", enricher, about=("src_ip",))
    assert [told(source), told(source)] == [Enriched({}, {})] * 2
    assert enricher.times == 1


def test_without_the_entities_that_it_is_about_nothing_is_asked() -> None:
    enricher = Asked()
    assert told(Source("geo", enricher, about=("src_ip",)), user="amara") == Enriched({}, {})
    assert enricher.times == 0


def test_an_enricher_that_depends_on_more_is_asked_each_time() -> None:
    enricher = Asked()
    source = Source("peers", enricher)
    told(source)
    told(source)
    assert enricher.times == 2


def test_one_that_hangs_costs_one_alert_its_budget_and_the_next_ones_nothing() -> None:
    hang, clock = threading.Event(), Clock()
    slow = Asked(lambda _alert: OSLO if hang.wait(30) else None)
    source = Source("slow", slow, Limits(budget=0.05), ("src_ip",), clock=clock)
    quick = Source("quick", Asked(), about=("src_ip",))
    both = Enrichers([source, quick])
    first, second = both(an_alert(src_ip="203.0.113.7")), both(an_alert(src_ip="203.0.113.8"))
    assert first == Enriched({"quick": OSLO}, {"slow": "no answer within 0.05 s"})
    assert second.failures == {"slow": "left alone for 60 s more: no answer within 0.05 s"}
    assert slow.times == 1
    hang.set()
    while told(source).failures:  # until the late answer is there
        pass
    assert (told(source), slow.times) == (Enriched({"slow": OSLO}, {}), 1)


def test_failures_in_a_row_end_in_a_pause_and_after_it_all_is_well_again() -> None:
    enricher, clock = Asked(fail(Retry("it is down"))), Clock()
    source = Source("geo", enricher, about=("src_ip",), clock=clock)
    failures = [told(source).failures["geo"] for _ in range(4)]
    assert failures == [*["it is down"] * 3, "left alone for 60 s more: it is down"]
    enricher.then = lambda _alert: OSLO
    clock.now += 61
    assert told(source).facts == {"geo": OSLO}
    assert enricher.times == 4


def test_a_source_that_says_when_to_come_back_is_left_alone_until_then() -> None:
    enricher, clock = Asked(fail(Retry("too many requests", after=30))), Clock()
    source = Source("geo", enricher, about=("src_ip",), clock=clock)
    assert told(source).failures == {"geo": "too many requests"}
    assert told(source).failures == {"geo": "left alone for 30 s more: too many requests"}
    clock.now += 31
    told(source)
    assert enricher.times == 2


def test_a_limit_per_minute_holds_and_spares_what_is_remembered() -> None:
    enricher, clock = Asked(), Clock()
    source = Source("geo", enricher, Limits(per_minute=2), ("src_ip",), clock=clock)
    addresses = [f"203.0.113.{number}" for number in (1, 2, 3, 1)]
    failures = [told(source, src_ip=each).failures.get("geo", "") for each in addresses]
    assert failures == ["", "", "asked 2 times within a minute, as often as it may be", ""]
    clock.now += 61
    assert not told(source, src_ip="203.0.113.3").failures


def test_a_plugin_that_was_given_up_is_started_again_after_the_pause() -> None:
    revived: list[str] = []

    def revive(label: str) -> bool:
        revived.append(label)
        enricher.then = lambda _alert: OSLO
        return True

    enricher, clock = Asked(fail(PluginError("enrichers/geo", "did not answer"))), Clock()
    source = Source("geo", enricher, about=("src_ip",), revive=revive, clock=clock)
    assert told(source).failures == {"geo": "enrichers/geo: did not answer"}
    clock.now += 61
    assert (told(source).facts, revived) == ({"geo": OSLO}, ["geo"])


def test_what_all_say_together_is_bounded() -> None:
    sources = [Source(f"s{number}", Asked(lambda _alert: {"raw": "x" * 16_000})) for number in range(5)]
    found = Enrichers(sources)(an_alert(user="amara"))
    assert sorted(found.facts) == ["s0", "s1", "s2", "s3"]
    assert found.failures == {"s4": "beyond the 65,536 bytes that an alert keeps"}


def test_a_bug_in_an_enricher_that_nobody_guards_is_noted(caplog: pytest.LogCaptureFixture) -> None:
    assert told(Source("geo", Asked(fail(ZeroDivisionError("x"))))).failures == {"geo": "failed: ZeroDivisionError"}
