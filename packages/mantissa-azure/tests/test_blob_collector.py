from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from azure.identity import ClientSecretCredential, DefaultAzureCredential
from fake_blob import CONTAINER, FOLDER, KEY, FakeBlob
from fake_capture import captured, wrapped
from mantissa_azure import blobs, progress
from mantissa_azure.access import credential
from mantissa_azure.collector import BlobCollector
from mantissa_azure.parser import RecordsFile
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.parse.compression import open_blob
from mantissa_core.testing.fake_vendor import Answer, Event, Fault
from pydantic import ValidationError

HOUR = FOLDER + "y=2025/m=03/d=04/h=09/m=00/PT1H.json"
NEXT = FOLDER + "y=2025/m=03/d=04/h=10/m=00/PT1H.json"
ANY = Window(datetime(2025, 3, 4, tzinfo=UTC), datetime(2025, 3, 4, tzinfo=UTC))


@pytest.fixture
def azure() -> Iterator[FakeBlob]:
    with FakeBlob() as fake:
        yield fake


def collector(azure: FakeBlob, clock: datetime | None = None, **settings: Any) -> BlobCollector:
    given = {"account_url": azure.account_url, "account_key": KEY, "retries": 0, "timeout": 5, **settings}
    return BlobCollector(BlobCollector.Config.model_validate(given), lambda: clock or azure.clock)


def line(number: int) -> bytes:
    return json.dumps({"id": number}).encode() + b"\n"


def read(
    subject: BlobCollector, state: Mapping[str, Any] | None = None, stream: int = 0
) -> tuple[list[Any], list[tuple[str, int]], Mapping[str, Any]]:
    """What one pass yields: the ids, where each stood, and the last state."""
    ids: list[Any] = []
    places: list[tuple[str, int]] = []
    decoder = RecordsFile(RecordsFile.Config())
    end: Mapping[str, Any] = state or {}
    for page in subject.read(subject.streams()[stream], ANY, state or {}):
        end = page.next_state
        for blob in page.blobs:
            for decoded in decoder.decode(open_blob(blob)):
                ids += [json.loads(record)["id"] for record in decoded.records]
                places += [(blob.origin, position) for position in decoded.positions]
    return ids, places, end


def test_an_hour_that_grows_is_read_on_from_where_it_was(azure: FakeBlob) -> None:
    azure.append(HOUR, line(1) + line(2))
    ids, places, state = read(collector(azure))
    assert ids == [1, 2]
    azure.append(HOUR, line(3))
    more, further, _ = read(collector(azure), state)
    assert more == [3]
    assert azure.requests[-1].headers["x-ms-range"] == "bytes=20-29"
    everything = read(collector(azure))[1]
    assert places + further == everything, "an event's place must not depend on when it was read"


def test_a_line_that_is_half_written_waits_for_its_end(azure: FakeBlob) -> None:
    azure.append(HOUR, line(1) + b'{"id":')
    ids, _, state = read(collector(azure))
    assert ids == [1]
    azure.append(HOUR, b" 2}\n")
    assert read(collector(azure), state)[0] == [2]


def test_a_last_line_without_an_end_is_read_where_it_is_a_whole_object(azure: FakeBlob) -> None:
    azure.append(HOUR, line(1) + b'{"id": 2}')
    ids, _, state = read(collector(azure))
    assert ids == [1, 2]
    azure.append(HOUR, b"\r\n" + line(3))
    assert read(collector(azure), state)[0] == [3]


def test_what_is_left_of_a_blob_that_no_longer_grows_becomes_a_dead_letter(azure: FakeBlob) -> None:
    azure.append(HOUR, line(1) + b'{"id":')
    _, _, state = read(collector(azure))
    later = azure.clock + timedelta(days=2)
    subject = collector(azure, later)
    [page] = subject.read(subject.streams()[0], ANY, state)
    [blob] = page.blobs
    [step] = RecordsFile(RecordsFile.Config()).decode(open_blob(blob))
    assert [bytes(each) for each in step.records] == [b'{"id":']
    assert page.next_state == {"floor": HOUR, "known": {}}


def test_a_large_blob_comes_in_pages_of_whole_lines(azure: FakeBlob) -> None:
    azure.append(HOUR, b"".join(line(number) for number in range(10, 60)))
    subject = collector(azure, page_bytes=100)
    pages = list(subject.read(subject.streams()[0], ANY, {}))
    assert len(pages) == 6
    assert [page.more for page in pages] == [True] * 5 + [False]
    assert read(subject)[0] == list(range(10, 60))
    assert read(subject, pages[2].next_state)[0] == list(range(37, 60))


