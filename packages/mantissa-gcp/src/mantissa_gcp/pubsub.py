"""Log entries that Cloud Logging routes to a Pub/Sub topic.

By REST: Google's own client brings gRPC, which is heavier than all the rest and adds nothing to pulling.
Reference: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions
"""

from __future__ import annotations

import binascii
import os
import re
from base64 import b64decode
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Self

import msgspec
from mantissa_core.collect.held import Held
from mantissa_core.errors import BadRecord, NeedsOperator, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Blob, Page, Rejected, Stream, Window
from mantissa_core.vendor_api import Answer, BaseUrl, CursorRefused, Vendor, VendorClient
from pydantic import Field

from . import routing
from .access import Access, auth

BATCH = 1000
"""Messages that one request names: ids have some 200 characters, a request at most 512 KiB."""
SUSPECTS = 500
"""Messages that the state remembers to have been tried alone."""
KEPT = 64 * 1024
"""Bytes that are kept of a message that is rejected."""
EMPTY = 3
"""Empty answers in a row after which there is taken to be no message."""
ANSWER_BYTES = 64 * 1024 * 1024
CONSUME = "pubsub.subscriptions.consume"
PUBSUB = Vendor(
    "Pub/Sub",
    error_code="error.status",
    remedies={
        401: "Pub/Sub refuses the access token: check the credentials",
        403: f"Pub/Sub refuses: the identity needs {CONSUME} on the subscription (role Pub/Sub Subscriber)",
        404: "Pub/Sub knows no such subscription: check subscription and project_id",
    },
)
_FULL_NAME = re.compile(r"projects/[^/]+/subscriptions/[^/]+")


