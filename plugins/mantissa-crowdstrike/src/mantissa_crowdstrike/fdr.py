"""Files of the Falcon Data Replicator, which a queue of CrowdStrike's announces.

Reference: https://github.com/CrowdStrike/FDR and
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import Any, BinaryIO, ClassVar, cast

from botocore.exceptions import ClientError
from mantissa_core.collect.held import Held
from mantissa_core.errors import BadRecord, NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Page, Rejected, Stream, Window
from pydantic import Field, SecretStr

from .aws import GONE, client, code_of, translated
from .fdr_messages import QUOTED, Delivered, Message

COPY_BYTES = 1024 * 1024
BATCH = 10
"""Messages that one request may name."""
SUSPECTS = 500
"""Messages that the state remembers to have been tried for the last time."""
_REGION = re.compile(r"^https://sqs\.([a-z0-9-]+)\.amazonaws\.com/")


class FalconDataReplicator:
    """Collects what the messages of a feed's queue announce, and deletes each message once its files are stored.

    A message is a page. One that cannot be understood, and a file that is gone, become dead letters at once. One that
    was received more than ``max_receives`` times is tried once more; where that is not committed either, it ends the
    process or never fits, and becomes a dead letter.
    """

    log_types: ClassVar[tuple[str, ...]] = ("crowdstrike.fdr",)

    class Config(PluginConfig):
        """Settings of ``crowdstrike.fdr``."""

        queue_url: str = Field(pattern=r"^https?://")
        """The feed's SQS queue."""
        access_key_id: str = Field(min_length=1)
        """The feed's access key."""
        secret_access_key: SecretStr
        """Its secret."""
        region: str = ""
        """Region of the queue and the bucket; without it, that of the queue's address."""
        endpoint_url: str = ""
        """Address of another service that speaks the protocols of SQS and S3."""
        max_receives: int = Field(default=5, ge=1, le=1000)
        """How often a message may be received before it is tried for the last time."""
        visibility_seconds: int = Field(default=1800, ge=30, le=43_200)
        """How long a message stays invisible to others after this process died; meanwhile it is held."""
        wait_seconds: int = Field(default=2, ge=0, le=20)
        """How long a request waits for messages."""
        timeout: float = Field(default=60, gt=0, le=600)
        """Seconds to wait for a connection or an answer."""

    def __init__(self, config: Config) -> None:
        self._config = config
        named = _REGION.match(config.queue_url)
        self._region = config.region or (named[1] if named else "")
        if not self._region:
            raise NeedsOperator("region: the queue's address does not name it, set it")
        self._held = Held(self._hold, config.visibility_seconds, BATCH)

    @cached_property
    def _sqs(self) -> Any:
        return self._client("sqs")

    @cached_property
    def _s3(self) -> Any:
        return self._client("s3")

    @hookimpl
    def check(self) -> None:
        """Ask for the queue's attributes."""
        with translated(self._config.queue_url, "sqs:GetQueueAttributes on the queue"):
            self._sqs.get_queue_attributes(QueueUrl=self._config.queue_url, AttributeNames=["QueueArn"])

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """The queue."""
        return [Stream("messages", "crowdstrike.fdr", windowed=False)]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Receive messages until there are none; what failed is told at the end, and comes again."""
        known = state.get("suspects", ())
        suspects = list(known) if isinstance(known, list) else []
        failed: list[Exception] = []
        with self._held.kept():
            while (message := self._receive()) is not None:
                try:
                    yield from self._pages(message, suspects)
                except (Retry, NeedsOperator) as error:
                    failed.append(error)
        if failed:
            raise failed[0]

    @hookimpl
    def acknowledge(self, stream: Stream, acks: Sequence[str]) -> None:
        """Delete the messages."""
        for handle in acks:
            with translated(self._config.queue_url, "sqs:DeleteMessage on the queue"):
                self._sqs.delete_message(QueueUrl=self._config.queue_url, ReceiptHandle=handle)
            self._held.forget([handle])

    def _receive(self) -> Message | None:
        with translated(self._config.queue_url, "sqs:ReceiveMessage on the queue"):
            answer = self._sqs.receive_message(
                QueueUrl=self._config.queue_url,
                MaxNumberOfMessages=1,
                VisibilityTimeout=self._config.visibility_seconds,
                WaitTimeSeconds=self._config.wait_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        for said in answer.get("Messages", ()):
            message = Message.of(said)
            self._held.add([message.handle])
            return message
        return None

    def _pages(self, message: Message, suspects: list[str]) -> Iterator[Page]:
        """The message's page; that a suspect is tried for the last time is committed before it is."""
        if message.id in suspects:
            suspects.remove(message.id)
            reason = f"received {message.receives} times and never stored: {message.body[:QUOTED]}"
            yield self._page(message, suspects, [], [_letter(message, reason)])
            return
        try:
            files = message.files()
        except BadRecord as error:
            yield self._page(message, suspects, [], [_letter(message, str(error))])
            return
        gone = [file for file in files if not self._is_there(file)]
        letters = [_letter(message, f"{file.place} was announced but is not there", at) for at, file in enumerate(gone)]
        blobs = [self._blob(file) for file in files if file not in gone]
        if message.receives > self._config.max_receives:
            yield Page({"suspects": [*suspects, message.id][-SUSPECTS:]}, more=True)
        yield self._page(message, suspects, blobs, letters)

    def _page(
        self, message: Message, suspects: Sequence[str], blobs: Sequence[Blob], letters: Sequence[Rejected]
    ) -> Page:
        return Page({"suspects": list(suspects)}, blobs=blobs, rejected=letters, more=True, acks=[message.handle])

    def _is_there(self, file: Delivered) -> bool:
        with translated(file.place, "s3:GetObject on the bucket's objects"):
            try:
                self._s3.head_object(Bucket=file.bucket, Key=file.path)
            except ClientError as error:
                if code_of(error) in GONE:
                    return False
                raise
        return True

    def _blob(self, file: Delivered) -> Blob:
        return Blob(file.origin, file.place, lambda: self._spool(file))

    def _spool(self, file: Delivered) -> BinaryIO:
        """Copy the file to the disk first: the connection must not break off in the middle of decoding."""
        with ExitStack() as on_failure:
            spool = on_failure.enter_context(tempfile.TemporaryFile())
            with translated(file.place, "s3:GetObject on the bucket's objects"):
                shutil.copyfileobj(self._s3.get_object(Bucket=file.bucket, Key=file.path)["Body"], spool, COPY_BYTES)
            if spool.tell() != file.size:  # a proxy's page, or a file that was replaced
                raise Retry(f"{file.place} has {spool.tell()} bytes, {file.size} were announced")
            on_failure.pop_all()
        spool.seek(0)
        return cast(BinaryIO, spool)

    def _hold(self, handles: Sequence[str], seconds: int) -> None:
        with translated(self._config.queue_url, "sqs:ChangeMessageVisibility on the queue"):
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._config.queue_url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": each, "VisibilityTimeout": seconds}
                    for number, each in enumerate(handles)
                ],
            )

    def _client(self, service: str) -> Any:
        config = self._config
        key, secret = config.access_key_id, config.secret_access_key
        with translated(config.queue_url, f"{service} in {self._region}"):
            return client(service, key, secret, self._region, config.endpoint_url, config.timeout)


def _letter(message: Message, reason: str, position: int = 0) -> Rejected:
    raw = message.body.encode()
    return Rejected(raw, f"message {message.id}: {reason}", position, len(raw))
