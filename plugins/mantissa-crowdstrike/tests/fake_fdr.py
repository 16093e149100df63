"""A feed of the Falcon Data Replicator: moto's SQS and S3, behind a server that can misbehave."""

from __future__ import annotations

import gzip
import http.client
import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Request

REGION, KEY, SECRET = "us-west-1", "AKIAEXAMPLE000000001", "secret-of-the-tests"
_OURS = {"content-length", "connection", "transfer-encoding", "date", "server"}


class FakeFdr(FakeVendor):
    """One feed with a queue and a bucket of its own. ``refused`` is an error that a path of the bucket gives."""

    faults = frozenset(
        {Fault.RATE_LIMIT, Fault.SERVER_ERROR, Fault.TOKEN_EXPIRED, Fault.TIMEOUT, Fault.TRUNCATED, Fault.RESET}
        | {Fault.ERROR_PAGE}
    )
    limit_headers = None
    page_size = 2

    def __init__(self, moto: str) -> None:
        super().__init__()
        self._moto = urlsplit(moto)
        self.s3, self.sqs = _client("s3", moto), _client("sqs", moto)
        self.name = self.bucket = f"cs-prod-feed-{uuid.uuid4().hex[:12]}"
        self.queue = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.refused: tuple[str, int, str] | None = None
        self.held: list[int] = []
        """For how many seconds messages were asked to be held, one by one."""
        self._announced: list[str] = []

    def put(self, events: Sequence[Event], published: datetime | None = None) -> None:
        """A message and a file for every two events."""
        for first in range(0, len(events), 2):
            self.deliver(events[first : first + 2])

    def deliver(self, *files: Sequence[Event]) -> str:
        """Files with these events, and a message about them; returns the folder."""
        folder = f"data/{uuid.uuid4()}"
        said = []
        for number, events in enumerate(files):
            lines = [json.dumps(record(event)).encode() for event in events]
            content = gzip.compress(b"\n".join([*lines, b""]), mtime=0)
            path = f"{folder}/part-{number:05}.gz"
            etag = self.s3.put_object(Bucket=self.bucket, Key=path, Body=content)["ETag"]
            said.append({"path": path, "size": len(content), "checksum": etag.strip('"')})
        self.send(
            {
                "cid": "0123456789abcdef0123456789abcdef",
                "timestamp": 1741078800000,
                "fileCount": len(said),
                "totalSize": sum(each["size"] for each in said),
                "bucket": self.bucket,
                "pathPrefix": folder,
                "files": said,
            }
        )
        return folder

    def send(self, message: Any) -> None:
        body = message if isinstance(message, str) else json.dumps(message)
        self._announced.append(body)
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def announce_again(self) -> None:
        self.sqs.delete_queue(QueueUrl=self.queue)
        self.sqs.create_queue(QueueName=self.name)
        for body in self._announced:
            self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    @property
    def waiting(self) -> tuple[int, int]:
        """Messages that can be received, and those that somebody has."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        said = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return int(said[names[0]]), int(said[names[1]])

    def other(self, request: Request) -> Answer | None:
        """What settles a message never fails, nor does the look whether a file is there."""
        if request.method == "GET" or _operation(request) in {"ReceiveMessage", "GetQueueAttributes"}:
            return None
        if _operation(request) == "ChangeMessageVisibilityBatch":
            self.held += [each["VisibilityTimeout"] for each in json.loads(request.body)["Entries"]]
        return self._forward(request)

    def authorised(self, request: Request) -> bool:
        return f"Credential={KEY}/" in request.headers.get("authorization", "")

    def events(self, request: Request) -> Answer:
        if self.fault is Fault.TRUNCATED and request.method == "POST":
            return Answer(200, b'{"Messages": [{"MessageId": "1"}]}')  # what moto hands out would be gone for a while
        return self._forward(request)

    def refusal(self, status: int, code: str) -> Answer:
        code = code or {401: "ExpiredTokenException", 429: "ThrottlingException"}.get(status, "InternalError")
        return Answer(403 if status == 401 else status, {"__type": code, "message": "refused"})

    def _forward(self, request: Request) -> Answer:
        if self.refused and self.refused[0] in request.path:
            _, status, code = self.refused
            return Answer(status, f"<Error><Code>{code}</Code></Error>".encode())
        connection = http.client.HTTPConnection(self._moto.hostname or "", self._moto.port)
        connection.request(request.method, request.path, request.body, dict(request.headers))
        answer = connection.getresponse()
        body, said = answer.read(), {name: value for name, value in answer.getheaders() if name.lower() not in _OURS}
        length = {"Content-Length": str(len(body))} if request.method == "GET" else {}  # also of a file that is cut
        connection.close()
        return Answer(answer.status, body, {**said, **length})


def _operation(request: Request) -> str:
    return request.headers.get("x-amz-target", "").rpartition(".")[2]


def record(event: Event) -> dict[str, str]:
    """An event as CrowdStrike writes it."""
    at = str(int(event.time.timestamp() * 1000))
    return {"event_simpleName": "ProcessRollup2", "id": event.id, "timestamp": at, "aid": "a", "CommandLine": "ls"}


@cache
def _client(service: str, moto: str) -> Any:
    return boto3.client(
        service, endpoint_url=moto, region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b"
    )
