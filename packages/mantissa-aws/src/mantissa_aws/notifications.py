"""What the messages of a queue say about new objects in S3.

Formats: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html (EventBridge),
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/configure-sns-notifications-for-cloudtrail.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

from mantissa_core.errors import BadRecord

from .objects import Object

KEPT = 2_000
"""Characters of a message that an error quotes."""
_WRAPPERS = 3
"""How deep notifications may be wrapped: SNS around EventBridge around…"""


def objects_in(body: str) -> list[Object]:
    """Return the objects that the message announces; none where it announces something else, such as a test.

    Raises ``BadRecord`` where it is no notification.
    """
    try:
        return [item for item in _found(json.loads(body), _WRAPPERS) if item.size > 0]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadRecord(f"the message is no notification of S3: {body[:KEPT]}") from None


def _found(message: Mapping[str, Any], wrappers: int) -> Iterator[Object]:
    if "Records" in message:
        for record in message["Records"]:
            if record["eventName"].startswith("ObjectCreated:"):
                yield _of_s3(record["s3"])
    elif message.get("source") == "aws.s3":
        if message["detail-type"] == "Object Created":
            yield _of_event_bridge(message["detail"])
    elif "s3ObjectKey" in message:
        for key in message["s3ObjectKey"]:
            yield Object(message["s3Bucket"], key, 1, "")
    elif message.get("Event") != "s3:TestEvent":
        if wrappers == 0:
            raise ValueError("wrapped too often")
        yield from _found(json.loads(message["Message"]), wrappers - 1)


def _of_s3(said: Mapping[str, Any]) -> Object:
    """S3's own notification, whose keys are encoded as in an HTML form."""
    item = said["object"]
    key = unquote_plus(item["key"], errors="strict")
    return Object(
        said["bucket"]["name"], key, int(item.get("size", 1)), item.get("eTag", ""), item.get("versionId", "")
    )


def _of_event_bridge(said: Mapping[str, Any]) -> Object:
    """EventBridge's, whose keys are not encoded."""
    item = said["object"]
    return Object(
        said["bucket"]["name"], item["key"], int(item.get("size", 1)), item.get("etag", ""), item.get("version-id", "")
    )
