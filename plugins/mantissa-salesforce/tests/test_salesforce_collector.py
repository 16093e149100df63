from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_salesforce import CLIENT, DATA, USER, FakeSalesforce, csv, file, file_id, pem
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.testing.fake_vendor import Answer, Event
from mantissa_salesforce import event_log_files
from mantissa_salesforce.collector import SalesforceLogs
from mantissa_salesforce.parser import EventLogCSV
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
BOUNDS = "CreatedDate >= 2025-03-04T09:00:00.000Z AND CreatedDate < 2025-03-04T10:00:00.000Z"
FILES = "SELECT Id, EventType, LogDate, CreatedDate, LogFileLength FROM EventLogFile WHERE Interval ="


def collector(salesforce: FakeSalesforce, **settings: Any) -> SalesforceLogs:
    given = {"instance_url": salesforce.url, "client_id": CLIENT, "username": USER, "private_key": pem()}
    return SalesforceLogs(SalesforceLogs.Config.model_validate({**given, "requests_per_minute": 600, **settings}))


def pages(subject: SalesforceLogs, name: str, state: dict[str, Any] | None = None) -> list[Page]:
    stream = next(each for each in subject.streams() if each.name == name)
    return list(subject.read(stream, WINDOW, state or {}))


def rows(page: Page) -> list[dict[str, Any]]:
    decoder = EventLogCSV(EventLogCSV.Config())
    return [json.loads(row) for blob in page.blobs for step in decoder.decode(blob) for row in step.records]


def queries(salesforce: FakeSalesforce) -> list[str]:
    return [request.query["q"] for request in salesforce.requests if request.route == f"{DATA}/query"]


def test_each_log_is_a_stream_of_its_log_type(salesforce: FakeSalesforce) -> None:
    streams = collector(salesforce).streams()
    assert [(each.name, each.log_type) for each in streams] == [
        ("event_log", "salesforce.event_log"),
        ("login", "salesforce.login"),
    ]


def test_files_are_listed_by_the_time_they_were_made_and_fetched_when_decoded(salesforce: FakeSalesforce) -> None:
    salesforce.put([Event("e0", START + timedelta(minutes=5))])
    [page] = pages(collector(salesforce), "event_log")
    assert queries(salesforce) == [f"{FILES} 'Hourly' AND {BOUNDS} ORDER BY CreatedDate, Id LIMIT 200"]
    assert len(salesforce.requests) == 1
    [blob] = page.blobs
    assert blob.origin == f"{salesforce.url}/EventLogFile/{file_id(Event('e0', START))}"
    assert [row["REQUEST_ID"] for row in rows(page)] == ["e0"]
    assert page.complete_until == WINDOW.end


def test_one_interval_is_read_and_only_the_types_that_are_asked_for(salesforce: FakeSalesforce) -> None:
    pages(collector(salesforce, interval="Daily", event_types=["Login", "ReportExport"]), "event_log")
    [query] = queries(salesforce)
    assert query.startswith(f"{FILES} 'Daily' AND EventType IN ('Login', 'ReportExport') AND {BOUNDS}")


def test_a_listing_goes_on_behind_the_last_file(salesforce: FakeSalesforce, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log_files, "LISTED", 2)
    events = [Event(f"e{number}", START) for number in range(3)]
    salesforce.put(events)
    found = [row["REQUEST_ID"] for page in pages(collector(salesforce), "event_log") for row in rows(page)]
    last = sorted(file_id(event) for event in events)[1]
    made = "2025-03-04T09:00:00.000Z"
    assert f"AND (CreatedDate > {made} OR (CreatedDate = {made} AND Id > '{last}'))" in queries(salesforce)[1]
    assert sorted(found) == ["e0", "e1", "e2"]


def test_large_files_are_pages_of_their_own(salesforce: FakeSalesforce, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log_files, "PAGE_BYTES", 200)
    salesforce.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(3)])
    found = pages(collector(salesforce), "event_log")
    assert [len(page.blobs) for page in found] == [1, 1, 1]
    assert [page.complete_until for page in found] == [None, None, WINDOW.end]


def test_what_the_overlap_lists_again_is_not_fetched_again(salesforce: FakeSalesforce) -> None:
    salesforce.put([Event("e0", START)])
    subject = collector(salesforce)
    [first] = pages(subject, "event_log")
    salesforce.put([Event("late", START)])
    [second] = pages(subject, "event_log", dict(first.next_state))
    assert [row["REQUEST_ID"] for row in rows(second)] == ["late"]
    assert len(second.next_state["seen"]) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(404, [{"errorCode": "NOT_FOUND"}]), "deleted the file"),
        (Answer(200, [{"errorCode": "UNKNOWN_EXCEPTION", "message": "x" * 500}]), "something else than the file"),
        (Answer(200, csv(Event("e0", START))[:40]), "gave 40 of the"),
    ],
    ids=["gone", "error", "cut"],
)
def test_a_file_that_does_not_come_whole_is_fetched_again(
    salesforce: FakeSalesforce, answer: Answer, words: str
) -> None:
    salesforce.put([Event("e0", START)])
    [page] = pages(collector(salesforce), "event_log")
    salesforce.answer = answer
    with pytest.raises(Retry, match=words):
        rows(page)


