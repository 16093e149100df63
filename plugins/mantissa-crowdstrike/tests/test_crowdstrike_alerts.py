from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_falcon import CLIENT_ID, CLIENT_SECRET, FakeFalcon
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.testing.fake_vendor import Answer, Event
from mantissa_crowdstrike.alerts import DELAY, Alerts
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))


def alerts(falcon: FakeFalcon, **settings: Any) -> Alerts:
    given = {"url": falcon.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "page_size": 3, "timeout": 10}
    return Alerts(Alerts.Config.model_validate({**given, **settings}))


def read(subject: Alerts, window: Window = WINDOW) -> list[Page]:
    return list(subject.read(subject.streams()[0], window, {}))


def ids(pages: list[Page]) -> list[str]:
    return [record["composite_id"] for page in pages for record in page.records]  # type: ignore[index, call-overload]


def minutes(*numbers: int) -> list[Event]:
    return [Event(f"e{number}", START + timedelta(minutes=number)) for number in numbers]


def test_there_is_one_stream_that_stays_a_minute_behind(falcon: FakeFalcon) -> None:
    assert [(each.name, each.log_type, each.delay) for each in alerts(falcon).streams()] == [
        ("alerts", "crowdstrike.detection", DELAY)
    ]


def test_ids_are_asked_for_by_the_time_of_the_change_and_then_what_they_stand_for(falcon: FakeFalcon) -> None:
    falcon.put(minutes(1, 2, 3, 4))
    pages = read(alerts(falcon))
    [first, details, second, _] = falcon.requests
    until = "updated_timestamp:<'2025-03-04T10:00:00.000Z'"
    assert first.query == {
        "filter": f"updated_timestamp:>='2025-03-04T09:00:00.000Z'+{until}",
        "sort": "updated_timestamp.asc",
        "limit": "3",
    }
    assert details.json() == {"composite_ids": ["e1", "e2", "e3"]}
    assert second.query["filter"] == f"updated_timestamp:>='2025-03-04T09:03:00Z'+{until}"
    assert ids(pages) == ["e1", "e2", "e3", "e3", "e4"]
    assert [page.complete_until for page in pages] == [None, WINDOW.end]


def test_a_detection_that_changes_during_the_walk_hides_no_other(falcon: FakeFalcon) -> None:
    falcon.put(minutes(*range(8)))

    def change() -> None:
        falcon.changes["e2"] = WINDOW.end + timedelta(minutes=2)

    falcon.after_a_query = change
    assert set(ids(read(alerts(falcon)))) == {f"e{number}" for number in range(8)}


def test_a_changed_detection_comes_again_with_the_window_of_its_change(falcon: FakeFalcon) -> None:
    falcon.put(minutes(1))
    falcon.changes["e1"] = WINDOW.end + timedelta(minutes=5)
    assert ids(read(alerts(falcon))) == []
    assert ids(read(alerts(falcon), Window(WINDOW.end, WINDOW.end + timedelta(hours=1)))) == ["e1"]


def test_more_detections_of_one_instant_than_a_page_holds_are_not_skipped(falcon: FakeFalcon) -> None:
    falcon.put([Event(f"e{number}", START) for number in range(4)])
    with pytest.raises(Retry, match="same page cursor twice"):
        read(alerts(falcon))


def test_a_listed_detection_that_is_not_given_is_asked_for_later(falcon: FakeFalcon) -> None:
    falcon.put(minutes(1, 2))
    events = falcon.events
    falcon.events = lambda request: (  # type: ignore[method-assign]
        Answer(200, {"errors": [{"code": 404}], "resources": []}) if request.method == "POST" else events(request)
    )
    with pytest.raises(Retry, match="gave 0 of 2 detections"):
        read(alerts(falcon))


@pytest.mark.parametrize("resources", [None, {}, [1]], ids=str)
def test_an_answer_without_ids_is_no_end(falcon: FakeFalcon, resources: Any) -> None:
    falcon.answer = Answer(200, {"resources": resources})
    with pytest.raises(Retry, match="no list of ids"):
        read(alerts(falcon))


@pytest.mark.parametrize(
    ("status", "words"), [(401, "client_secret"), (403, "scope 'Alerts: Read'"), (404, "check url")]
)
def test_a_refusal_says_what_the_operator_must_do(falcon: FakeFalcon, status: int, words: str) -> None:
    falcon.answer = falcon.refusal(status, "")
    with pytest.raises(NeedsOperator, match=words):
        alerts(falcon).check()


def test_a_client_that_is_not_known_needs_the_operator(falcon: FakeFalcon) -> None:
    with pytest.raises(NeedsOperator, match="check the credential"):
        alerts(falcon, client_secret="another").check()


@pytest.mark.parametrize(
    "settings", [{"url": "http://api.crowdstrike.com"}, {"page_size": 1001}, {"requests_per_minute": 0}], ids=str
)
def test_settings_that_cannot_work_are_refused(falcon: FakeFalcon, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        alerts(falcon, **settings)


def test_a_secret_that_cannot_be_sent_is_refused_without_being_quoted(falcon: FakeFalcon) -> None:
    with pytest.raises(NeedsOperator, match="client_secret") as raised:
        alerts(falcon, client_secret="s3 cret")
    assert "s3 cret" not in str(raised.value)


def test_the_installed_plugin_is_configured_by_the_environment(
    falcon: FakeFalcon, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    falcon.put(minutes(1))
    for name, value in {"BASE_URL": falcon.url, "CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET}.items():
        monkeypatch.setenv(f"FALCON_{name}", value)
    subject = start_plugin(Collector, "crowdstrike.alerts", {})
    [page] = subject.read(subject.streams()[0], WINDOW, {})
    assert page.records[0]["composite_id"] == "e1"  # type: ignore[index, call-overload]
