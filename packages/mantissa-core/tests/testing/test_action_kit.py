"""The action kit, proven on the built-in action and on variants that are wrong in one way each."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Action, Effect, Outcome, Plan
from mantissa_core.respond.http_request import HTTPRequest
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request
from mantissa_core.testing.response_action import Fault, ResponseActionContract

TOKEN = "token-of-the-tests"


class Firewall(FakeHTTP):
    """Blocks addresses: PUT, GET and DELETE of ``/blocked/<address>``; a repeated key has no second effect."""

    def __init__(self) -> None:
        super().__init__()
        self.blocked: set[str] = set()
        self.changes = 0
        self.keys: dict[str, Answer] = {}

    def state(self) -> object:
        return frozenset(self.blocked)

    def effects(self) -> int:
        return self.changes

    def place(self) -> None:
        self.blocked.add("198.51.100.7")

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"error": str(request.headers)})
        key = request.headers.get("idempotency-key")
        if key and key in self.keys:
            return self.keys[key]
        answer = self.act(request.method, request.path.removeprefix("/blocked/"))
        if key:
            self.keys[key] = answer
        return answer

    def act(self, method: str, address: str) -> Answer:
        present = address in self.blocked
        if method == "GET":
            return Answer(200 if present else 404, {"blocked": present})
        if method == "DELETE" and not present:
            return Answer(404, {})
        self.changes += 1
        self.blocked.add(address) if method == "PUT" else self.blocked.remove(address)
        return Answer(200, {"ok": True})


class TestHTTPRequest(ResponseActionContract):
    secrets = (TOKEN,)

    @pytest.fixture
    def target(self) -> Iterator[Firewall]:
        with Firewall() as firewall:
            yield firewall

    def action(self, target: Firewall) -> HTTPRequest:
        settings = {
            "allowed_hosts": [target.url.removeprefix("http://")],
            "headers": {"Authorization": f"Bearer {TOKEN}"},
            "timeout": 2,
            "allow_private": True,
            "allow_http": True,
        }
        return HTTPRequest(HTTPRequest.Config.model_validate(settings))

    def arguments(self, target: Firewall) -> Mapping[str, Any]:
        url = f"{target.url}/blocked/198.51.100.7"
        probe = {"url": url, "expect_json": {"blocked": True}}
        return {"method": "PUT", "url": url, "json": {}, "probe": probe, "undo": {"method": "DELETE", "url": url}}

    def out_of_scope(self, target: Firewall) -> Mapping[str, Any]:
        return {**self.arguments(target), "url": "http://127.0.0.1:1/blocked/198.51.100.7"}


class Plain:
    """An action as it should be, in a few lines; the wrong ones change one thing each."""

    scope = "198.51.100."

    def __init__(self, firewall: Firewall) -> None:
        self._client = httpx.Client(timeout=2, verify=False)
        self._url = firewall.url

    @hookimpl
    def plan_action(self, action: Action) -> Plan:
        address = self.address(action)
        return Plan(f"block {address}", address, reversible=True)

    @hookimpl
    def probe_action(self, action: Action) -> Effect:
        return Effect("present" if self.send("GET", self.address(action), None).status_code == 200 else "absent")

    @hookimpl
    def execute_action(self, action: Action) -> Outcome:
        address = self.address(action)
        if self.probe_action(action).state == "present":
            return Outcome(False, "blocked already")
        self.send("PUT", address, action.key)
        return Outcome(True, f"blocked {address}", self.undo_of(address))

    @hookimpl
    def undo_action(self, action: Action, undo: Mapping[str, object]) -> Outcome:
        if not undo:
            return Outcome(False, "nothing to undo")
        response = self.send("DELETE", str(undo["address"]), f"{action.key}-undo")
        return Outcome(response.status_code == 200, "unblocked")

    def undo_of(self, address: str) -> dict[str, Any] | None:
        return {"address": address}

    def address(self, action: Action) -> str:
        address = action.arguments.get("address")
        if not isinstance(address, str) or not address.startswith(self.scope):
            raise NeedsOperator(f"{address} is out of scope")
        return address

    def send(self, method: str, address: str, key: str | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKEN}", **({"Idempotency-Key": key} if key else {})}
        try:
            response = self._client.request(method, f"{self._url}/blocked/{address}", headers=headers)
        except httpx.TimeoutException as error:
            raise Retry("no answer") from error
        self.judge(response)
        return response

    def judge(self, response: httpx.Response) -> None:
        if response.status_code in (429, 503):
            raise Retry("busy", float(response.headers.get("Retry-After", 1)))
        if response.status_code not in (200, 404):
            raise NeedsOperator(f"answered {response.status_code}")


class WithoutAHook(Plain):
    def plan_action(self, action: Action) -> Plan:
        return super().plan_action(action)


class ActsWhilePlanning(Plain):
    @hookimpl
    def plan_action(self, action: Action) -> Plan:
        self.execute_action(action)
        return super().plan_action(action)


class PlansAnew(Plain):
    @hookimpl
    def plan_action(self, action: Action) -> Plan:
        return Plan(f"block, says {uuid.uuid4()}", "firewall", reversible=True)


class ProbesByDoing(Plain):
    @hookimpl
    def probe_action(self, action: Action) -> Effect:
        self.send("PUT", self.address(action), action.key)
        return Effect("present")


class SaysThatNothingChanged(Plain):
    @hookimpl
    def execute_action(self, action: Action) -> Outcome:
        outcome = super().execute_action(action)
        return Outcome(False, outcome.summary, outcome.undo)


class StoresAnObject(Plain):
    def undo_of(self, address: str) -> dict[str, Any] | None:
        return {"address": {address}}


class ActsAgainAndAgain(Plain):
    @hookimpl
    def execute_action(self, action: Action) -> Outcome:
        self.send("PUT", self.address(action), None)
        return Outcome(True, "blocked", {"address": action.arguments["address"]})


class UndoesNothing(Plain):
    @hookimpl
    def undo_action(self, action: Action, undo: Mapping[str, object]) -> Outcome:
        return Outcome(True, "unblocked")


class FailsOnASecondUndo(Plain):
    @hookimpl
    def undo_action(self, action: Action, undo: Mapping[str, object]) -> Outcome:
        if self.send("DELETE", str(undo["address"]), None).status_code == 404:
            raise NeedsOperator("not blocked")
        return Outcome(True, "unblocked")


class UndoesWhatOthersDid(Plain):
    @hookimpl
    def execute_action(self, action: Action) -> Outcome:
        outcome = super().execute_action(action)
        return Outcome(outcome.changed, outcome.summary, {"address": action.arguments["address"]})


class ActsOnAnything(Plain):
    scope = ""


class TakesAnyArguments(Plain):
    def address(self, action: Action) -> str:
        return str(action.arguments.get("address", "198.51.100.7"))


class GivesUpOnPassingFailures(Plain):
    def judge(self, response: httpx.Response) -> None:
        if response.status_code not in (200, 404):
            raise NeedsOperator(f"answered {response.status_code}")


class RetriesRefusals(Plain):
    def judge(self, response: httpx.Response) -> None:
        if response.status_code not in (200, 404):
            raise Retry("not now", 7)


class TellsWhatTheServerSaid(Plain):
    def judge(self, response: httpx.Response) -> None:
        if response.status_code == 400:
            raise NeedsOperator(response.text)
        super().judge(response)


WRONG: list[tuple[str, type[Plain], Mapping[str, Any]]] = [
    ("test_every_hook_is_marked_with_hookimpl", WithoutAHook, {}),
    ("test_planning_changes_nothing_and_says_what_would_happen", ActsWhilePlanning, {}),
    ("test_planning_twice_says_the_same", PlansAnew, {}),
    ("test_a_probe_tells_whether_the_effect_is_in_place_and_changes_nothing", ProbesByDoing, {}),
    ("test_executing_changes_the_target_and_says_so", SaysThatNothingChanged, {}),
    ("test_executing_changes_the_target_and_says_so", StoresAnObject, {}),
    ("test_the_same_key_has_one_effect", ActsAgainAndAgain, {}),
    ("test_undoing_restores_what_was_before", UndoesNothing, {}),
    ("test_undoing_twice_does_no_harm", FailsOnASecondUndo, {}),
    ("test_what_was_in_place_before_is_not_undone", UndoesWhatOthersDid, {}),
    ("test_what_is_out_of_scope_is_refused_everywhere", ActsOnAnything, {}),
    ("test_arguments_of_another_shape_are_refused", TakesAnyArguments, {}),
    (
        "test_a_passing_failure_is_a_retry_and_the_retry_has_one_effect",
        GivesUpOnPassingFailures,
        {"fault": Fault.SERVER_ERROR},
    ),
    ("test_a_refusal_needs_the_operator", RetriesRefusals, {"fault": Fault.REFUSED}),
    ("test_secrets_stay_out_of_sight", TellsWhatTheServerSaid, {}),
]


def contract_for(action: type[Plain]) -> ResponseActionContract:
    class Contract(ResponseActionContract):
        secrets = (TOKEN,)

        def action(self, target: Firewall) -> Plain:
            return action(target)

        def arguments(self, target: Firewall) -> Mapping[str, Any]:
            return {"address": "198.51.100.7"}

        def out_of_scope(self, target: Firewall) -> Mapping[str, Any]:
            return {"address": "10.0.0.1"}

    return Contract()


@pytest.mark.parametrize(("test", "wrong", "arguments"), WRONG, ids=[wrong.__name__ for _, wrong, _ in WRONG])
def test_a_wrong_action_fails(
    test: str, wrong: type[Plain], arguments: Mapping[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    more = {**arguments, **({"caplog": caplog} if "secrets" in test else {})}
    with Firewall() as firewall:
        getattr(contract_for(Plain), test)(firewall, **more)
    with Firewall() as firewall, pytest.raises((AssertionError, pytest.fail.Exception, NeedsOperator, TypeError)):
        getattr(contract_for(wrong), test)(firewall, **more)


def test_every_test_of_the_kit_is_proven_by_a_wrong_action() -> None:
    assert {name for name in dir(ResponseActionContract) if name.startswith("test_")} == {test for test, _, _ in WRONG}


def test_what_is_stored_for_the_undo_is_json() -> None:
    with Firewall() as firewall:
        action = TestHTTPRequest().action(firewall)
        outcome = action.execute_action(Action("http.request", TestHTTPRequest().arguments(firewall), "k"))
    assert json.loads(json.dumps(outcome.undo)) == outcome.undo
