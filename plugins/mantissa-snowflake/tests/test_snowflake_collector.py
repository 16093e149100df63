from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fake_snowflake import ACCOUNT, USER, FakeSnowflake, pem
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.testing.fake_vendor import Answer, Event
from mantissa_core.vendor_api import Answer as VendorAnswer
from mantissa_snowflake.collector import AccountUsage
from mantissa_snowflake.key_pair import account_name
from mantissa_snowflake.rows import events_of
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
KEY = {"account": ACCOUNT, "user": USER, "private_key": pem()}


def collector(snowflake: FakeSnowflake, **settings: Any) -> AccountUsage:
    given = {**KEY, "url": snowflake.url, "timeout": 5, **settings}
    return AccountUsage(AccountUsage.Config.model_validate({k: v for k, v in given.items() if v is not None}))


def read(subject: AccountUsage, stream: str, state: dict[str, Any] | None = None) -> list[Page]:
    return list(subject.read(next(each for each in subject.streams() if each.name == stream), WINDOW, state or {}))


def records(pages: Sequence[Page]) -> list[dict[str, Any]]:
    return [dict(record) for page in pages for record in page.records]  # type: ignore[call-overload]


def events(count: int) -> list[Event]:
    return [Event(f"e{number}", START + timedelta(minutes=number)) for number in range(count)]


def test_values_have_the_types_of_their_columns(snowflake: FakeSnowflake) -> None:
    snowflake.put([Event("AMARA", START + timedelta(microseconds=123_456))])
    assert records(read(collector(snowflake), "login")) == [
        {
            "EVENT_ID": 2**53 + 1,
            "EVENT_TIMESTAMP": "2025-03-04T09:00:00.123456Z",
            "EVENT_TYPE": "LOGIN",
            "USER_NAME": "AMARA",
            "CLIENT_IP": "203.0.113.17",
            "IS_SUCCESS": "YES",
        }
    ]
    [query] = records(read(collector(snowflake), "query"))
    assert query["IS_CLIENT_GENERATED_STATEMENT"] is False
    assert (query["START_TIME"], query["SESSION_ID"]) == ("2025-03-04T04:00:00.123456Z", 7)


def test_a_statement_is_found_by_its_end_however_long_it_ran(snowflake: FakeSnowflake) -> None:
    snowflake.put([Event("long", WINDOW.start), Event("later", WINDOW.end)])
    assert [each["QUERY_ID"] for each in records(read(collector(snowflake), "query"))] == ["long"]


def test_a_grant_and_its_revocation_are_each_read_at_their_time(snowflake: FakeSnowflake) -> None:
    common = {"ROLE": "ANALYST", "GRANTED_TO": "USER", "GRANTED_BY": "SECURITYADMIN"}
    before, within = START - timedelta(days=9), START + timedelta(minutes=5)
    snowflake.rows = [
        {**common, "GRANTEE_NAME": "LIN", "CREATED_ON": before, "DELETED_ON": within},
        {**common, "GRANTEE_NAME": "NOOR", "CREATED_ON": within, "DELETED_ON": None},
        {**common, "GRANTEE_NAME": "AMARA", "CREATED_ON": before, "DELETED_ON": None},
    ]
    found = records(read(collector(snowflake), "grants_to_users"))
    assert sorted((each["GRANT_EVENT"], each["GRANTEE_NAME"], each["EVENT_TIME"]) for each in found) == [
        ("GRANT", "NOOR", "2025-03-04T09:05:00Z"),
        ("REVOKE", "LIN", "2025-03-04T09:05:00Z"),
    ]


def test_the_windows_ends_are_bound_and_not_pasted(snowflake: FakeSnowflake) -> None:
    read(collector(snowflake, role="MANTISSA", warehouse="MANTISSA_WH"), "login")
    body = snowflake.requests[0].json()
    assert "2025" not in body["statement"]
    assert body["bindings"] == {
        "1": {"type": "FIXED", "value": "1741078800000"},
        "2": {"type": "FIXED", "value": "1741082400000"},
    }
    assert (body["role"], body["warehouse"], body["timeout"]) == ("MANTISSA", "MANTISSA_WH", 600)


def test_a_result_is_read_on_from_its_partition_and_its_statement_is_not_sent_again(snowflake: FakeSnowflake) -> None:
    snowflake.put(events(8))
    pages = collector(snowflake).read(collector(snowflake).streams()[0], WINDOW, {})
    state = dict(next(pages).next_state)
    assert str(state["after"]).endswith(":1")
    rest = records(read(collector(snowflake), "login", state))
    assert [each["USER_NAME"] for each in rest] == ["e3", "e4", "e5", "e6", "e7"]
    assert len(snowflake.statements) == 1


def test_a_result_that_snowflake_has_forgotten_is_asked_for_anew(snowflake: FakeSnowflake) -> None:
    snowflake.put(events(8))
    state = dict(read(collector(snowflake), "login")[0].next_state)
    snowflake.forget_results()
    assert len(records(read(collector(snowflake), "login", state))) == 8
    assert len(snowflake.statements) == 2