def test_a_line_longer_than_a_page_is_read_whole(azure: FakeBlob) -> None:
    azure.append(HOUR, line(1) + b'{"id": 2, "text": "' + b"x" * 1000 + b'"}\n' + line(3))
    assert read(collector(azure, page_bytes=100))[0] == [1, 2, 3]


def test_a_line_that_never_ends_does_not_stop_the_stream(azure: FakeBlob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "LONGEST", 400)
    azure.append(HOUR, line(1) + b"x" * 2000)
    azure.append(NEXT, line(2))
    subject = collector(azure, page_bytes=100)
    decoder = RecordsFile(RecordsFile.Config())
    found = [
        bytes(record)
        for page in subject.read(subject.streams()[0], ANY, {})
        for blob in page.blobs
        for step in decoder.decode(open_blob(blob))
        for record in step.records
    ]
    assert found[0] == line(1).strip()
    assert found[-1] == line(2).strip()
    assert set(b"".join(found[1:-1])) == {ord("x")}


def test_an_earlier_hour_that_grows_late_is_read(azure: FakeBlob) -> None:
    azure.append(HOUR, line(1))
    azure.append(NEXT, line(2))
    _, _, state = read(collector(azure))
    azure.append(HOUR, line(3))
    azure.append(HOUR.replace("h=09", "h=08"), line(4))
    assert read(collector(azure), state)[0] == [4, 3]


def test_what_is_settled_is_not_listed_again(azure: FakeBlob) -> None:
    azure.append(HOUR, line(1))
    azure.append(HOUR.replace("d=04", "d=05"), line(2))
    later = azure.clock + timedelta(days=2)
    _, _, state = read(collector(azure, later))
    assert state == {"floor": HOUR.replace("d=04", "d=05"), "known": {}}
    azure.requests.clear()
    azure.clock = later
    azure.append(HOUR.replace("d=04", "d=06"), line(3))
    assert read(collector(azure), state)[0] == [3]
    assert not [each.path for each in azure.requests if "d%3D04" in each.path]


def test_nothing_new_makes_no_page(azure: FakeBlob) -> None:
    azure.append(HOUR, line(1))
    subject = collector(azure)
    _, _, state = read(subject)
    assert list(subject.read(subject.streams()[0], ANY, state)) == []


def test_the_state_is_bounded(azure: FakeBlob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "MOST", 5)
    for day in range(1, 9):
        azure.append(HOUR.replace("d=04", f"d=0{day}"), line(day))
    ids, _, state = read(collector(azure))
    assert ids == list(range(1, 9))
    assert len(state["known"]) == 5
    assert state["floor"] == HOUR.replace("d=04", "d=03")
    assert read(collector(azure), state)[0] == []


def test_a_blob_that_was_deleted_after_the_listing_is_no_error(azure: FakeBlob) -> None:
    azure.append(HOUR, line(1))
    azure.append(NEXT, line(2))
    subject = collector(azure, blobs_per_page=1)
    pages = subject.read(subject.streams()[0], ANY, {})
    assert len(next(pages).blobs) == 1
    del azure.containers[CONTAINER][NEXT]
    assert [len(page.blobs) for page in pages] == [0]


def test_a_blob_that_is_made_anew_is_read_from_its_beginning(azure: FakeBlob) -> None:
    azure.append(HOUR, line(1) + line(2))
    _, _, state = read(collector(azure))
    del azure.containers[CONTAINER][HOUR]
    azure.clock += timedelta(minutes=1)
    azure.append(HOUR, line(3))
    assert read(collector(azure), state)[0] == [3]


def test_blobs_from_before_the_start_are_left_out(azure: FakeBlob) -> None:
    azure.append(HOUR, line(1))
    assert read(collector(azure, since=date(2025, 3, 5)))[0] == []
    assert read(collector(azure, since=date(2025, 3, 4)))[0] == [1]


