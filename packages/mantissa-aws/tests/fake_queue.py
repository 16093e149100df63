"""A bucket whose notifications go to a queue: moto, behind a server that can misbehave."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any

import boto3
from fake_aws import Answer, FakeAws, Request, forward
from mantissa_core.testing.collector import Event, Fault

_REGION = "us-east-1"


class FakeQueue(FakeAws):
    def __init__(self, moto: str) -> None:
        super().__init__()
        self._moto = moto
        self.s3, self.sqs = _client("s3", moto), _client("sqs", moto)
        self.bucket = self.name = f"logs-{uuid.uuid4().hex[:12]}"
        self.queue = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        self.s3.create_bucket(Bucket=self.bucket)
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        wanted = [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration={"QueueConfigurations": wanted}
        )

    def put(self, events: Sequence[Event]) -> None:
        """One file per event."""
        for event in events:
            self.put_file(f"{event.id}.json", event.id)

    def put_file(self, key: str, *ids: str) -> None:
        body = json.dumps({"Records": [{"eventID": each} for each in ids]})
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body.encode())

    def send(self, message: Any) -> None:
        body = message if isinstance(message, str) else json.dumps(message)
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def announce_again(self) -> None:
        """Announce every object as if nobody had received a message."""
        self.sqs.delete_queue(QueueUrl=self.queue)
        self.sqs.create_queue(QueueName=self.name)
        for item in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", ()):
            said = {"key": item["Key"], "size": item["Size"], "eTag": item["ETag"].strip('"')}
            s3 = {"bucket": {"name": self.bucket}, "object": said}
            self.send({"Records": [{"eventName": "ObjectCreated:Put", "s3": s3}]})

    @property
    def waiting(self) -> tuple[int, int]:
        """Messages that can be received, and those that somebody has."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        said = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return int(said[names[0]]), int(said[names[1]])

    def is_for_events(self, request: Request) -> bool:
        return request.operation in {"ReceiveMessage", "GetQueueAttributes"} or request.method == "GET"

    def respond(self, request: Request, fault: Fault | None) -> Answer:
        if fault is Fault.TRUNCATED and request.operation == "ReceiveMessage":
            return Answer(body=b'{"Messages": [{"MessageId": "1"}]}')  # what moto hands out would be gone for a while
        return forward(request, self._moto)


@cache
def _client(service: str, moto: str) -> Any:
    return boto3.client(
        service, endpoint_url=moto, region_name=_REGION, aws_access_key_id="a", aws_secret_access_key="b"
    )