def test_a_statement_that_runs_is_waited_for_and_found_again_after_a_restart(
    snowflake: FakeSnowflake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mantissa_snowflake.collector.GLANCES", (0.0,))
    snowflake.put(events(8))
    snowflake.running = 3
    subject = collector(snowflake)
    pages = subject.read(subject.streams()[0], WINDOW, {})
    first = next(pages)
    assert (list(first.records), first.more) == ([], True)
    with pytest.raises(Retry, match="still works") as raised:
        next(pages)
    assert raised.value.after == 15
    assert len(records(read(collector(snowflake), "login", dict(first.next_state)))) == 8
    assert len(snowflake.statements) == 1


def test_check_says_which_view_may_not_be_read(snowflake: FakeSnowflake) -> None:
    collector(snowflake).check()
    snowflake.views.discard("GRANTS_TO_ROLES")
    with pytest.raises(NeedsOperator, match=r"GRANTS_TO_ROLES: .*SECURITY_VIEWER.*\(002003"):
        collector(snowflake).check()
    collector(snowflake, views=["login", "query"]).check()


def test_a_warehouse_that_is_missing_is_named(snowflake: FakeSnowflake) -> None:
    with pytest.raises(NeedsOperator, match="GRANT USAGE ON WAREHOUSE"):
        collector(snowflake, warehouse="OTHER_WH").check()


def test_an_access_token_is_another_credential(snowflake: FakeSnowflake) -> None:
    snowflake.put(events(1))
    subject = collector(snowflake, private_key=None, token="pat-of-the-tests")
    assert len(records(read(subject, "login"))) == 1
    with pytest.raises(NeedsOperator, match="refuses the credential"):
        collector(snowflake, private_key=None, token="another").check()


@pytest.mark.parametrize(
    "body",
    [
        {"statementHandle": "01b2"},
        {"statementHandle": "../../x", "resultSetMetaData": {"rowType": []}, "data": []},
        {"statementHandle": "01b2", "resultSetMetaData": {"rowType": [{"name": "A"}]}, "data": [["1", "2"]]},
        {"statementHandle": "01b2", "resultSetMetaData": {"rowType": [{"type": "text"}]}, "data": []},
        [1],
    ],
)
def test_an_answer_that_is_no_result_is_tried_again(snowflake: FakeSnowflake, body: Any) -> None:
    snowflake.answer = Answer(200, body)
    with pytest.raises(Retry):
        read(collector(snowflake), "login")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("fixed", "12", 12),
        ("fixed", "1.5", 1.5),
        ("fixed", "9223372036854775808", "9223372036854775808"),
        ("fixed", "many", "many"),
        ("real", "0.25", 0.25),
        ("boolean", "true", True),
        ("boolean", "perhaps", "perhaps"),
        ("timestamp_tz", "1741078800.000000000 1500", "2025-03-04T09:00:00Z"),
        ("timestamp_ltz", "99999999999999999999", "99999999999999999999"),
        ("variant", '{"a": [1]}', {"a": [1]}),
        ("array", "[", "["),
        ("text", "x", "x"),
        ("geography", "POINT(1 2)", "POINT(1 2)"),
    ],
)
def test_a_value_is_read_by_its_type_and_otherwise_stays_text(kind: str, text: str, value: Any) -> None:
    answer = VendorAnswer(httpx.Response(200), {"data": [[text, None]]}, "Snowflake")
    columns = [{"name": "A", "type": kind}, {"name": "B", "type": kind}]
    assert events_of(answer, columns) == [{"A": value}]


@pytest.mark.parametrize(
    "settings",
    [
        {"private_key": None},
        {"token": "x"},
        {"account": "example.com/evil"},
        {"role": "R; DROP TABLE x"},
        {"views": []},
        {"views": ["access_history"]},
        {"url": "http://snowflake.example.com"},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    given = {name: value for name, value in {**KEY, **settings}.items() if value is not None}
    with pytest.raises(ValidationError):
        AccountUsage.Config.model_validate(given)


def test_a_key_that_is_none_needs_the_operator(snowflake: FakeSnowflake) -> None:
    with pytest.raises(NeedsOperator, match="private_key"):
        collector(snowflake, private_key="-----BEGIN PRIVATE KEY-----")


@pytest.mark.parametrize(
    ("account", "name"),
    [("org-example", "ORG-EXAMPLE"), ("xy12345.eu-central-1", "XY12345"), ("xy12345.west-europe.azure", "XY12345")],
)
def test_the_accounts_name_in_a_token(account: str, name: str) -> None:
    assert account_name(account) == name


def test_the_installed_plugin_reads_through_the_host(
    snowflake: FakeSnowflake, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    snowflake.put(events(2))
    monkeypatch.setenv("SNOWFLAKE_ACCOUNT", ACCOUNT)
    monkeypatch.setenv("SNOWFLAKE_USER", USER)
    settings = {"private_key": "secret://key", "url": snowflake.url}
    subject = start_plugin(Collector, "snowflake.account_usage", settings, key=pem())
    assert len(records(list(subject.read(subject.streams()[0], WINDOW, {})))) == 2
