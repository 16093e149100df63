"""Countries of a table's addresses: found first, looked up by an enricher, then asked for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

import pytest
import sqlglot
from mantissa_core.alert.enrich.addresses import address_of, is_public
from mantissa_core.alert.enrich.source import Limits, Source
from mantissa_core.ask import located
from mantissa_core.ask.asker import Asker
from mantissa_core.ask.compile import compile_plan
from mantissa_core.ask.located import MOST_ADDRESSES, Place, resolved
from mantissa_core.ask.plan import All, Any, Compare, Group, Measure, Not, Order, Period, Plan
from mantissa_core.asking import AskedLake
from mantissa_core.errors import QueryError, Retry
from mantissa_core.model import Alert, Enrichment
from mantissa_core.places import Places

from .conftest import NOW

FAILED = "m_action = 'login' AND m_outcome = 'failure'"
COUNTRIES = (("United States", "US"), ("Germany", "DE"), ("", ""))


def country_of(address: str) -> tuple[str, str]:
    return COUNTRIES[sum(map(ord, address)) % 3]


class Geo:
    """Tells countries by the sum of an address's characters, as the plugins tell them; what it is asked is counted."""

    def __init__(self, failing: str = "") -> None:
        self.asked: list[str] = []
        self.failing = failing

    def enrich(self, alert: Alert) -> Enrichment | None:
        (address,) = alert.entities["src_ip"]
        self.asked.append(address)
        if self.failing:
            raise Retry(self.failing, after=60)
        country, code = country_of(address)
        facts = {"country": country, "country_code": code} if country else {"city": "Springfield"}
        return Enrichment({"ips": {address: facts}})


def places(*enrichers):
    return Places(lambda: [Source(f"geo{n}", each, Limits(), ("src_ip",)) for n, each in enumerate(enrichers)])


@pytest.fixture
def geo(siem):
    """The enricher of an instance that has one."""
    enricher = Geo()
    siem.places = places(enricher)
    return enricher


def rows(siem, sql):
    return siem.query(sql).rows.to_pylist()


def addresses(siem, country):
    found = [row["m_src_ip"] for row in rows(siem, "SELECT DISTINCT m_src_ip FROM auth WHERE m_src_ip IS NOT NULL")]
    return ", ".join(f"'{each}'" for each in found if country_of(each)[0] == country and not each.startswith("10."))


@pytest.mark.parametrize(
    ("question", "country"),
    [
        ("Show me all failed logins from outside the US this week", "Germany"),
        ("Show me all failed logins from the US this week", "United States"),
        ("failed logins from Germany this week", "Germany"),
        ("failed logins not from Germany this week", "United States"),
    ],
)
def test_a_condition_on_a_country_is_answered_over_all_sign_ins(siem, geo, question, country):
    answer = siem.ask(question)
    assert answer.status == "succeeded", answer.reason
    expected = rows(siem, f"SELECT m_id FROM auth WHERE {FAILED} AND m_src_ip IN ({addresses(siem, country)})")
    assert expected
    assert sorted(each.m_id for each in answer.citations) == sorted(row["m_id"] for row in expected)
    assert answer.plan.source == "auth"
    assert "country is one of" in answer.explanation
    assert any("count as neither inside nor outside a country" in each for each in answer.assumptions)
    assert siem.query(answer.sql).rows.num_rows == len(expected)


def test_only_addresses_of_the_rest_of_the_question_are_looked_up_and_once(siem, geo):
    siem.ask("failed logins from outside the US this week")
    asked = {row["m_src_ip"] for row in rows(siem, f"SELECT DISTINCT m_src_ip FROM auth WHERE {FAILED}")}
    assert set(geo.asked) <= asked
    assert len(geo.asked) == len(set(geo.asked)) > 0
    before = len(geo.asked)
    siem.ask("failed logins from Germany this week")
    assert len(geo.asked) == before


def test_figures_follow_ups_and_comparisons_have_countries_too(siem, geo):
    german = f"{FAILED} AND m_src_ip IN ({addresses(siem, 'Germany')})"
    assert siem.ask("how many failed logins from Germany this week").results == rows(
        siem, f"SELECT count(*) AS events FROM auth WHERE {german}"
    )
    first = siem.ask("failed logins this week", conversation="new", user="noor")
    second = siem.ask("only from Germany", conversation=first.conversation, user="noor")
    third = siem.ask("per user", conversation=first.conversation, user="noor")
    assert second.statistics.result_count == rows(siem, f"SELECT count(*) AS n FROM auth WHERE {german}")[0]["n"]
    assert sum(row["events"] for row in third.results) == second.statistics.result_count
    outside = siem.ask("only from outside Germany", conversation=first.conversation, user="noor")
    assert outside.results == []
    versus = siem.ask("how many failed logins from Germany yesterday vs 2 days ago")
    assert versus.results[0]["events"] == second.statistics.result_count
    assert versus.results[0]["events_before"] == 0


