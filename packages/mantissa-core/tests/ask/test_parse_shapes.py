"""Questions about amounts, shares, silences and what came after what become plans. The clock is test_parse's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from mantissa_core.ask.compile import compile_plan
from mantissa_core.ask.parse import Abstained, Understood, parse
from mantissa_core.ask.plan import Any as AnyOf
from mantissa_core.ask.plan import Compare, Not, Plan
from mantissa_core.ask.schema import Schema
from mantissa_core.model.log_type import Column, LogType

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
CLOUD = LogType(
    name="aws.cloudtrail",
    title="AWS CloudTrail",
    synonyms=("aws", "cloudtrail"),
    columns=(
        Column(path="eventName", synonyms=("api call", "call", "event name")),
        Column(path="eventSource", synonyms=("service",)),
    ),
    views=("auth", "cloud_change"),
)
OFFICE = LogType(
    name="okta.system",
    title="Okta System Log",
    synonyms=("okta",),
    columns=(
        Column(path="country", synonyms=("country", "location")),
        Column(path="risk", type="int64", synonyms=("risk score",)),
    ),
    views=("auth",),
)
FLOWS = LogType(
    name="acme.flow",
    title="Acme flow logs",
    synonyms=("flow logs", "flows", "connections"),
    columns=(
        Column(path="bytes", type="int64", synonyms=("traffic", "volume")),
        Column(path="took_ms", type="int64", synonyms=("duration", "connection time")),
        Column(path="dstport", type="int64", synonyms=("port",)),
        Column(path="host", synonyms=("host", "machine")),
    ),
)
SCHEMA = Schema.of([CLOUD, OFFICE, FLOWS], {"aws_cloudtrail", "okta_system", "acme_flow"})


def plan(question: str, previous: Plan | None = None) -> Plan:
    answer = parse(question, SCHEMA, NOW, previous=previous)
    assert isinstance(answer, Understood), answer
    compile_plan(answer.plan, SCHEMA.table(answer.plan.source))
    return answer.plan


def short(question: str, previous: Plan | None = None) -> str:
    """A plan on one line."""
    found = plan(question, previous)
    parts = [found.source, *map(said, found.filters)]
    if found.sequence:
        first, then = (" and ".join(map(said, each)) for each in (found.sequence.first, found.sequence.then))
        several = f"{found.sequence.at_least} x " if found.sequence.at_least > 1 else ""
        once = " once" if found.sequence.each_key else ""
        parts.append(f"{several}{first} -> {then} of {found.sequence.key} in {found.sequence.within} s{once}")
    if found.baseline:
        parts.append(f"{found.baseline.kind} {found.baseline.field} {found.baseline.days}")
    parts += [f"by {each.name}" for each in found.groups]
    for each in found.measures:
        where = f" where {said(each.where)}" if each.where else ""
        against = f" against {said(each.against)}" if each.against else ""
        parts.append(f"= {each.name}{where}{against}")
    parts += [f"having {each.field} {each.op} {each.value}" for each in found.having]
    parts += [f"order {each.by}" for each in found.order if each.by != "m_time"]
    return " | ".join(parts)


def said(filter_: Any) -> str:
    match filter_:
        case Compare():
            return f"{filter_.field} {filter_.op} {filter_.value}"
        case Not():
            return f"not {said(filter_.of)}"
        case AnyOf():
            return " or ".join(map(said, filter_.of))
    return " and ".join(map(said, filter_.of))


FAILED, DONE, LOGIN = "m_outcome eq failure", "m_outcome eq success", "m_action eq login"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("total bytes by host today", "acme_flow | by host | = sum_bytes"),
        ("how many bytes were there in the flow logs today?", "acme_flow | = sum_bytes"),
        ("top 5 hosts by bytes", "acme_flow | by host | = sum_bytes"),
        ("which host has the most traffic?", "acme_flow | by host | = sum_bytes"),
        ("traffic per hour today", "acme_flow | by hour | = sum_bytes"),
        ("average duration per host today", "acme_flow | by host | = avg_took_ms"),
        ("p95 of the duration today", "acme_flow | = p95_took_ms"),
        ("95th percentile of the connection time", "acme_flow | = p95_took_ms"),
        ("median bytes by host", "acme_flow | by host | = median_bytes"),
        ("what is the largest number of bytes in a single connection?", "acme_flow | = max_bytes"),
        ("the 5 slowest connections today", "acme_flow | order took_ms"),
        ("the 3 largest bytes today", "acme_flow | order bytes"),
        ("connections with more than 1000 bytes", "acme_flow | bytes gt 1000"),
        ("connections bigger than 10 MB", "acme_flow | bytes gt 10000000"),
        ("average connection time in the flow logs", "acme_flow | = avg_took_ms"),
        ("which hosts had more than 1000 bytes today?", "acme_flow | by host | = sum_bytes | having sum_bytes gt 1000"),
        ("events with a risk score above 70", "okta_system | risk gt 70"),
        ("average risk score by country", "okta_system | by country | = avg_risk"),
        ("users with the highest risk score", "okta_system | by m_user | = max_risk"),
        ("top 3 users by average risk score", "okta_system | by m_user | = avg_risk"),
    ],
)
def test_amounts_are_added_up_averaged_and_ranked(question: str, expected: str) -> None:
    assert short(question) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("what share of logins failed?", f"auth | {LOGIN} | = share where {FAILED}"),
        ("failure rate of logins by user", f"auth | {LOGIN} | by m_user | = share where {FAILED}"),
        ("login success rate per day", f"auth | {LOGIN} | by day | = share where {DONE}"),
        ("which users have the highest login failure rate?",
         f"auth | {LOGIN} | by m_user | = share where {FAILED} | order share"),
        ("users whose login failure rate is above 20%",
         f"auth | {LOGIN} | by m_user | = share where {FAILED} | having share gt 0.2"),
        ("percentage of failed logins", f"auth | {LOGIN} | = share where {FAILED}"),
        ("what percentage of failed logins came from France?",
         f"okta_system | {FAILED} | {LOGIN} | = share where country in ('France', 'FR')"),
        ("share of logins from outside the US",
         f"okta_system | {LOGIN} | = share where not country in ('United States', 'US')"),
        ("ratio of failed to successful logins",
         f"auth | {LOGIN} | = ratio where {FAILED} against {DONE}"),
        ("successful vs failed logins per user",
         f"auth | {LOGIN} | by m_user | = success where {DONE} | = failure where {FAILED}"),
        ("how many failed and successful logins were there?",
         f"auth | {LOGIN} | = failure where {FAILED} | = success where {DONE}"),
        ("logins vs logouts per hour",
         "auth | by hour | = login where m_action eq login | = logout where m_action eq logout"),
        ("users with more failed than successful logins",
         f"auth | {LOGIN} | by m_user | = failure where {FAILED} | = success where {DONE}"
         " | having failure gt success"),
    ],
)  # fmt: skip
def test_two_conditions_are_a_share_a_ratio_or_stand_beside_each_other(question: str, expected: str) -> None:
    assert short(question) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("who created a bucket after a login",
         f"aws_cloudtrail | {LOGIN} -> eventName eq CreateBucket and {DONE} of m_user in 86400 s once"),
        ("logins followed by DeleteBucket within 10 minutes",
         f"aws_cloudtrail | {LOGIN} -> eventName eq DeleteBucket of m_user in 600 s"),
        ("users who failed to log in and then succeeded within 5 minutes",
         f"auth | {LOGIN} | {FAILED} -> {DONE} of m_user in 300 s once"),
        ("who logged in after 5 failed logins?",
         f"auth | 5 x {FAILED} and {LOGIN} -> {LOGIN} and {DONE} of m_user in 86400 s once"),
        ("successful login after more than 3 failed logins",
         f"auth | {LOGIN} | 4 x {FAILED} -> {DONE} of m_user in 86400 s"),
        ("failed logins followed by a successful login from the same IP",
         f"auth | {LOGIN} | {FAILED} -> {DONE} of m_src_ip in 86400 s"),
        ("which IPs had a failed login before a successful login?",
         f"auth | {LOGIN} | {FAILED} -> {DONE} of m_src_ip in 86400 s once"),
        ("who failed MFA and logged in within half an hour afterwards?",
         f"auth | {FAILED} and m_action eq mfa_challenge -> {LOGIN} of m_user in 1800 s once"),
        ("how many users failed MFA and then logged in?",
         f"auth | {FAILED} and m_action eq mfa_challenge -> {LOGIN} of m_user in 86400 s | = count_distinct_m_user"),
        ("logins shortly after a failed MFA",
         f"auth | {FAILED} and m_action eq mfa_challenge -> {LOGIN} of m_user in 3600 s"),
    ],
)  # fmt: skip
def test_what_came_after_what_is_a_sequence(question: str, expected: str) -> None:
    assert short(question) == expected


@pytest.mark.parametrize(
    ("question", "expected", "begin"),
    [
        ("users who have not logged in for 30 days", f"auth | {LOGIN} | {DONE} | dormant m_user 400", "2026-10-22"),
        ("users who haven't signed in in the last week", f"auth | {LOGIN} | {DONE} | dormant m_user 400", "2026-11-14"),
        ("who did not log in yesterday?", f"auth | {LOGIN} | {DONE} | dormant m_user 400", "2026-11-20"),
        ("inactive accounts", "auth | dormant m_user 400", "2026-10-22"),
        ("IPs not seen in the last 3 days", "auth | dormant m_src_ip 400", "2026-11-18"),
        ("users who have not logged in for 30 days but did today",
         f"auth | {LOGIN} | {DONE} | returned m_user 30", "2026-11-21"),
        ("inactive accounts that came back this week", "auth | returned m_user 30", "2026-11-16"),
        ("which Okta users signed in today after at least 2 weeks of silence?",
         f"okta_system | {LOGIN} | {DONE} | returned m_user 14", "2026-11-21"),
        ("accounts that had no sign-in for 60 days and then signed in this week",
         f"auth | {LOGIN} | {DONE} | returned m_user 60", "2026-11-16"),
    ],
)  # fmt: skip
def test_who_was_not_there_is_asked_of_the_time_before(question: str, expected: str, begin: str) -> None:
    key = "m_src_ip" if "m_src_ip" in expected else "m_user"
    assert short(question) == f"{expected} | by {key} | = events"
    assert f"{plan(question).period.lo:%Y-%m-%d}" == begin


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("which users created an access key after their MFA was reset?", "by who did it"),
        ("who logged in after a password reset", "by who did it"),
        ("which users logged in after a failed login from the same IP?", "of what the same"),
        ("logins followed by logins", "the same thing twice"),
        ("who failed MFA, then logged in, then created a bucket", "more than two things"),
        ("top 5 users with a login after a failed login", "at once"),
        ("who created a bucket 2 times after a login", "what does 2 say"),
        ("failed logins and then delete the bucket", "only read"),
        ("who created a bucket after a wombat", "not understood: 'wombat'"),
        ("average logins by user", "of which amount"),
        ("sum of the risk score", "a sum of risk says nothing"),
        ("average port by host", "of which amount"),
        ("average bytes and duration by host", "several figures"),
        ("percentage of failed logins by user", "'failure rate by'"),
        ("compare failed logins with logins by user", "a part of the other"),
        ("failure rate by user", "the share of which events"),
        ("what share of users failed to log in?", "not of users"),
        ("users with a login failure rate above 3", "percent"),
        ("what share of logins were quick?", "the share of what in what"),
        ("which users logged in today but not yesterday?", "several times"),
        ("how many users have not logged in for 30 days?", "at once"),
        ("users who have not logged in for 900 days", "between 1 and 400"),
        ("who logged in without MFA", "and not another"),
    ],
)
def test_what_is_not_clear_in_these_shapes_is_not_answered(question: str, reason: str) -> None:
    answer = parse(question, SCHEMA, NOW)
    assert isinstance(answer, Abstained), answer
    assert reason in answer.reason


def test_what_a_sequence_leaves_open_is_said() -> None:
    answer = parse("who created a bucket after a login", SCHEMA, NOW)
    assert isinstance(answer, Understood)
    assert {"both by the same user", "within 24 hours of each other"} <= set(answer.assumptions)
    assert "of the same user and within 1 day" in answer.explanation
    shortly = parse("who created a bucket shortly after a login", SCHEMA, NOW)
    assert isinstance(shortly, Understood)
    assert "shortly: within an hour" in shortly.assumptions


def test_against_somebody_is_no_comparison() -> None:
    expected = f"auth | {FAILED} | {LOGIN} | m_user eq lin@example.com"
    assert short("failed logins recorded against lin@example.com") == expected


@pytest.mark.parametrize(
    "question",
    ["how many people couldn't log in this morning?", "logins that did not fail", "failed logins not from Portugal"],
)
def test_what_was_not_done_is_no_silence(question: str) -> None:
    assert plan(question).baseline is None


@pytest.mark.parametrize(
    ("before", "question", "expected"),
    [
        ("who failed to log in and then succeeded today?", "only lin@example.com",
         f"auth | {LOGIN} | m_user eq lin@example.com | {FAILED} -> {DONE} of m_user in 86400 s once"),
        ("who failed to log in and then succeeded today?", "how many?",
         f"auth | {LOGIN} | {FAILED} -> {DONE} of m_user in 86400 s | = count_distinct_m_user"),
        ("failure rate of logins by user", "by IP instead",
         f"auth | {LOGIN} | by m_src_ip | = share where {FAILED}"),
        ("average duration by host", "per hour", "acme_flow | by hour | = avg_took_ms"),
        ("average duration by host", "how many?", "acme_flow | by host | = events"),
        ("users who have not logged in for 3 days", "only lin@example.com",
         f"auth | {LOGIN} | {DONE} | m_user eq lin@example.com | dormant m_user 400 | by m_user | = events"),
    ],
)  # fmt: skip
def test_a_follow_up_keeps_the_shape_of_the_question_before(before: str, question: str, expected: str) -> None:
    assert short(question, plan(before)) == expected


def test_a_follow_up_moves_a_sequence_and_a_silence_in_time() -> None:
    for question in ("who failed to log in and then succeeded today?", "users who have not logged in for 3 days"):
        before = plan(question)
        after = plan("and last week?", before)
        assert (after.sequence, after.baseline, after.filters) == (before.sequence, before.baseline, before.filters)
        assert after.period.text == "last week"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("% of logins that failed per user", f"auth | {LOGIN} | by m_user | = share where {FAILED}"),
        ("out of all logins today, what fraction failed?", f"auth | {LOGIN} | = share where {FAILED}"),
        ("users logged in from more than 2 addresses",
         f"auth | {LOGIN} | {DONE} | by m_user | = count_distinct_m_src_ip | having count_distinct_m_src_ip gt 2"),
        ("accounts calling Decrypt", "aws_cloudtrail | eventName eq Decrypt | by m_user | = events"),
        ("pct of logins that failed", f"auth | {LOGIN} | = share where {FAILED}"),
        ("logins outside Germany, the Netherlands and the UK",
         f"okta_system | {LOGIN} | not country in ('Germany', 'DE') | not country in ('Netherlands', 'NL')"
         " | not country in ('United Kingdom', 'GB')"),
        ("logins not by amara@example.com, lin@example.com or noor@example.com",
         f"auth | {LOGIN} | not m_user eq amara@example.com | not m_user eq lin@example.com"
         " | not m_user eq noor@example.com"),
        ("logins from Germany but not by amara@example.com",
         f"okta_system | {LOGIN} | not m_user eq amara@example.com | country in ('Germany', 'DE')"),
        ("show traffic to port 3389 today", "acme_flow | dstport eq 3389"),
        ("failed logins, any country, today", f"auth | {FAILED} | {LOGIN}"),
    ],
)  # fmt: skip
def test_what_is_excluded_enumerated_or_divided_is_so_to_its_end(question: str, expected: str) -> None:
    assert short(question) == expected


def test_an_amount_that_is_listed_is_shown_and_nothing_is_grouped_by_it() -> None:
    assert "bytes" in plan("show traffic to port 3389 today").select


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("the single busiest host in the flow logs", 1),
        ("which single user failed to log in most often?", 1),
        ("the busiest hosts in the flow logs", 10),
    ],
)
def test_the_single_one_is_one(question: str, rows: int) -> None:
    assert plan(question).limit == rows


def test_one_row_of_an_answer_must_be_named() -> None:
    before = plan("top 5 users by failed logins")
    answer = parse("show me the raw events for the first one", SCHEMA, NOW, previous=before)
    assert isinstance(answer, Abstained)


def test_the_name_of_an_operation_is_nobody() -> None:
    answer = parse("events of REST.GET.ACL today", SCHEMA, NOW)
    assert isinstance(answer, Abstained)
    assert answer.unknown == ("REST.GET.ACL",)


def test_silence_may_be_told_by_what_was_missing() -> None:
    found = short("accounts in okta that woke up this week after more than 60 days without a sign-in")
    assert found.startswith(f"okta_system | {LOGIN} | {DONE} | returned m_user 60")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("failed logins jan", "failed logins in january"),
        ("failed logins since the first of november", "failed logins since 1 november"),
        ("failed logins between 15 and 18 november", "failed logins between 15 november and 18 november"),
        ("failed logins on friday the 20th of november", "failed logins on the 20th of november"),
        ("failed logins, past fortnight", "failed logins, past 2 weeks"),
        ("failed logins (2 weeks)", "failed logins in the last 2 weeks"),
        ("more failed logins this week than the week before?", "more failed logins this week than last week?"),
        ("REQ-12: failed logins today", "failed logins today"),
    ],
)
def test_times_are_read_however_they_are_written(said: str, meant: str) -> None:
    one, other = plan(said), plan(meant)
    assert (one.period.lo, one.period.hi, one.filters) == (other.period.lo, other.period.hi, other.filters)
    assert not one.period.assumed


def test_a_name_at_the_end_is_no_month() -> None:
    assert plan("logins by jan").period.assumed
