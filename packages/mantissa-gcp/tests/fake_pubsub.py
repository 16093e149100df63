"""Pub/Sub's REST API over the wire, as far as somebody who pulls can tell: deadlines, redelivery, exactly once."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from fake_google import FakeTokens, key_file
from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Refused, Request

SUBSCRIPTION = "projects/example-prod/subscriptions/audit"
AUDIT = "projects/example-prod/logs/cloudaudit.googleapis.com%2Factivity"


class FakePubSub(FakeVendor):
    """One subscription. Its time, in seconds, is ``clock``'s: it stands still until :meth:`advance` without one.

    A pull gives ``page_size`` messages at most. ``counts`` deliveries, as with a dead-letter topic; ``exactly_once``
    takes no acknowledgement behind its deadline; ``granted`` are the caller's permissions.
    """

    faults = FakeVendor.faults - {Fault.ENDLESS, Fault.BIG_CURSORS, Fault.SKEWED_CLOCK}
    faults |= {Fault.TOKEN_LAPSED}
    limit_headers = None
    deadline = 10

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        super().__init__()
        self.tokens = FakeTokens("pubsub")
        self._clock, self._advanced = clock, 0.0
        self.counts, self.exactly_once = False, False
        self.granted = ["pubsub.subscriptions.consume"]
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.acknowledged: set[str] = set()
        self._messages: dict[str, str] = {}
        self._free_at: dict[str, float] = {}
        self._deliveries: dict[str, int] = {}
        self._ids: dict[str, str] = {}
        self._numbers = itertools.count(1)

    # -- what a test does ---------------------------------------------------------------------------------------

    def put(self, events: Sequence[Event], published: datetime | None = None) -> None:
        for event in events:
            self.publish(entry(event.id, event.time))

    def publish(self, entry: Any) -> str:
        """Publish an entry, or text that is none; return the message's id."""
        text = entry if isinstance(entry, str) else json.dumps(entry)
        return self.publish_data(base64.b64encode(text.encode()).decode())

    def publish_data(self, data: str) -> str:
        message = str(10**15 + next(self._numbers))
        self._messages[message] = data
        return message

    def advance(self, seconds: float) -> None:
        self._advanced += seconds

    @property
    def now(self) -> float:
        return self._clock() + self._advanced

    def announce_again(self) -> None:
        self.acknowledged.clear()
        self._free_at.clear()

    @property
    def waiting(self) -> tuple[int, int]:
        """Messages that can be pulled, and those that somebody has."""
        left = [each for each in self._messages if each not in self.acknowledged]
        free = [each for each in left if self._is_free(each)]
        return len(free), len(left) - len(free)

    @property
    def key_file(self) -> str:
        return key_file(self.url)

    # -- what the API does --------------------------------------------------------------------------------------

    def lapse(self) -> None:
        self.tokens.lapse()

    def authorised(self, request: Request) -> bool:
        return self.tokens.accepts(request)

    def other(self, request: Request) -> Answer | None:
        if request.route == "/token":
            return self.tokens.answer(request)
        method = request.route.rpartition(":")[2]
        if method not in {"acknowledge", "modifyAckDeadline"}:
            return None
        if not self.authorised(request):
            return self.refusal(401, "")
        self.asked.append((method, request.json()))
        try:
            return self._acknowledge(request) if method == "acknowledge" else self._modify(request)
        except Refused as refused:
            return self.refusal(refused.status, refused.code)

    def events(self, request: Request) -> Answer:
        name, _, method = request.route.removeprefix("/v1/").rpartition(":")
        self.asked.append((method, request.json()))
        if method == "testIamPermissions":
            wanted = request.json()["permissions"] if name == SUBSCRIPTION else []
            granted = [each for each in wanted if each in self.granted]
            return Answer(200, {"permissions": granted} if granted else {})
        if (request.method, method) != ("POST", "pull") or name != SUBSCRIPTION:
            raise Refused(404, "NOT_FOUND")
        if "pubsub.subscriptions.consume" not in self.granted:
            raise Refused(403, "PERMISSION_DENIED")
        most = request.json()["maxMessages"]
        if not 1 <= most <= 1000:
            raise Refused(400, "INVALID_ARGUMENT")
        if self.fault is Fault.TRUNCATED:  # what is handed out in a broken answer would be gone for a while
            return Answer(200, {"receivedMessages": [{"ackId": "1"}]})
        chosen = [] if self._empties_now() else self._next(min(most, self.page_size))
        given = [self._deliver(each) for each in chosen]
        return Answer(200, {"receivedMessages": given} if given else {})

    def refusal(self, status: int, code: str) -> Answer:
        names = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED"}
        said = {"code": status, "message": "refused", "status": code or names.get(status, "INTERNAL")}
        return Answer(status, {"error": said})

    def _next(self, most: int) -> list[str]:
        free = [each for each in self._messages if each not in self.acknowledged and self._is_free(each)]
        if self.fault is Fault.SHUFFLED:
            free.sort(key=lambda message: (int(message) * 7919) % 101)
        if self.fault is Fault.DUPLICATES and len(free) > most:
            held = [each for each in self._messages if each in self._free_at and each not in free]
            return [*held[-1:], *free[: most - 1]]
        return free[:most]

    def _deliver(self, message: str) -> dict[str, Any]:
        ack_id = f"ack-{next(self._numbers)}"
        self._ids[ack_id] = message
        self._free_at[message] = self.now + self.deadline
        self._deliveries[message] = self._deliveries.get(message, 0) + 1
        counted = {"deliveryAttempt": self._deliveries[message]} if self.counts else {}
        said = {"data": self._messages[message], "messageId": message, "publishTime": "2025-03-04T09:00:00Z"}
        return {"ackId": ack_id, "message": said, **counted}

    def _acknowledge(self, request: Request) -> Answer:
        messages = self._known(request)
        if self.exactly_once and any(self._is_free(each) for each in messages):
            raise Refused(400, "FAILED_PRECONDITION")
        self.acknowledged.update(messages)
        return Answer(200, {})

    def _modify(self, request: Request) -> Answer:
        seconds = request.json()["ackDeadlineSeconds"]
        if not 0 <= seconds <= 600:
            raise Refused(400, "INVALID_ARGUMENT")
        for message in self._known(request):
            self._free_at[message] = self.now + seconds
        return Answer(200, {})

    def _known(self, request: Request) -> list[str]:
        ids = request.json()["ackIds"]
        if not ids or any(each not in self._ids for each in ids):
            raise Refused(400, "INVALID_ARGUMENT")
        return [self._ids[each] for each in ids]

    def _is_free(self, message: str) -> bool:
        return self._free_at.get(message, self.now) <= self.now


def entry(id_: str, time: datetime, log: str = AUDIT) -> dict[str, Any]:
    """A log entry as a sink publishes it."""
    payload = {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "serviceName": "storage.googleapis.com",
        "methodName": "storage.buckets.create",
        "authenticationInfo": {"principalEmail": "amara@example.com"},
        "requestMetadata": {"callerIp": "203.0.113.17"},
        "resourceName": "projects/_/buckets/example",
    }
    return {"insertId": id_, "timestamp": time.isoformat(), "logName": log, "protoPayload": payload}