def test_nothing_is_looked_up_where_a_question_is_explained_only(siem, geo):
    answer = siem.ask("failed logins from outside the US this week", explain_only=True)
    assert (answer.status, answer.rows, geo.asked) == ("succeeded", None, [])
    assert answer.cost_estimate.bytes > 0
    assert "their countries are looked up" in answer.assumptions[-1]
    assert {"m_src_ip", "events"} == set(siem.query(answer.sql).rows.column_names)


def test_what_costs_much_is_confirmed_once_before_anything_is_looked_up(siem, geo):
    from mantissa_core.ask.asker import Limits as AskLimits

    asker = Asker(siem.state, AskedLake(siem), lambda: NOW, AskLimits(confirm_bytes=1, cache=False), None, siem.places)
    refused = asker.ask("failed logins from outside the US this week")
    assert (refused.status, geo.asked) == ("needs_confirmation", [])
    agreed = []
    answer = asker.ask("failed logins from outside the US this week", confirm=lambda cost: not agreed.append(cost))
    assert (answer.status, len(agreed)) == ("succeeded", 1)


def test_who_may_not_see_a_table_learns_nothing_of_its_addresses(siem, geo):
    siem.ask("failed logins from outside the US this week", allowed={"aws_cloudtrail"})
    okta = {row["m_src_ip"] for row in rows(siem, f"SELECT m_src_ip FROM okta_system WHERE {FAILED}")}
    cloud = {row["m_src_ip"] for row in rows(siem, f"SELECT m_src_ip FROM aws_cloudtrail WHERE {FAILED}")}
    assert not set(geo.asked) & (okta - cloud)


def test_without_an_enricher_the_one_source_with_a_country_is_asked(siem):
    assert siem.places is None
    answer = siem.ask("Show me all failed logins from outside the US this week")
    assert answer.plan.source == "okta_system"
    none = siem.ask("buckets created outside the US this week")
    assert none.status == "abstained"
    assert "maxmind.ip" in none.reason
    given = Plan(source="auth", period=answer.plan.period, filters=(Compare(field="m_src_country", value="US"),))
    failed = siem.ask("logins from the US", plan=given)
    assert (failed.status, failed.rows) == ("failed", None)
    assert "no enricher tells countries" in failed.reason


def test_an_enricher_that_fails_is_told_and_its_addresses_are_left_out(siem):
    siem.places = places(Geo("the plan's limit is reached"))
    answer = siem.ask("failed logins from outside the US this week")
    assert (answer.status, answer.results) == ("succeeded", [])
    assert any("could not be looked up and have no country (the plan's limit" in each for each in answer.assumptions)


def test_a_second_enricher_is_asked_about_what_the_first_does_not_know():
    unknown = next(f"203.0.113.{n}" for n in range(9) if not country_of(f"203.0.113.{n}")[0])
    first, second = Geo(), Geo()
    second.enrich = lambda alert: Enrichment({"ips": {unknown: {"country": "Norway"}}})  # type: ignore[method-assign]
    found = places(first, second)([unknown, "203.0.113.77"])
    assert found[unknown] == Place("Norway")
    assert len(first.asked) == 2


@pytest.mark.parametrize(
    "facts",
    [{}, {"ips": []}, {"ips": {"203.0.113.7": "Norway"}}, {"ips": {"203.0.113.7": {"country": 7}}}],
    ids=["nothing", "list", "text", "number"],
)
def test_facts_of_another_shape_are_no_country(facts: Mapping[str, object]) -> None:
    class Odd(Geo):
        def enrich(self, alert: Alert) -> Enrichment | None:
            return Enrichment(facts)

    assert places(Odd())(["203.0.113.7"]) == {"203.0.113.7": Place()}