def test_each_container_has_its_log_type_and_each_folder_is_a_stream(azure: FakeBlob) -> None:
    entra = "tenantId=00000000-0000-0000-0000-00000000000e/y=2025/m=03/d=04/h=09/m=00/PT1H.json"
    azure.append(HOUR, line(1))
    azure.append(HOUR.replace("000001/", "000002/"), line(2))
    azure.append(entra, line(3), "insights-logs-signinlogs")
    azure.append(entra, line(4), "insights-logs-userriskevents")
    azure.append(HOUR, line(5), "insights-logs-storageread")
    azure.upload("notes.txt", b"x", CONTAINER)
    subject = collector(azure)
    assert [(stream.name, stream.log_type) for stream in subject.streams()] == [
        (f"{CONTAINER}/{FOLDER}", "azure.activity"),
        (f"{CONTAINER}/{FOLDER.replace('000001/', '000002/')}", "azure.activity"),
        ("insights-logs-signinlogs/tenantId=00000000-0000-0000-0000-00000000000e/", "entra.signin"),
        ("insights-logs-userriskevents/tenantId=00000000-0000-0000-0000-00000000000e/", "entra.risk_detection"),
    ]
    assert [read(subject, stream=number)[0] for number in range(4)] == [[1], [2], [3], [4]]


def test_a_capture_is_read_by_partition_and_filtered_by_category(azure: FakeBlob) -> None:
    body = wrapped([{"id": 1, "category": "SignInLogs"}, {"id": 2, "category": "AuditLogs"}])
    for partition in (0, 1):
        azure.upload(f"example/logs/{partition}/2025/03/04/09/15/30.avro", captured(body), "capture")
    given: dict[str, Any] = {"containers": ["capture"], "log_type": "entra.audit", "categories": ["AuditLogs"]}
    subject = collector(azure, **given)
    assert [stream.name for stream in subject.streams()] == ["capture/example/logs/0/", "capture/example/logs/1/"]
    ids, _, state = read(subject)
    assert ids == [2]
    assert read(subject, state)[0] == []
    azure.upload(
        "example/logs/0/2025/03/04/09/16/30.avro", captured(wrapped([{"id": 3, "category": "AuditLogs"}])), "capture"
    )
    assert read(subject, state)[0] == [3]


def test_a_large_capture_is_read_from_disk_as_often_as_needed(azure: FakeBlob) -> None:
    content = captured(wrapped([{"id": number} for number in range(50)]))
    azure.upload("example/logs/0/2025/03/04/09/15/30.avro", content, "capture")
    subject = collector(azure, containers=["capture"], log_type="azure.activity", page_bytes=100)
    [page] = subject.read(subject.streams()[0], ANY, {})
    with page.blobs[0].open() as first, page.blobs[0].open() as second:
        assert first.read() == second.read() == content
    azure.containers["capture"].clear()
    with pytest.raises(Retry, match="deleted"):
        page.blobs[0].open()


def test_a_file_that_is_replaced_after_the_listing_is_listed_anew(azure: FakeBlob) -> None:
    name = "example/logs/0/2025/03/04/09/15/30.avro"
    azure.upload(name, captured(wrapped([{"id": 1}])), "capture")
    azure.upload(name.replace("/30.", "/31."), captured(wrapped([{"id": 2}])), "capture")
    subject = collector(azure, containers=["capture"], log_type="azure.activity", blobs_per_page=1)
    pages = subject.read(subject.streams()[0], ANY, {})
    state = next(pages).next_state
    azure.upload(name.replace("/30.", "/31."), captured(wrapped([{"id": 2}, {"id": 3}])), "capture")
    with pytest.raises(Retry, match="replaced"):
        next(pages)
    assert read(subject, state)[0] == [2, 3]


@pytest.mark.parametrize(
    "fault", [Fault.TRUNCATED, Fault.ERROR_PAGE, Fault.ERROR_DOCUMENT, Fault.SERVER_ERROR, Fault.RESET]
)
def test_content_that_does_not_come_whole_is_asked_for_again(azure: FakeBlob, fault: Fault) -> None:
    azure.append(HOUR, line(1) + line(2))
    azure.upload(NEXT, wrapped([{"id": 3}]))
    subject = collector(azure)
    stream = subject.streams()[0]
    for after in (4, 5):
        azure.inject(fault, after)
        with pytest.raises(Retry):
            list(subject.read(stream, ANY, {}))
        azure.heal()
    assert read(subject)[0] == [1, 2, 3]


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "AuthorizationPermissionMismatch", "Storage Blob Data Reader"),
        (403, "AuthorizationFailure", "Storage Blob Data Reader"),
        (403, "AuthenticationFailed", "has expired"),
        (403, "KeyBasedAuthenticationNotPermitted", "accepts no keys"),
        (404, "ContainerNotFound", "check containers"),
        (409, "BlobArchived", "rehydrate"),
        (401, "NoAuthenticationInformation", "set account_key"),
        (400, "OutOfRangeInput", "OutOfRangeInput"),
    ],
)
def test_a_refusal_says_what_the_operator_must_do(azure: FakeBlob, status: int, code: str, words: str) -> None:
    azure.append(HOUR, line(1))
    azure.answer = Answer(status, b"", {"x-ms-error-code": code})
    with pytest.raises(NeedsOperator, match=words) as raised:
        collector(azure).check()
    assert KEY not in str(raised.value)


