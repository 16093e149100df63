from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_duo import IKEY, SKEY, FakeDuo
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.testing.fake_vendor import Event
from mantissa_duo import collector
from mantissa_duo.collector import DELAY, DuoLogs
from mantissa_duo.signature import canonical, signature
from pydantic import SecretStr, ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))


def logs(duo: FakeDuo, **settings: Any) -> DuoLogs:
    given = {"api_hostname": duo.url, "integration_key": IKEY, "secret_key": SKEY, "requests_per_minute": 600}
    return DuoLogs(DuoLogs.Config.model_validate({**given, "page_size": 3, "timeout": 10, **settings}))


def read(subject: DuoLogs, name: str, window: Window = WINDOW) -> list[Page]:
    stream = next(each for each in subject.streams() if each.name == name)
    return list(subject.read(stream, window, {}))


def test_the_signature_is_that_of_duos_documentation() -> None:
    key = SecretStr("Zh5eGmUq9zpfQnyUIu5OL9iWoMMv5ZNmk3zLJ4Ep")
    found = signature(
        "Tue, 21 Aug 2012 17:29:18 -0000",
        "POST",
        "api-XXXXXXXX.duosecurity.com",
        "/accounts/v1/account/list",
        "username=root&realname=First%20Last",
        key,
    )
    assert found == "2d97d6166319781b5a3a07af39d366f491234edc"


def test_parameters_are_signed_sorted_and_encoded_alike() -> None:
    assert canonical("next_offset=1741078800000%2Cab-c&mintime=1&a=x+y~z") == (
        "a=x%20y~z&mintime=1&next_offset=1741078800000%2Cab-c"
    )


@pytest.mark.parametrize("digest", ["sha1", "sha512"])
def test_requests_are_signed_with_the_digest_of_the_settings(duo: FakeDuo, digest: str) -> None:
    duo.digest = digest
    logs(duo, signature_digest=digest).check()
    with pytest.raises(NeedsOperator, match="signature_digest"):
        logs(duo, signature_digest="sha1" if digest == "sha512" else "sha512").check()


def test_each_log_is_a_stream_that_stays_two_minutes_behind(duo: FakeDuo) -> None:
    found = [(each.name, each.log_type, each.delay) for each in logs(duo).streams()]
    assert found == [(name, f"duo.{name}", DELAY) for name in ("auth", "admin", "telephony")]


def test_the_authentication_log_is_asked_for_in_milliseconds(duo: FakeDuo) -> None:
    duo.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(4)])
    read(logs(duo), "auth")
    bounds = {"mintime": "1741078800000", "maxtime": "1741082400000", "sort": "ts:asc", "limit": "3"}
    assert [request.query for request in duo.requests] == [bounds, {**bounds, "next_offset": "c_0"}]


def test_a_cursor_that_duo_has_forgotten_begins_the_walk_again(duo: FakeDuo) -> None:
    duo.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(4)])
    subject = logs(duo)
    stream = subject.streams()[0]
    state = next(subject.read(stream, WINDOW, {})).next_state
    duo.forget_cursors()
    assert sum(len(page.records) for page in subject.read(stream, WINDOW, state)) == 4


@pytest.mark.parametrize("name", ["admin", "telephony"])
def test_the_other_logs_go_on_from_the_last_second(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(collector, "EARLIEST", 3)
    with FakeDuo("administrator") as duo:
        duo.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(5)])
        pages = read(logs(duo), name)
        assert [request.query["mintime"] for request in duo.requests] == ["1741078799", "1741078919", "1741079039"]
    assert pages[-1].complete_until == WINDOW.end


def test_more_events_in_a_second_than_duo_gives_are_not_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "EARLIEST", 3)
    with FakeDuo("administrator") as duo:
        duo.put([Event(f"e{number}", START) for number in range(4)])
        with pytest.raises(Retry, match="same page cursor twice"):
            read(logs(duo), "admin")


def test_one_request_a_minute_is_made_behind_the_first_three(duo: FakeDuo) -> None:
    duo.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(12)])
    with pytest.raises(Retry, match="budget of 1 requests a minute to Duo") as raised:
        read(logs(duo, requests_per_minute=1), "auth")
    assert len(duo.requests) == 3
    assert raised.value.after is not None
    assert 0 < raised.value.after <= 60


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "clock"), (403, "Grant read log"), (404, "api_hostname")],
)
def test_a_refusal_says_what_the_operator_must_do(duo: FakeDuo, status: int, words: str) -> None:
    duo.answer = duo.refusal(status, f"{status}03")
    with pytest.raises(NeedsOperator, match=words) as raised:
        logs(duo).check()
    assert f"({status}03)" in str(raised.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"api_hostname": "http://api-1.duosecurity.com"},
        {"api_hostname": "api-1.duosecurity.com/admin"},
        {"page_size": 1001},
        {"requests_per_minute": 0},
        {"signature_digest": "md5"},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(duo: FakeDuo, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        logs(duo, **settings)


@pytest.mark.parametrize("settings", [{"integration_key": "DI:1"}, {"secret_key": "s3 cret"}], ids=["key", "secret"])
def test_keys_that_cannot_be_sent_are_refused_without_being_quoted(duo: FakeDuo, settings: dict[str, Any]) -> None:
    with pytest.raises(NeedsOperator, match=next(iter(settings))) as raised:
        logs(duo, **settings)
    assert "s3 cret" not in str(raised.value)


def test_the_installed_plugin_is_configured_by_the_environment(
    duo: FakeDuo, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    duo.put([Event("e0", START)])
    for name, value in {"API_HOSTNAME": duo.url, "INTEGRATION_KEY": IKEY, "SECRET_KEY": SKEY}.items():
        monkeypatch.setenv(f"DUO_{name}", value)
    subject = start_plugin(Collector, "duo.logs", {})
    [page] = subject.read(subject.streams()[0], WINDOW, {})
    assert page.records[0]["txid"] == "e0"  # type: ignore[index, call-overload]
