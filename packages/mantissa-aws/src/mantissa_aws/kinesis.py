"""Records of a Kinesis stream.

Reference: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cached_property
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError
from mantissa_core.errors import Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Blob, Page, Stream, Window
from pydantic import Field

from .errors import code_of, translated, wanted
from .kpl import unpacked
from .session import Access, client

PAUSE = 0.2
"""Seconds between two reads of a shard that gave nothing: AWS allows five a second."""
RENEWALS = 3
"""Iterators that may expire one after another, without a record between them."""


class KinesisCollector:
    """Collects the records of a stream. Every shard is a stream of its own; its progress is a sequence number.

    When shards are split or merged, the new ones are read once the old ones were read to their end. A record is a
    delivery file for the decoder of the log type; those that the Kinesis Producer Library packed are unpacked.
    """

    class Config(Access):
        """Settings of ``aws.kinesis``."""

        stream_name: str = Field(min_length=1, max_length=128)
        """Name of the stream."""
        log_type: str = "aws.cloudwatch_logs"
        """What the records hold."""
        since: datetime | None = None
        """Records that arrived before it are left out. Without it, reading begins with the oldest that is kept."""
        records_per_page: int = Field(default=500, ge=1, le=1000)
        """Records that are committed together."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._place = f"the Kinesis stream {config.stream_name}"
        self._parents: dict[str, set[str]] = {}
        self._finished: set[str] = set()

    @cached_property
    def _kinesis(self) -> Any:
        return client("kinesis", self._config)

    @hookimpl
    def check(self) -> None:
        """List the shards, and ask to read the first."""
        for stream in self.streams()[:1]:
            self._iterator(stream.name, "")

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """One stream for each shard, older ones first."""
        shards = sorted(self._shards(), key=lambda shard: str(shard["ShardId"]))
        listed = {shard["ShardId"] for shard in shards}
        self._parents = {
            shard["ShardId"]: listed & {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")}
            for shard in shards  # a parent that is not listed any more has nothing to give
        }
        return [Stream(shard["ShardId"], self._config.log_type, windowed=False) for shard in shards]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Read the shard from its last sequence number on, until nothing newer is there."""
        shard, sequence = stream.name, str(state.get("sequence", ""))
        if state.get("closed"):
            self._finished.add(shard)
            return
        if not sequence and not self._is_next(shard):
            return
        iterator = self._iterator(shard, sequence)
        while True:
            answer, iterator = self._records(shard, sequence, iterator)
            records, following = wanted(answer, "Records", self._place), answer.get("NextShardIterator")
            sequence = str(records[-1]["SequenceNumber"]) if records else sequence
            behind = bool(answer.get("MillisBehindLatest"))
            if records or not following:
                progress = {"sequence": sequence} | ({} if following else {"closed": True})
                yield Page(progress, blobs=self._blobs(shard, records), more=bool(following) and behind)
            if not following:
                self._finished.add(shard)
                return
            if not behind:
                return
            if not records:
                threading.Event().wait(PAUSE)
            iterator = following

    def _is_next(self, shard: str) -> bool:
        """Whether the shards that this one came from were read to their ends."""
        if shard not in self._parents:
            self.streams()
        return self._finished.issuperset(self._parents.get(shard, ()))

    def _shards(self) -> Iterator[Mapping[str, Any]]:
        where = {"StreamName": self._config.stream_name}
        seen: set[str] = set()
        while True:
            with self._translated("kinesis:ListShards"):
                answer = self._kinesis.list_shards(**where)
            yield from wanted(answer, "Shards", self._place)
            token = answer.get("NextToken")
            if not token:
                return
            if token in seen:
                raise Retry(f"{self._place}: the list of shards does not end: AWS gave the same token twice")
            seen.add(token)
            where = {"NextToken": token}

    def _iterator(self, shard: str, sequence: str) -> str:
        since = self._config.since
        start: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if sequence:
            start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": sequence}
        elif since is not None:
            start = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": since}
        with self._translated("kinesis:GetShardIterator"):
            answer = self._kinesis.get_shard_iterator(StreamName=self._config.stream_name, ShardId=shard, **start)
        return str(wanted(answer, "ShardIterator", self._place))

    def _records(self, shard: str, sequence: str, iterator: str) -> tuple[Mapping[str, Any], str]:
        """An answer, and the iterator that it was got with: one that took five minutes to use has expired."""
        for _ in range(RENEWALS):
            with self._translated("kinesis:GetRecords"):
                try:
                    answer = self._kinesis.get_records(ShardIterator=iterator, Limit=self._config.records_per_page)
                except ClientError as error:
                    if code_of(error) != "ExpiredIteratorException":
                        raise
                else:
                    return answer, iterator
            iterator = self._iterator(shard, sequence)
        raise Retry(f"{self._place}: iterators of {shard} expire before they can be used")

    def _blobs(self, shard: str, records: Sequence[Mapping[str, Any]]) -> list[Blob]:
        blobs = []
        for record in records:
            origin = f"kinesis:{self._config.stream_name}/{shard}#{record['SequenceNumber']}"
            packed = unpacked(record["Data"])
            if packed is None:
                blobs.append(_blob(origin, record["Data"]))
            else:
                blobs += [_blob(f"{origin}.{number}", data) for number, data in enumerate(packed)]
        return blobs

    def _translated(self, action: str) -> AbstractContextManager[None]:
        return translated(self._place, f"{action} on the stream, and kms:Decrypt where it is encrypted with a key")


def _blob(origin: str, data: bytes) -> Blob:
    return Blob(origin, origin, lambda: BytesIO(data))