class PubSubCollector:
    """Collects the messages of a subscription, and acknowledges each once it is stored.

    A message that holds no log entry becomes a dead letter at once. One that was delivered more than
    ``max_deliveries`` times is tried once more, alone; where that is not committed either, it ends the process, and
    becomes a dead letter. Pub/Sub counts deliveries for subscriptions with a dead-letter topic only.
    """

    class Config(Access):
        """Settings of ``gcp.pubsub``."""

        subscription: str = Field(pattern=r"^(projects/[^/?#]+/subscriptions/)?[A-Za-z][A-Za-z0-9._~%+-]{2,254}$")
        """The subscription's name, or projects/<project>/subscriptions/<name>."""
        project_id: str = Field(default="", json_schema_extra={"env": "GCP_PROJECT_ID"})
        """The project of the subscription, where its name alone is given."""
        endpoint: BaseUrl = "https://pubsub.googleapis.com"
        """Address of Pub/Sub; a regional one, https://europe-west1-pubsub.googleapis.com, keeps messages there."""
        messages_per_page: int = Field(default=1000, ge=1, le=10_000)
        """Messages that are committed together."""
        max_deliveries: int = Field(default=5, ge=1, le=100)
        """How often a message may be delivered before it is tried alone, for the last time."""
        deadline_seconds: int = Field(default=60, ge=10, le=600)
        """How long a message stays invisible to others after this process died; meanwhile it is held."""

    def __init__(self, config: Config) -> None:
        self._config, self._name = config, _full_name(config)
        self._api = VendorClient(
            PUBSUB,
            config.endpoint,
            auth(config, "pubsub"),
            timeout=config.timeout,
            per_minute=6000,
            burst=600,
            answer_bytes=ANSWER_BYTES,
        )
        self._held = Held(self._set_deadline, config.deadline_seconds, BATCH)

    @hookimpl
    def check(self) -> None:
        """Ask which permissions there are: that takes none. Pub/Sub names none where the subscription is missing."""
        granted = self._ask("testIamPermissions", {"permissions": [CONSUME]}).at("permissions")
        if granted != [CONSUME]:
            raise NeedsOperator(f"{self._name}: the identity lacks {CONSUME} there, or there is no such subscription")

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """The subscription. Its messages say what they are; those that are of no known log come as files."""
        return [Stream("messages", self._config.other_log_type, windowed=False)]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Pull until a page is not full any more."""
        known = state.get("suspects", ())
        suspects = list(known) if isinstance(known, list) else []
        with self._held.kept():
            more = True
            while more:
                messages = self._pull()
                more = len(messages) >= self._config.messages_per_page
                usual = [each for each in messages if each.deliveries <= self._config.max_deliveries]
                if usual:
                    yield self._page(usual, suspects, more=more)
                for each in messages:
                    if each.deliveries > self._config.max_deliveries:
                        yield from self._alone(each, suspects)

    @hookimpl
    def acknowledge(self, stream: Stream, acks: Sequence[str]) -> None:
        """Acknowledge the messages."""
        for batch in self._held.batches(acks):
            try:
                self._ask("acknowledge", {"ackIds": list(batch)}, cursor_refused={400})
            except CursorRefused:  # with exactly-once delivery: the ids have expired
                raise Retry(f"{self._name}: Pub/Sub takes the acknowledgement no more; messages come again") from None
            self._held.forget(batch)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _pull(self) -> list[_Message]:
        """The messages of a page: until it is full, or several answers in a row are empty."""
        received: list[_Message] = []
        most, empty = self._config.messages_per_page, 0
        while len(received) < most and empty < EMPTY:
            # Google discourages returnImmediately, as an answer may then be empty though there are messages. Without
            # it a request is held until there is one, for a minute or more, and others wait for their turn.
            answer = self._ask("pull", {"maxMessages": min(1000, most - len(received)), "returnImmediately": True})
            messages = _messages(answer)
            empty = 0 if messages else empty + 1
            if messages:
                ids = [each.ack_id for each in messages]
                self._held.add(ids)
                self._held.extend(ids)  # the subscription's own deadline may be shorter than ours
                received += messages
        return received

    def _page(self, messages: Sequence[_Message], suspects: Sequence[str], *, more: bool) -> Page:
        records: dict[str, list[bytes]] = {}
        blobs, rejected = [], []
        for each in messages:
            try:
                text = each.text()
                log_type = routing.of_entry(text)
            except BadRecord as error:
                rejected.append(each.rejected(f"message {each.id} is no log entry: {error}"))
                continue
            if log_type:
                records.setdefault(log_type, []).append(text)
            else:
                blobs.append(each.blob(text))
        acks = [each.ack_id for each in messages]
        return Page({"suspects": list(suspects)}, records, blobs, more=more, acks=acks, rejected=rejected)

    def _alone(self, message: _Message, suspects: list[str]) -> Iterator[Page]:
        """A suspect: that it is tried is committed before it is."""
        if message.id in suspects:
            suspects.remove(message.id)
            reason = f"message {message.id} was delivered {message.deliveries} times and never stored"
            letters = [message.rejected(reason)]
            yield Page({"suspects": list(suspects)}, more=True, acks=[message.ack_id], rejected=letters)
            return
        yield Page({"suspects": [*suspects, message.id][-SUSPECTS:]}, more=True)
        yield self._page([message], suspects, more=True)

    def _set_deadline(self, ack_ids: Sequence[str], seconds: int) -> None:
        self._ask("modifyAckDeadline", {"ackIds": list(ack_ids), "ackDeadlineSeconds": seconds})

    def _ask(self, method: str, body: Mapping[str, Any], cursor_refused: Container[int] = ()) -> Answer:
        return self._api.request("POST", f"/v1/{self._name}:{method}", body=body, cursor_refused=cursor_refused)


@dataclass(frozen=True, slots=True)
class _Message:
    """A message as Pub/Sub delivers it; ``deliveries`` is 0 where it does not count them."""

    id: str
    ack_id: str
    data: str
    deliveries: int

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        message = said["message"]
        data, times = message.get("data", ""), said.get("deliveryAttempt", 0)
        return cls(str(message["messageId"]), str(said["ackId"]), str(data), int(times))

    def text(self) -> bytes:
        """The message's content. Raises ``BadRecord``."""
        try:
            return b64decode(self.data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadRecord(f"no base64: {error}") from None

    def blob(self, text: bytes) -> Blob:
        """An entry of another log, as a file of one line: its log type may go by the place where an event stood."""
        line = msgspec.json.format(text, indent=-1)
        return Blob(f"pubsub:{self.id}", f"message {self.id}", lambda: BytesIO(line))

    def rejected(self, reason: str) -> Rejected:
        """What becomes a dead letter."""
        try:
            raw = self.text()
        except BadRecord:
            raw = self.data.encode()
        return Rejected(raw[:KEPT], reason, 0, len(raw))


def _messages(answer: Answer) -> list[_Message]:
    """Pub/Sub answers ``{}`` where there are none; anything else without messages is not its answer."""
    document = answer.document
    if not isinstance(document, dict) or document.keys() - {"receivedMessages"}:
        raise Retry(f"Pub/Sub's answer is no list of messages{answer.quoted}")
    try:
        return [_Message.of(each) for each in document.get("receivedMessages", ())]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Retry(f"Pub/Sub's answer has a message without id, or of another form{answer.quoted}") from None


def _full_name(config: PubSubCollector.Config) -> str:
    if _FULL_NAME.fullmatch(config.subscription):
        return config.subscription
    project = config.project_id or os.environ.get("GOOGLE_CLOUD_PROJECT", "")
    if not project:
        raise NeedsOperator("subscription: a name without project: set project_id, or GCP_PROJECT_ID")
    return f"projects/{project}/subscriptions/{config.subscription}"