def test_private_addresses_and_other_texts_are_not_asked_about():
    geo = Geo()
    found = places(geo)(["10.0.0.1", "fe80::1", "nobody", "::ffff:192.168.0.1", "203.0.113.7", "127.0.0.1"])
    assert geo.asked == ["203.0.113.7"]
    assert [found[each].private for each in ("10.0.0.1", "fe80::1", "nobody", "203.0.113.7")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_question_waits_for_its_addresses_no_longer_than_half_a_minute():
    now = [0.0]

    class Slow(Geo):
        def enrich(self, alert: Alert) -> Enrichment | None:
            now[0] += 2
            return super().enrich(alert)

    slow = Slow()
    many = [f"203.0.113.{n}" for n in range(200)]
    found = Places(lambda: [Source("geo", slow, Limits(budget=5), ("src_ip",))], clock=lambda: now[0])(many)
    assert 16 <= len(slow.asked) < 200
    assert found[many[-1]].failure == "not within 30 s"
    assert len(found) == 200


NORWAY = Compare(field="m_src_country", op="in", value=("Norway", "NO"))
PLAN = Plan(
    source="auth",
    period=Period(lo=NOW.replace(day=19), hi=NOW),
    filters=(Not(of=Compare(field="m_src_country", op="in", value=("Norway", "NO"))),),
)


def found(*addresses):
    return [{"m_src_ip": each, "events": 1} for each in addresses]


def told(places):
    return lambda addresses: {each: places.get(each, Place()) for each in addresses}


def test_unknown_and_private_addresses_are_neither_inside_nor_outside_and_counted():
    known = {"203.0.113.1": Place("norway", ""), "203.0.113.2": Place("", "SE"), "10.0.0.1": Place(private=True)}
    for outside in (PLAN.filters[0], NORWAY.model_copy(update={"op": "not_in"})):
        plan = PLAN.model_copy(update={"filters": (outside,)})
        ready = resolved(plan, found(*known, "203.0.113.9", None, ""), told(known))
        assert ready.plan.filters == (Compare(field="m_src_ip", op="in", value=("203.0.113.2",)),)
    assert ready.told == (
        "of 4 source addresses 1 private and 1 of no known country count as neither inside nor outside a country",
    )


def test_conditions_inside_others_are_replaced_too():
    where = Compare(field="m_src_country", value="no")
    done = Compare(field="m_outcome", value="success")
    nested = PLAN.model_copy(update={"filters": (done, Any(of=(where, All(of=(where, done)))))})
    assert located.first_step(nested).filters == (done,)
    plan = resolved(nested, found("203.0.113.1"), told({"203.0.113.1": Place("Norway", "NO")})).plan
    one = Compare(field="m_src_ip", op="in", value=("203.0.113.1",))
    assert plan.filters == (done, Any(of=(one, All(of=(one, done)))))


def test_a_long_list_is_written_as_all_but_the_others():
    many = [f"198.51.{n // 250}.{n % 250}" for n in range(3_000)]
    known = dict.fromkeys(many, Place("Sweden", "SE")) | {"203.0.113.1": Place("Norway", "NO")}
    plan = resolved(PLAN, found(*known), told(known)).plan
    assert plan.filters == (Compare(field="m_src_ip", op="not_in", value=("203.0.113.1",)),)
    half = {each: Place("Norway", "NO") if n % 2 else place for n, (each, place) in enumerate(known.items())}
    with pytest.raises(QueryError, match="1,500 addresses fit, more than a statement can name"):
        resolved(PLAN, found(*half), told(half))


def test_too_many_addresses_are_refused():
    with pytest.raises(QueryError, match="more than 5,000 addresses"):
        resolved(PLAN, found(*(f"x{n}" for n in range(MOST_ADDRESSES + 1))), told({}))


@pytest.mark.parametrize(
    "question", ["failed logins per country this week", "which countries had the most failed logins this week"]
)
def test_events_are_counted_by_country(siem, geo, question):
    answer = siem.ask(question)
    assert answer.status == "succeeded", answer.reason
    expected: Counter[str | None] = Counter()
    for row in rows(siem, f"SELECT m_src_ip FROM auth WHERE {FAILED}"):
        address = row["m_src_ip"]
        private = address is None or address_of(address) is None or not is_public(address_of(address))
        expected[None if private else country_of(address)[0] or None] += 1
    assert {row["m_src_country"]: row["events"] for row in answer.results} == expected
    assert "for each country of" in answer.explanation
    assert answer.summary.startswith(f"{len(expected)} countr")
    assert siem.query(answer.sql).rows.to_pylist() == answer.results
    assert answer.chart().x == "country"


def test_other_figures_and_lists_know_the_country_too(siem, geo):
    period = siem.ask("failed logins this week").plan.period
    different = Measure(function="count_distinct", field="m_src_country")
    count = Plan(source="auth", period=period, measures=(different,), groups=(Group(field="m_user"),))
    answer = siem.ask("countries per user", plan=count)
    assert answer.status == "succeeded", answer.reason
    assert {row["count_distinct_m_src_country"] for row in answer.results} <= {0, 1, 2}
    listing = Plan(
        source="auth",
        period=period,
        select=("m_time", "m_user", "m_src_ip", "m_src_country"),
        filters=(Compare(field="m_src_country", op="starts", value="ger"),),
        order=(Order(by="m_src_country"), Order(by="m_time")),
    )
    answer = siem.ask("a list", plan=listing)
    assert answer.results
    assert all(row["m_src_country"] == "Germany" == country_of(row["m_src_ip"])[0] for row in answer.results)


def test_a_table_that_tells_a_country_is_asked_for_it_and_nothing_is_looked_up(siem, geo):
    answer = siem.ask("okta failed logins per country this week")
    assert answer.columns[0] == "client_geographicalContext_country"
    assert siem.ask("okta failed logins from outside the US this week").plan.source == "okta_system"
    assert geo.asked == []
    assert "m_src_country" not in siem.asker.schema().tables["okta_system"].columns
    assert "m_src_country" in siem.asker.schema().tables["auth"].columns


def test_where_no_address_has_a_country_there_is_none(siem):
    siem.places = places()
    assert {row["m_src_country"] for row in siem.ask("failed logins per country this week").results} == {None}


def test_countries_that_a_user_did_not_come_from_before_are_new(siem, geo):
    answer = siem.ask("logins from unusual countries since 2026-11-19 08:00")
    assert answer.status == "succeeded", answer.reason
    assert answer.plan.baseline.field == "m_src_country"
    seen: set[tuple[str, str]] = set()
    expected = []
    every = siem.query("SELECT * FROM auth ORDER BY m_time", max_rows=10_000).rows.to_pylist()
    start = answer.plan.period.lo
    for row in every:
        address = row["m_src_ip"]
        country = country_of(address)[0] if address and is_public(address_of(address)) else ""
        if row["m_time"] < start:
            seen.add((row["m_user"], country))
        elif row["m_action"] == "login" and country and (row["m_user"], country) not in seen:
            expected.append(row["m_id"])
    assert expected
    assert sorted(each.m_id for each in answer.citations) == sorted(expected)


def test_a_plan_can_be_checked_before_countries_are_known(siem, geo):
    period = siem.ask("failed logins this week").plan.period
    like = Compare(field="m_src_country", op="contains", value="land")
    by = Plan(source="auth", period=period, groups=(Group(field="m_src_country"),), measures=(Measure(),))
    table = siem.asker.schema().table("auth")
    for plan in (by, by.model_copy(update={"filters": (like,), "versus": period})):
        assert siem.query(compile_plan(plan, table)).status == "succeeded"
        for dialect in ("athena", "bigquery", "tsql"):
            parsed = sqlglot.parse_one(compile_plan(plan, table, dialect), read=dialect)
            assert parsed.find(sqlglot.exp.Subquery)


def test_bytes_of_both_statements_count(siem, geo):
    answer = siem.ask("failed logins from outside the US this week")
    alone = siem.query(answer.sql).data_scanned_bytes
    assert answer.statistics.data_scanned_bytes > alone > 0


def test_countries_of_too_many_addresses_are_refused():
    by = PLAN.model_copy(update={"filters": (), "groups": (Group(field="m_src_country"),), "measures": (Measure(),)})
    many = {f"198.51.100.{n}": Place("Norway", "NO") for n in range(800)}
    with pytest.raises(QueryError, match="800 addresses are more than a statement can name"):
        resolved(by, found(*many), told(many))
    few = {"203.0.113.9": Place("", "SE"), "203.0.113.1": Place("Norway", "NO"), "10.0.0.1": Place(private=True)}
    assert resolved(by, found(*few), told(few)).countries == {"Norway": ["203.0.113.1"], "SE": ["203.0.113.9"]}


def test_a_plan_with_countries_is_kept_as_json():
    assert Plan.model_validate(json.loads(PLAN.model_dump_json())) == PLAN
