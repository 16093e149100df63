from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mantissa_aws.notifications import objects_in
from mantissa_aws.objects import Object
from mantissa_core.errors import BadRecord


def record(name: str = "ObjectCreated:Put", **item: Any) -> dict[str, Any]:
    return {"eventName": name, "s3": {"bucket": {"name": "b"}, "object": {"key": "k", "size": 7, "eTag": "e"} | item}}


EVENT_BRIDGE = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {"bucket": {"name": "b"}, "object": {"key": "a b+%20", "size": 7, "etag": "e", "version-id": "v"}},
}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"Records": [record(), record(key="a+b%2B%C3%BC", versionId="v")]}, ["b/k#e", "b/a b+ü#e"]),
        ({"Records": [record("ObjectRemoved:Delete"), record("ObjectCreated:CompleteMultipartUpload")]}, ["b/k#e"]),
        ({"Records": [record(size=0)]}, []),
        (EVENT_BRIDGE, ["b/a b+%20#e"]),
        ({**EVENT_BRIDGE, "detail-type": "Object Deleted"}, []),
        ({"s3Bucket": "b", "s3ObjectKey": ["AWSLogs/a b.gz", "c"]}, ["b/AWSLogs/a b.gz#", "b/c#"]),
        ({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}, []),
    ],
    ids=["several", "deleted", "empty", "EventBridge", "EventBridge, deleted", "CloudTrail", "test"],
)
@pytest.mark.parametrize("wrapped", [0, 1, 2])
def test_notifications_are_understood_also_wrapped(message: Any, expected: list[str], wrapped: int) -> None:
    body = json.dumps(message)
    for _ in range(wrapped):
        body = json.dumps({"Type": "Notification", "Message": body})
    assert [item.origin.removeprefix("s3://") for item in objects_in(body)] == expected


def test_versions_are_asked_for_by_their_id() -> None:
    assert objects_in(json.dumps(EVENT_BRIDGE)) == [Object("b", "a b+%20", 7, "e", "v")]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"Records": [1]}',
        '{"Records": [{"eventName": "ObjectCreated:Put"}]}',
        '{"Message": "{}"}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "%ff"}}}]}',
        "[" * 100_000,
    ],
    ids=lambda body: body[:30],
)
def test_what_is_no_notification_is_told(body: str) -> None:
    with pytest.raises(BadRecord, match="no notification of S3"):
        objects_in(body)


KEYS = st.sampled_from(["Records", "Message", "source", "detail", "eventName", "s3", "s3ObjectKey"])
ANYTHING = st.recursive(
    st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=8
)


@given(ANYTHING)
@settings(max_examples=60, deadline=None)
def test_any_json_is_understood_or_refused(value: Any) -> None:
    with suppress(BadRecord):
        assert isinstance(objects_in(json.dumps(value)), list)
