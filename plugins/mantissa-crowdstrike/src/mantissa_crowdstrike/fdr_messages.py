"""What a message of the Falcon Data Replicator announces.

Format: https://github.com/CrowdStrike/FDR
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mantissa_core.errors import BadRecord

QUOTED = 2_000
"""Characters of a message that an error quotes."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file in CrowdStrike's bucket. ``size`` is in bytes, compressed; ``checksum`` may be empty."""

    bucket: str
    path: str
    size: int
    checksum: str

    @property
    def place(self) -> str:
        """Its address, for people."""
        return f"s3://{self.bucket}/{self.path}"

    @property
    def origin(self) -> str:
        """Its address and content: what identifies its bytes for ever."""
        return f"{self.place}#{self.checksum}"


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the queue. ``handle`` is for this receipt of it, ``receives`` counts them."""

    id: str
    handle: str
    receives: int
    body: str

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Message:
        """The message as boto3 gives it."""
        receives = int(said.get("Attributes", {}).get("ApproximateReceiveCount", 1))
        return cls(said["MessageId"], said["ReceiptHandle"], receives, said["Body"])

    def files(self) -> Sequence[Delivered]:
        """The files that it announces. Raises ``BadRecord`` where it is no message of the Falcon Data Replicator."""
        try:
            said = json.loads(self.body)
            bucket, files = said["bucket"], said["files"]
            return [_delivered(bucket, each) for each in files]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise BadRecord(f"the message is none of the Falcon Data Replicator: {self.body[:QUOTED]}") from None


def _delivered(bucket: Any, said: Mapping[str, Any]) -> Delivered:
    path, size, checksum = said["path"], said["size"], said.get("checksum") or ""
    if not (isinstance(bucket, str) and bucket and isinstance(path, str) and path and isinstance(size, int)):
        raise TypeError("no address and size of a file")
    return Delivered(bucket, path, size, str(checksum))
