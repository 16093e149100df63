from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_graph import CLIENT, SECRET, TENANT, FakeGraph
from mantissa_azure.graph import GraphCollector
from mantissa_azure.graph_logs import LOGS, Name
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.testing.fake_vendor import Answer, Event, Fault
from mantissa_core.testing.log_type import rows_of
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
DEFAULT: tuple[Name, ...] = ("signins", "audits", "risk_detections")
SIGN_INS, AUDITS, RISKS = (LOGS[name].version + LOGS[name].path for name in DEFAULT)


@pytest.fixture
def graph() -> Iterator[FakeGraph]:
    with FakeGraph() as fake:
        yield fake


def settings(graph: FakeGraph, **given: Any) -> dict[str, Any]:
    known = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": SECRET, "requests_per_minute": 600}
    return {**known, "graph_url": graph.url, "login_url": graph.url, **given}


def collector(graph: FakeGraph, **given: Any) -> GraphCollector:
    return GraphCollector(GraphCollector.Config.model_validate(settings(graph, **given)))


def read(subject: GraphCollector, name: str, window: Window = WINDOW) -> list[Page]:
    [stream] = [each for each in subject.streams() if each.name == name]
    return list(subject.read(stream, window, {}))


def events(pages: list[Page]) -> list[Mapping[str, Any]]:
    return [record for page in pages for record in page.records]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "path", "time", "top"),
    [
        ("signins", "/v1.0/auditLogs/signIns", "createdDateTime", "1000"),
        ("audits", "/v1.0/auditLogs/directoryAudits", "activityDateTime", "1000"),
        ("risk_detections", "/v1.0/identityProtection/riskDetections", "detectedDateTime", "500"),
    ],
)
def test_a_window_becomes_a_filter_and_the_page_is_as_large_as_the_log_allows(
    graph: FakeGraph, name: str, path: str, time: str, top: str
) -> None:
    graph.put([Event("e0", START)])
    [page] = read(collector(graph), name)
    [request] = graph.requests
    query = {"$filter": f"{time} ge 2025-03-04T09:00:00Z and {time} le 2025-03-04T10:00:00Z", "$top": top}
    assert (request.route, request.query) == (path, query)
    assert page.complete_until == WINDOW.end


def test_the_next_link_is_followed(graph: FakeGraph) -> None:
    graph.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(7)])
    pages = read(collector(graph, page_size=3), "signins")
    assert [len(page.records) for page in pages] == [3, 3, 1]
    assert [request.query.get("$skiptoken") for request in graph.requests] == [None, "c_0", "c_1"]


def test_a_next_link_to_another_host_is_not_followed(graph: FakeGraph) -> None:
    graph.answer = Answer(200, {"value": [], "@odata.nextLink": "https://graph.example.net/v1.0/auditLogs/signIns?x"})
    with pytest.raises(Retry, match="another host"):
        read(collector(graph), "signins")


def test_a_cursor_that_has_expired_begins_the_walk_again(graph: FakeGraph) -> None:
    graph.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(4)])
    subject = collector(graph, page_size=3)
    stream = subject.streams()[0]
    state = next(subject.read(stream, WINDOW, {})).next_state
    graph.forget_cursors()
    assert len(events(list(subject.read(stream, WINDOW, state)))) == 4


def test_a_part_of_a_second_is_left_to_the_next_window(graph: FakeGraph) -> None:
    pages = read(collector(graph), "audits", Window(START, START + timedelta(seconds=5, milliseconds=700)))
    assert pages[-1].complete_until == START + timedelta(seconds=5)


def test_events_have_the_shape_of_an_export(graph: FakeGraph) -> None:
    graph.put([Event("e0", START)])
    subject = collector(graph)
    found = {name: events(read(subject, name))[0] for name in DEFAULT}
    assert {key: value for key, value in found["signins"].items() if key != "properties"} == {
        "time": "2025-03-04T09:00:00Z",
        "category": "SignInLogs",
        "operationName": "Sign-in activity",
        "resultType": "50126",
        "resultSignature": "FAILURE",
    }
    types = LogTypes.load()
    rows = {name: rows_of(types.get(LOGS[name].log_type), [event])[0] for name, event in found.items()}
    assert [row["m_time"] for row in rows.values()] == [START] * 3
    assert [row["m_action"] for row in rows.values()] == ["login", "user_create", "api_call"]
    assert (rows["signins"]["m_user"], rows["signins"]["m_outcome"]) == ("amara@example.com", "failure")
    assert [(row["m_flags"], row["m_extra"]) for row in rows.values()] == [(None, None)] * 3