@pytest.mark.parametrize("change", [{"Id": "../../x"}, {"Id": None}, {"CreatedDate": "yesterday"}], ids=str)
def test_a_listing_that_cannot_be_gone_on_from_is_asked_for_again(
    salesforce: FakeSalesforce, change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log_files, "LISTED", 1)
    salesforce.answer = Answer(200, {"records": [{**file(Event("e0", START)), **change}]})
    with pytest.raises(Retry):
        pages(collector(salesforce), "event_log")


def test_sign_ins_are_asked_for_by_their_time_and_the_next_page_at_its_address(salesforce: FakeSalesforce) -> None:
    salesforce.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(4)])
    found = pages(collector(salesforce), "login")
    where = "LoginTime >= 2025-03-04T09:00:00.000Z AND LoginTime < 2025-03-04T10:00:00.000Z ORDER BY LoginTime"
    assert queries(salesforce) == [f"SELECT FIELDS(STANDARD) FROM LoginHistory WHERE {where}"]
    assert [request.route for request in salesforce.requests][1:] == [f"{DATA}/query/01gc_0"]
    assert [page.complete_until for page in found] == [None, WINDOW.end]


def test_a_query_whose_result_has_lapsed_is_asked_anew(salesforce: FakeSalesforce) -> None:
    salesforce.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(4)])
    subject = collector(salesforce)
    [_, login] = subject.streams()
    state = next(subject.read(login, WINDOW, {})).next_state
    salesforce.forget_cursors()
    assert sum(len(page.records) for page in subject.read(login, WINDOW, state)) == 4


@pytest.mark.parametrize("address", ["/services/apexrest/x", "https://other.example.com/services/data/v62.0/query/01g"])
def test_a_next_page_elsewhere_is_not_followed(salesforce: FakeSalesforce, address: str) -> None:
    salesforce.answer = Answer(200, {"records": [], "nextRecordsUrl": address})
    with pytest.raises(Retry):
        pages(collector(salesforce), "login")
    assert len(salesforce.requests) == 1


@pytest.mark.parametrize(
    ("log", "status", "words"),
    [
        ("event_log", 400, "View Event Log Files"),
        ("login", 400, "Manage Users or Monitor Login History"),
        ("login", 401, "the user is active"),
        ("event_log", 404, "api_version"),
    ],
)
def test_a_refusal_says_what_the_operator_must_do(
    salesforce: FakeSalesforce, log: str, status: int, words: str
) -> None:
    salesforce.answer = salesforce.refusal(status, "INVALID_TYPE")
    with pytest.raises(NeedsOperator, match=words) as raised:
        collector(salesforce, logs=[log]).check()
    assert "(INVALID_TYPE)" in str(raised.value)


def test_a_check_names_everything_that_is_missing(salesforce: FakeSalesforce) -> None:
    salesforce.answer = salesforce.refusal(400, "INVALID_TYPE")
    with pytest.raises(NeedsOperator, match="View Event Log Files") as raised:
        collector(salesforce).check()
    assert "Monitor Login History" in str(raised.value)


def test_a_403_is_a_missing_permission_unless_it_is_the_limit(salesforce: FakeSalesforce) -> None:
    salesforce.answer = salesforce.refusal(403, "API_DISABLED_FOR_ORG")
    with pytest.raises(NeedsOperator, match="API Enabled"):
        collector(salesforce).check()
    salesforce.answer = salesforce.refusal(403, "REQUEST_LIMIT_EXCEEDED")
    with pytest.raises(Retry, match="rate limit"):
        collector(salesforce).check()


def test_a_key_that_the_app_does_not_know_needs_the_operator(salesforce: FakeSalesforce) -> None:
    with pytest.raises(NeedsOperator, match="invalid_grant"):
        collector(salesforce, username="another@example.com").check()


def test_all_logs_share_an_access_token(salesforce: FakeSalesforce) -> None:
    collector(salesforce).check()
    assert len(salesforce.tokens) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"instance_url": "http://example.my.salesforce.com"},
        {"logs": []},
        {"interval": "Weekly"},
        {"event_types": ["Login' OR Id != '"]},
        {"api_version": "62.0/../x"},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(salesforce: FakeSalesforce, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        collector(salesforce, **settings)


def test_the_installed_plugin_is_configured_by_the_environment(
    salesforce: FakeSalesforce, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    salesforce.put([Event("e0", START)])
    given = {"INSTANCE_URL": salesforce.url, "CLIENT_ID": CLIENT, "USERNAME": USER, "PRIVATE_KEY": pem()}
    for name, value in given.items():
        monkeypatch.setenv(f"SALESFORCE_{name}", value)
    subject = start_plugin(Collector, "salesforce.logs", {})
    [_, login] = subject.streams()
    [page] = subject.read(login, WINDOW, {})
    assert page.records[0]["Id"] == "e0"  # type: ignore[index, call-overload]
