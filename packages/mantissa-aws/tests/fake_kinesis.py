"""A Kinesis stream: moto, behind a server that can misbehave and knows what moto does not, how shards are split."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from typing import Any

import boto3
from fake_aws import Answer, FakeAws, Request, as_json, forward
from mantissa_core.testing.collector import Event, Fault

SHARDS = [f"shardId-00000000000{number}" for number in range(3)]
"""The first, and the two that it can be split into."""


class FakeKinesis(FakeAws):
    def __init__(self, moto: str) -> None:
        super().__init__()
        self._moto = moto
        self._api = _client(moto)
        self.name = f"logs-{uuid.uuid4().hex[:12]}"
        self._is_split = False
        self._of_first: set[str] = set()
        self._api.create_stream(StreamName=self.name, ShardCount=len(SHARDS))

    def put(self, events: Sequence[Event]) -> None:
        """One record per event."""
        for event in events:
            self.put_record(json.dumps({"id": event.id}).encode())

    def put_record(self, data: bytes, shard: int = 0) -> None:
        place = str((2 * shard + 1) * 2**128 // (2 * len(SHARDS)))
        self._api.put_record(StreamName=self.name, Data=data, PartitionKey="k", ExplicitHashKey=place)

    def iterator(self, shard: str) -> str:
        """One at the beginning of the shard."""
        asked = {"StreamName": self.name, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        return str(self._api.get_shard_iterator(**asked)["ShardIterator"])

    def split(self) -> None:
        """Close the first shard in favour of the others."""
        self._is_split = True

    def is_for_events(self, request: Request) -> bool:
        return request.operation in {"GetRecords", "GetShardIterator"}

    def respond(self, request: Request, fault: Fault | None) -> Answer:
        answer = forward(request, self._moto)
        if answer.status != HTTPStatus.OK:
            return answer
        asked, said = json.loads(request.body), json.loads(answer.body)
        if request.operation == "ListShards":
            self._relate(said)
        elif request.operation == "GetShardIterator" and asked["ShardId"] == SHARDS[0]:
            self._of_first.add(said["ShardIterator"])
        elif request.operation == "GetRecords" and asked["ShardIterator"] in self._of_first:
            self._of_first.add(said["NextShardIterator"])
            if self._is_split and not said["MillisBehindLatest"]:
                del said["NextShardIterator"]
        return as_json(said)

    def _relate(self, said: dict[str, Any]) -> None:
        if not self._is_split:
            del said["Shards"][1:]
        for child in said["Shards"][1:]:
            child["ParentShardId"] = SHARDS[0]


@cache
def _client(moto: str) -> Any:
    return boto3.client(
        "kinesis", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