@pytest.mark.parametrize("event", [{}, {"status": "none"}, {"status": {"errorCode": None}}, {"createdDateTime": 5}])
def test_odd_sign_ins_do_not_stop_the_stream(graph: FakeGraph, event: dict[str, Any]) -> None:
    graph.answer = Answer(200, {"value": [event, {"status": {"errorCode": 0}}]})
    odd, good = events(read(collector(graph), "signins"))
    assert odd["properties"] == event
    assert "resultType" not in odd
    assert good["resultType"] == "0"


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        (
            SIGN_INS,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
            "a licence for Microsoft Entra ID P1 or P2",
        ),
        (SIGN_INS, "Authentication_MSGraphPermissionMissing", r"permission AuditLog\.Read\.All"),
        (AUDITS, "Authorization_RequestDenied", r"permission AuditLog\.Read\.All"),
        (RISKS, "Forbidden", r"permission IdentityRiskEvent\.Read\.All"),
    ],
)
def test_check_says_which_permission_or_licence_is_missing(graph: FakeGraph, path: str, code: str, words: str) -> None:
    graph.refused = {path: code}
    with pytest.raises(NeedsOperator, match=words) as raised:
        collector(graph).check()
    assert str(raised.value).startswith(path.removeprefix("/v1.0"))
    assert str(raised.value).endswith(f"({code}, 0000-1)")


def test_a_licence_that_only_the_words_name_is_told(graph: FakeGraph) -> None:
    said = {"error": {"code": "Forbidden", "message": "Your tenant is not licensed for this feature."}}
    graph.answer = Answer(403, said)
    with pytest.raises(NeedsOperator, match="a licence for"):
        collector(graph, logs=["risk_detections"]).check()


def test_a_log_that_is_refused_does_not_stop_the_others(graph: FakeGraph) -> None:
    graph.put([Event("e0", START)])
    graph.refused = {SIGN_INS: "Authentication_RequestFromNonPremiumTenantOrB2CTenant"}
    subject = collector(graph)
    with pytest.raises(NeedsOperator):
        read(subject, "signins")
    assert len(events(read(subject, "audits"))) == 1


def test_only_the_logs_that_are_asked_for_are_read(graph: FakeGraph) -> None:
    subject = collector(graph, logs=["audits"])
    subject.check()
    assert [stream.name for stream in subject.streams()] == ["audits"]
    assert [request.route for request in graph.requests] == [AUDITS]


@pytest.mark.parametrize(
    ("name", "kind", "category"),
    [
        ("noninteractive_signins", "nonInteractiveUser", "NonInteractiveUserSignInLogs"),
        ("service_principal_signins", "servicePrincipal", "ServicePrincipalSignInLogs"),
        ("managed_identity_signins", "managedIdentity", "ManagedIdentitySignInLogs"),
    ],
)
def test_other_kinds_of_sign_ins_come_from_the_beta(graph: FakeGraph, name: str, kind: str, category: str) -> None:
    graph.put([Event("e0", START)])
    [event] = events(read(collector(graph, logs=[name]), name))
    assert graph.requests[0].route == "/beta/auditLogs/signIns"
    assert graph.requests[0].query["$filter"].endswith(f"10:00:00Z and signInEventTypes/any(t: t eq '{kind}')")
    assert event["category"] == category


def test_interactive_sign_ins_may_come_from_the_beta_too(graph: FakeGraph) -> None:
    graph.put([Event("e0", START)])
    [event] = events(read(collector(graph, beta=True), "signins"))
    assert event["category"] == "SignInLogs"
    assert [request.route for request in graph.requests] == ["/beta/auditLogs/signIns"]
    read(collector(graph, beta=True), "audits")
    assert graph.requests[-1].route == AUDITS


def test_throttling_says_when_to_come_back(graph: FakeGraph) -> None:
    graph.inject(Fault.RATE_LIMIT)
    with pytest.raises(Retry, match="rate limit") as raised:
        read(collector(graph), "signins")
    assert raised.value.after == 17


@pytest.mark.parametrize("given", [{"client_secret": "wrong"}, {"tenant_id": "other.example.com"}], ids=str)
def test_a_wrong_credential_says_what_to_check(graph: FakeGraph, given: dict[str, str]) -> None:
    with pytest.raises(NeedsOperator, match="tenant_id, client_id and client_secret must belong together") as raised:
        collector(graph, **given).check()
    assert "wrong" not in str(raised.value)


@pytest.mark.parametrize(
    "given",
    [
        {"tenant_id": "../common"},
        {"client_id": ""},
        {"logs": []},
        {"logs": ["everything"]},
        {"page_size": 1001},
        {"graph_url": "http://graph.microsoft.com"},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(graph: FakeGraph, given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        collector(graph, **given)


@pytest.mark.parametrize("variable", ["AZURE_TENANT_ID", "TENANT_ID"])
def test_the_installed_plugin_is_configured_by_the_environment(
    graph: FakeGraph, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    graph.put([Event("e0", START)])
    for name, value in {variable: TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": SECRET}.items():
        monkeypatch.setenv(name, value)
    subject = start_plugin(Collector, "entra.graph", {"graph_url": graph.url, "login_url": graph.url})
    [page] = subject.read(subject.streams()[0], WINDOW, {})
    assert len(page.records) == 1