def test_throttling_says_when_to_come_back(azure: FakeBlob) -> None:
    azure.headers = {"Retry-After": "17"}
    azure.inject(Fault.RATE_LIMIT)
    with pytest.raises(Retry, match="throttles") as raised:
        collector(azure).check()
    assert raised.value.after == 17


def test_check_reads_a_byte(azure: FakeBlob) -> None:
    azure.append(HOUR, line(1))
    collector(azure).check()
    assert azure.requests[-1].headers["x-ms-range"] == "bytes=0-0"


def test_a_blob_that_is_deleted_under_checks_eyes_is_no_error(azure: FakeBlob) -> None:
    azure.append(HOUR, line(1))
    azure.answer = Answer(404, b"", {"x-ms-error-code": "BlobNotFound"})
    collector(azure, containers=[CONTAINER]).check()


def test_an_account_without_logs_is_told_by_check(azure: FakeBlob) -> None:
    azure.containers = {"photos": {}}
    with pytest.raises(NeedsOperator, match="no container insights-"):
        collector(azure).check()


@pytest.mark.parametrize(
    "settings",
    [
        {"account_url": "http://example.blob.core.windows.net"},
        {"account_key": None},
        {"account_url": "https://example.blob.core.windows.net", "tenant_id": "example.com"},
        {"containers": []},
        {"containers": ["capture"]},
        {"prefix": "resourceId"},
        {"page_bytes": 10},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(azure: FakeBlob, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        collector(azure, **settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"account_key": "not base64!"}, "account_key: found something else than base64"),
        ({"account_key": None, "sas_token": "sv=1 sig=t0ken"}, "sas_token: found something else"),
        ({"account_url": "https://logs.example.com"}, "account_url: found https://logs.example.com"),
    ],
    ids=str,
)
def test_credentials_that_cannot_work_need_the_operator(azure: FakeBlob, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(NeedsOperator, match=words) as raised:
        collector(azure, **settings).check()
    assert "t0ken" not in str(raised.value)


def test_the_first_credential_in_the_settings_counts_and_else_azures_own_sources() -> None:
    def given(**settings: Any) -> Any:
        url = {"account_url": "https://example.blob.core.windows.net"}
        return credential(BlobCollector.Config.model_validate({**url, **settings}))

    application = {"tenant_id": "example.com", "client_id": "app", "client_secret": "s3cret"}
    assert given(account_key=KEY, sas_token="?sv=1") == KEY
    assert given(sas_token="?sv=1", **application) == "sv=1"
    assert isinstance(given(**application), ClientSecretCredential)
    assert isinstance(given(), DefaultAzureCredential)


def test_a_signature_is_sent_and_never_shown(azure: FakeBlob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeBlob, "authorised", lambda self, request: request.query.get("sig") == "t0ken")
    azure.append(HOUR, line(1))
    subject = collector(azure, account_key=None, sas_token="?sv=2024-01-01&sig=t0ken")
    [page] = subject.read(subject.streams()[0], ANY, {})
    assert isinstance(page, Page)
    assert "t0ken" not in page.blobs[0].origin + page.blobs[0].name
    azure.inject(Fault.SERVER_ERROR)
    with pytest.raises(Retry) as raised:
        subject.check()
    assert "t0ken" not in str(raised.value)


def test_the_installed_plugin_is_configured_by_the_environment(
    azure: FakeBlob, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.put([Event("e0", azure.clock)])
    monkeypatch.setenv("AZURE_STORAGE_BLOB_URL", azure.account_url)
    monkeypatch.setenv("AZURE_STORAGE_KEY", KEY)
    subject = start_plugin(Collector, "azure.blob", {})
    [page] = subject.read(subject.streams()[0], ANY, {})
    assert len(page.blobs) == 1
