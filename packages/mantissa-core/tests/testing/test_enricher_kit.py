"""The enricher kit, proven on a small enricher that is right and on variants that are wrong in one way each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Alert, Enrichment
from mantissa_core.testing.enricher import EnricherContract, Fault, an_alert
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request

KEY = "reputation-key-of-the-tests"
KNOWN = "198.51.100.7"


class Reputation(FakeHTTP):
    """Knows one address."""

    def answer(self, request: Request) -> Answer:
        if request.headers.get("x-key") != KEY:
            return Answer(401, {"error": str(request.headers)})
        return Answer(200, {"score": 90}) if request.path == f"/{KNOWN}" else Answer(404, {})


class Right:
    """An enricher as it should be; the wrong ones change one thing each."""

    timeout = 1

    def __init__(self, source: Reputation) -> None:
        self._client = httpx.Client(timeout=self.timeout, verify=False)
        self._url = source.url

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        found = {address: score for address in self.names(alert) if (score := self.ask(address))}
        return self.said(found) if found else None

    def names(self, alert: Alert) -> tuple[str, ...]:
        return tuple(name for name in alert.entities.get("src_ip", ()) if name and len(name) < 100)

    def said(self, found: Mapping[str, Any]) -> Enrichment | None:
        return Enrichment(found)

    def ask(self, address: str) -> Mapping[str, Any] | None:
        try:
            response = self._client.get(f"{self._url}/{quote(address, safe='')}", headers={"X-Key": KEY})
        except httpx.TimeoutException as error:
            raise Retry("no answer") from error
        self.judge(response)
        try:
            return dict(response.json())
        except ValueError as error:
            raise Retry("cut off") from error

    def judge(self, response: httpx.Response) -> None:
        if response.status_code in (429, 503):
            raise Retry("busy")
        if response.status_code not in (200, 404):
            raise NeedsOperator(f"answered {response.status_code}")


class TestARightEnricher(EnricherContract):
    secrets = (KEY,)

    @pytest.fixture
    def source(self) -> Iterator[Reputation]:
        with Reputation() as fake:
            yield fake

    def enricher(self, source: Reputation) -> Right:
        return Right(source)

    def known(self, source: Reputation) -> Alert:
        return an_alert(src_ip=KNOWN)


class WithoutAHook(Right):
    def enrich(self, alert: Alert) -> Enrichment | None:
        return super().enrich(alert)


class KeepsTimes(Right):
    def said(self, found: Mapping[str, Any]) -> Enrichment | None:
        return Enrichment({**found, "asked": datetime(2026, 1, 1, tzinfo=UTC)})


class SaysTooMuch(Right):
    def said(self, found: Mapping[str, Any]) -> Enrichment | None:
        return Enrichment({**found, "raw": "x" * 100_000})


class SaysNothingAtLength(Right):
    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        return super().enrich(alert) or Enrichment({"score": 0})


class NeedsAnAddress(Right):
    def names(self, alert: Alert) -> tuple[str, ...]:
        return (alert.entities["src_ip"][0],)


class PastesNamesIntoTheAddress(Right):
    def ask(self, address: str) -> Mapping[str, Any] | None:
        self._client.get(f"{self._url}/{address}", headers={"X-Key": KEY, "X-Asked": address})
        return super().ask(address)


class WritesIntoTheAlert(Right):
    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        alert.enrichment["reputation"] = 90  # type: ignore[index]
        return super().enrich(alert)


class CountsItsCalls(Right):
    calls = 0

    def said(self, found: Mapping[str, Any]) -> Enrichment | None:
        self.calls += 1
        return Enrichment({**found, "call": self.calls})


class TakesAFailureForIgnorance(Right):
    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        try:
            return super().enrich(alert)
        except Retry:
            return None


class RetriesARefusedKey(Right):
    def judge(self, response: httpx.Response) -> None:
        if response.status_code not in (200, 404):
            raise Retry("not now")


class Waits(Right):
    timeout = 60.0


class TellsWhatTheServerSaid(Right):
    def judge(self, response: httpx.Response) -> None:
        if response.status_code == 400:
            raise NeedsOperator(response.text)
        super().judge(response)


WRONG: list[tuple[str, type[Right], Mapping[str, Any]]] = [
    ("test_the_hook_is_marked_with_hookimpl", WithoutAHook, {}),
    ("test_a_known_entity_yields_facts_that_are_json", KeepsTimes, {}),
    ("test_a_known_entity_yields_facts_that_are_json", SaysTooMuch, {}),
    ("test_an_unknown_entity_yields_none", SaysNothingAtLength, {}),
    ("test_an_alert_without_entities_does_no_harm", NeedsAnAddress, {}),
    ("test_what_an_attacker_chose_as_a_name_does_no_harm", PastesNamesIntoTheAddress, {}),
    ("test_the_alert_is_left_as_it_is", WritesIntoTheAlert, {}),
    ("test_asking_twice_yields_the_same", CountsItsCalls, {}),
    ("test_a_passing_failure_is_a_retry", TakesAFailureForIgnorance, {"fault": Fault.TRUNCATED}),
    ("test_a_refused_credential_needs_the_operator", RetriesARefusedKey, {}),
    ("test_a_source_that_hangs_is_given_up_within_the_deadline", Waits, {}),
    ("test_secrets_stay_out_of_sight", TellsWhatTheServerSaid, {}),
]
FAILURES = (AssertionError, pytest.fail.Exception, KeyError, TypeError, httpx.InvalidURL, httpx.TransportError)


def contract_for(enricher: type[Right]) -> EnricherContract:
    class Contract(TestARightEnricher):
        deadline = 3

        def enricher(self, source: Reputation) -> Right:
            return enricher(source)

    return Contract()


@pytest.mark.parametrize(("test", "wrong", "arguments"), WRONG, ids=[wrong.__name__ for _, wrong, _ in WRONG])
def test_a_wrong_enricher_fails(
    test: str, wrong: type[Right], arguments: Mapping[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    more = {**arguments, **({"caplog": caplog} if "secrets" in test else {})}
    with Reputation() as source:
        getattr(contract_for(Right), test)(source, **more)
    with Reputation() as source, pytest.raises(FAILURES):
        getattr(contract_for(wrong), test)(source, **more)


def test_every_test_of_the_kit_is_proven_by_a_wrong_enricher() -> None:
    assert {name for name in dir(EnricherContract) if name.startswith("test_")} == {test for test, _, _ in WRONG}
