"""Objects in S3 that a queue announces.

Reference: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mantissa_core.collect.held import Held
from mantissa_core.errors import BadRecord, NeedsOperator, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Blob, Page, Stream, Window
from pydantic import Field

from . import objects
from .errors import translated
from .notifications import KEPT, objects_in
from .objects import GoneError, Object
from .session import CONNECTIONS, Access, client
from .unreadable import unreadable

BATCH = 10
"""Messages that one request may name."""
SUSPECTS = 500
"""Messages that the state remembers to have been tried alone."""


class SqsCollector:
    """Collects the objects that the messages of a queue announce, and deletes each message once they are stored.

    A message that cannot be understood, and an object that is gone, become dead letters at once. A message that was
    received more than ``max_receives`` times is tried once more, alone; where that is not committed either, it ends
    the process or never fits, and becomes a dead letter.
    """

    class Config(Access):
        """Settings of ``aws.sqs``."""

        queue_url: str = Field(pattern=r"^https?://")
        """Address of the queue."""
        log_type: str = "aws.cloudtrail"
        """What the objects hold."""
        messages_per_page: int = Field(default=50, ge=1, le=500)
        """Messages that are committed together."""
        max_receives: int = Field(default=5, ge=1, le=1000)
        """How often a message may be received before it is tried alone, for the last time."""
        visibility_seconds: int = Field(default=300, ge=1, le=43_200)
        """How long a message stays invisible to others after this process died; meanwhile it is held."""
        wait_seconds: int = Field(default=2, ge=0, le=20)
        """How long a request waits for messages."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._held = Held(self._hold, config.visibility_seconds, BATCH)

    @cached_property
    def _sqs(self) -> Any:
        return client("sqs", self._config)

    @cached_property
    def _s3(self) -> Any:
        return client("s3", self._config)

    @hookimpl
    def check(self) -> None:
        """Ask for the queue's attributes."""
        with translated(self._config.queue_url, "sqs:GetQueueAttributes on the queue"):
            self._sqs.get_queue_attributes(QueueUrl=self._config.queue_url, AttributeNames=["QueueArn"])

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """The queue."""
        return [Stream("messages", self._config.log_type, windowed=False)]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Receive messages until there are none; what failed is told at the end, and comes again."""
        known = state.get("suspects", ())
        suspects = list(known) if isinstance(known, list) else []
        failed: list[Exception] = []
        with self._held.kept():
            while messages := self._receive():
                usual = [each for each in messages if each.receives <= self._config.max_receives]
                yield from self._page(usual, suspects, failed)
                for each in messages:
                    if each.receives > self._config.max_receives:
                        yield from self._alone(each, suspects, failed)
        if failed:
            raise failed[0]

    @hookimpl
    def acknowledge(self, stream: Stream, acks: Sequence[str]) -> None:
        """Delete the messages."""
        for batch in self._held.batches(acks):
            with translated(self._config.queue_url, "sqs:DeleteMessage on the queue"):
                answer = self._sqs.delete_message_batch(
                    QueueUrl=self._config.queue_url,
                    Entries=[{"Id": str(number), "ReceiptHandle": each} for number, each in enumerate(batch)],
                )
            self._held.forget(batch)
            if any(not each["SenderFault"] for each in answer.get("Failed", ())):
                raise Retry(f"{self._config.queue_url}: SQS could not delete messages; they come again")

    def _receive(self) -> list[_Message]:
        """The messages of a page."""
        received: list[_Message] = []
        most = self._config.messages_per_page
        while len(received) < most:
            with translated(self._config.queue_url, "sqs:ReceiveMessage on the queue"):
                answer = self._sqs.receive_message(
                    QueueUrl=self._config.queue_url,
                    MaxNumberOfMessages=min(BATCH, most - len(received)),
                    VisibilityTimeout=self._config.visibility_seconds,
                    WaitTimeSeconds=0 if received else self._config.wait_seconds,
                    MessageSystemAttributeNames=["ApproximateReceiveCount"],
                )
            messages = [_Message.of(each) for each in answer.get("Messages", ())]
            if not messages:
                break
            self._held.add(each.handle for each in messages)
            received += messages
        return received

    def _hold(self, handles: Sequence[str], seconds: int) -> None:
        with translated(self._config.queue_url, "sqs:ChangeMessageVisibility on the queue"):
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._config.queue_url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": each, "VisibilityTimeout": seconds}
                    for number, each in enumerate(handles)
                ],
            )

    def _page(self, messages: Sequence[_Message], suspects: list[str], failed: list[Exception]) -> Iterator[Page]:
        """One page of what could be read; the rest stays in the queue."""
        room = objects.PAGE_BYTES
        for each in messages:
            room = each.understand(room)
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            done = [each for each in threads.map(self._fetch, messages) if each.failure is None]
        failed += [each.failure for each in messages if each.failure is not None]
        if done:
            blobs = [blob for each in done for blob in each.blobs]
            yield Page({"suspects": list(suspects)}, blobs=blobs, more=True, acks=[each.handle for each in done])

    def _alone(self, message: _Message, suspects: list[str], failed: list[Exception]) -> Iterator[Page]:
        """A suspect: that it is tried is committed before it is."""
        if message.id in suspects:
            suspects.remove(message.id)
            reason = f"received {message.receives} times and never stored: {message.body[:KEPT]}"
            letter = unreadable(f"sqs:{message.id}", f"message {message.id}", reason)
            yield Page({"suspects": list(suspects)}, blobs=[letter], more=True, acks=[message.handle])
            return
        for page in self._page([message], suspects, failed):
            yield Page({"suspects": [*suspects, message.id][-SUSPECTS:]}, more=True)
            yield page

    def _fetch(self, message: _Message) -> _Message:
        try:
            message.blobs += [self._blob(item, lazily) for item, lazily in message.items]
        except (Retry, NeedsOperator) as error:
            message.failure = error
        return message

    def _blob(self, item: Object, lazily: bool) -> Blob:
        if lazily:
            return objects.on_disk(self._s3, item)
        try:
            return objects.in_memory(self._s3, item)
        except GoneError:
            return unreadable(item.origin, item.place, f"{item.place} was announced but is not there")


@dataclass(slots=True)
class _Message:
    """A message on its way into a page. ``items`` says which objects are too large for the memory."""

    id: str
    handle: str
    receives: int
    body: str
    items: list[tuple[Object, bool]] = field(default_factory=list)
    blobs: list[Blob] = field(default_factory=list)
    failure: Exception | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> _Message:
        receives = int(said.get("Attributes", {}).get("ApproximateReceiveCount", 1))
        return cls(said["MessageId"], said["ReceiptHandle"], receives, said["Body"])

    def understand(self, room: int) -> int:
        """Find the objects, of which ``room`` bytes may be in memory; return how many bytes are left."""
        try:
            found = objects_in(self.body)
        except BadRecord as error:
            self.blobs.append(unreadable(f"sqs:{self.id}", f"message {self.id}", str(error)))
            return room
        for item in found:
            fits = item.size <= room
            room -= item.size if fits else 0
            self.items.append((item, not fits))
        return room
