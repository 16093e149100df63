from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from fake_s3 import FOLDER, FakeS3
from mantissa_aws import objects
from mantissa_aws.collector import S3Collector
from mantissa_aws.parser import CloudTrailFile
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector, Parser
from mantissa_core.model import Page, Window
from pydantic import ValidationError

NOW = Window(datetime(2025, 3, 4, tzinfo=UTC), datetime(2025, 3, 4, tzinfo=UTC))


def collector(s3: FakeS3, clock: datetime | None = None, **settings: Any) -> S3Collector:
    config = S3Collector.Config.model_validate({"bucket": s3.bucket, "endpoint_url": s3.url, "timeout": 5, **settings})
    return S3Collector(config, lambda: clock or datetime.now(UTC))


def read(
    subject: S3Collector, state: Mapping[str, Any] | None = None, stream: int = 0
) -> tuple[list[str], Page | None]:
    """The ids that one pass yields, and its last page."""
    ids: list[str] = []
    last = None
    decoder = CloudTrailFile(CloudTrailFile.Config())
    for page in subject.read(subject.streams()[stream], NOW, state or {}):
        last = page
        for blob in page.blobs:
            for decoded in decoder.decode(blob):
                ids += [record.decode().split('"')[3] for record in decoded.records]
    return ids, last


def test_keys_that_appear_in_a_day_gone_by_are_found(s3: FakeS3) -> None:
    s3.put_file(f"{FOLDER}2025/03/04/a.json", "1")
    ids, page = read(collector(s3, prefix=FOLDER))
    assert ids == ["1"]
    s3.put_file(f"{FOLDER}2025/03/03/late.json", "2")
    s3.put_file(f"{FOLDER}2025/03/04/a0.json", "3")
    assert page is not None
    assert read(collector(s3, prefix=FOLDER), page.next_state)[0] == ["2", "3"]


def test_keys_below_the_floor_are_not_listed_again(s3: FakeS3) -> None:
    s3.put_file(f"{FOLDER}2025/03/04/a.json", "1")
    s3.put_file(f"{FOLDER}2025/03/04/b.json", "2")
    later = datetime.now(UTC) + timedelta(days=2)
    _, page = read(collector(s3, later, prefix=FOLDER))
    assert page is not None
    assert page.next_state == {"floor": f"{FOLDER}2025/03/04/b.json", "known": []}
    s3.put_file(f"{FOLDER}2025/03/04/c.json", "3")
    assert read(collector(s3, later, prefix=FOLDER), page.next_state)[0] == ["3"]


def test_nothing_new_makes_no_page(s3: FakeS3) -> None:
    s3.put_file(f"{FOLDER}2025/03/04/a.json", "1")
    _, page = read(collector(s3, prefix=FOLDER))
    assert page is not None
    assert read(collector(s3, prefix=FOLDER), page.next_state) == ([], None)


def test_every_region_is_a_stream_with_its_own_order(s3: FakeS3) -> None:
    west = FOLDER.replace("us-east-1", "us-west-2")
    s3.put_file(f"{west}2025/03/04/a.json", "west")
    s3.put_file(f"{FOLDER}2025/03/04/a.json", "east")
    s3.put_file(f"{FOLDER.replace('CloudTrail', 'CloudTrail-Digest')}2025/03/04/a.json", "digest")
    subject = collector(s3, prefix="AWSLogs/")
    names = [stream.name for stream in subject.streams()]
    assert names[:2] == [FOLDER, west]
    assert [read(subject, stream=number)[0] for number in range(len(names))] == [
        ["east"],
        ["west"],
        *[[]] * (len(names) - 2),
    ]


def test_objects_from_before_the_start_are_left_out(s3: FakeS3) -> None:
    s3.put_file(f"{FOLDER}2025/03/04/a.json", "1")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    assert read(collector(s3, prefix=FOLDER, since=tomorrow))[0] == []
    assert read(collector(s3, prefix=FOLDER, since=date(2025, 1, 1)))[0] == ["1"]


def test_an_object_that_is_deleted_after_the_listing_is_no_error(s3: FakeS3) -> None:
    s3.put_file(f"{FOLDER}a.json", "1")
    s3.put_file(f"{FOLDER}b.json", "2")
    subject = collector(s3, prefix=FOLDER, objects_per_page=1)
    pages = subject.read(subject.streams()[0], NOW, {})
    assert len(next(pages).blobs) == 1
    s3.client.delete_object(Bucket=s3.bucket, Key=f"{FOLDER}b.json")
    assert [len(page.blobs) for page in pages] == [0]


def test_an_object_that_is_overwritten_after_the_listing_is_listed_anew(s3: FakeS3) -> None:
    s3.put_file(f"{FOLDER}a.json", "1")
    s3.put_file(f"{FOLDER}b.json", "2")
    subject = collector(s3, prefix=FOLDER, objects_per_page=1)
    pages = subject.read(subject.streams()[0], NOW, {})
    state = next(pages).next_state
    s3.put_file(f"{FOLDER}b.json", "2", "3")
    with pytest.raises(Retry, match="PreconditionFailed"):
        next(pages)
    assert read(subject, state)[0] == ["2", "3"]


def test_a_large_object_is_read_from_disk_as_often_as_needed(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "PAGE_BYTES", 50)
    s3.put_file(f"{FOLDER}a.json", "1", "2", "3", "4")
    s3.put_file(f"{FOLDER}b.json", "5")
    subject = collector(s3, prefix=FOLDER)
    pages = list(subject.read(subject.streams()[0], NOW, {}))
    assert [len(page.blobs) for page in pages] == [1, 1]
    blob = pages[0].blobs[0]
    with blob.open() as first, blob.open() as second:
        assert (
            first.read()
            == second.read()
            == s3.client.get_object(Bucket=s3.bucket, Key=f"{FOLDER}a.json")["Body"].read()
        )
    s3.client.delete_object(Bucket=s3.bucket, Key=f"{FOLDER}a.json")
    with pytest.raises(Retry, match="deleted"):
        blob.open()


def test_the_origin_names_bucket_key_and_content(s3: FakeS3) -> None:
    s3.put_file(f"{FOLDER}a.json", "1")
    subject = collector(s3, prefix=FOLDER)
    [page] = subject.read(subject.streams()[0], NOW, {})
    etag = s3.client.head_object(Bucket=s3.bucket, Key=f"{FOLDER}a.json")["ETag"].strip('"')
    assert page.blobs[0].origin == f"s3://{s3.bucket}/{FOLDER}a.json#{etag}"
    assert page.blobs[0].name == f"s3://{s3.bucket}/{FOLDER}a.json"


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "AccessDenied", "s3:ListBucket on arn:aws:s3:::logs-"),
        (404, "NoSuchBucket", "check bucket and region"),
        (403, "InvalidAccessKeyId", "create a new one"),
        (403, "SignatureDoesNotMatch", "does not belong"),
        (400, "ExpiredToken", "has expired"),
        (301, "PermanentRedirect", "set region"),
        (400, "InvalidArgument", "InvalidArgument"),
    ],
)
def test_a_refusal_says_what_the_operator_must_do(s3: FakeS3, status: int, code: str, words: str) -> None:
    subject = collector(s3)
    s3.answer = (status, code)
    with pytest.raises(NeedsOperator, match=words):
        subject.check()


def test_a_denied_object_names_the_permission(s3: FakeS3) -> None:
    s3.put_file(f"{FOLDER}a.json", "1")
    subject = collector(s3, prefix=FOLDER)
    stream = subject.streams()[0]
    items = list(subject._items(stream.name, ""))
    s3.answer = (403, "AccessDenied")
    with pytest.raises(NeedsOperator, match=r"s3:GetObject on arn:aws:s3:::logs-\w+/AWSLogs/\S+\*, and kms:Decrypt"):
        subject._fetch(items)
    s3.answer = (403, "InvalidObjectState")
    with pytest.raises(NeedsOperator, match="Glacier"):
        subject._fetch(items)


@pytest.mark.parametrize(
    ("status", "code"), [(503, "SlowDown"), (429, "TooManyRequests"), (500, "InternalError"), (503, "")]
)
def test_throttling_and_failures_of_aws_pass(s3: FakeS3, status: int, code: str) -> None:
    subject = collector(s3)
    s3.answer = (status, code)
    with pytest.raises(Retry):
        subject.check()


def test_an_address_where_nobody_answers_is_tried_again(s3: FakeS3) -> None:
    with pytest.raises(Retry, match="EndpointConnectionError"):
        collector(s3, endpoint_url="http://127.0.0.1:9").check()


def test_a_role_is_assumed(s3: FakeS3) -> None:
    role = "arn:aws:iam::123456789012:role/mantissa-reader"
    s3.put_file(f"{FOLDER}a.json", "1")
    assert read(collector(s3, prefix=FOLDER, role_arn=role, external_id="tenant"))[0] == ["1"]
    assert s3.keys
    assert all(key.startswith("ASIA") for key in s3.keys)


def test_missing_credentials_are_named(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(NeedsOperator, match="access_key_id, role_arn"):
        collector(s3).check()
    with pytest.raises(NeedsOperator, match="access_key_id"):
        collector(s3, role_arn="arn:aws:iam::123456789012:role/reader").check()


@pytest.mark.parametrize(
    "settings",
    [
        {"prefix": "AWSLogs"},
        {"access_key_id": "AKIAEXAMPLE000000001"},
        {"secret_access_key": "secret"},
        {"external_id": "x"},
        {"objects_per_page": 0},
        {"bucket": "b"},
        {"unknown": 1},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        S3Collector.Config.model_validate({"bucket": "logs", **settings})
    assert "secret'" not in str(raised.value)


def test_files_of_config_come_in_the_order_of_days_that_have_no_leading_zeros(s3: FakeS3) -> None:
    folder = FOLDER.replace("CloudTrail", "Config")
    for number, day in enumerate(["2024/12/31", "2025/2/3", "2025/2/10", "2025/10/1"]):
        s3.put_file(f"{folder}{day}/ConfigHistory/a.json", str(number))
    later = datetime.now(UTC) + timedelta(days=2)
    ids, page = read(collector(s3, later, prefix=folder, log_type="aws.config"))
    assert ids == ["0", "1", "2", "3"]
    assert page is not None
    assert page.next_state["floor"] == f"{folder}2025/10/1/ConfigHistory/a.json"
    s3.put_file(f"{folder}2025/10/2/ConfigHistory/a.json", "4")
    s3.put_file(f"{folder}2025/11/1/ConfigHistory/a.json", "5")
    assert read(collector(s3, later, prefix=folder, log_type="aws.config"), page.next_state)[0] == ["4", "5"]


@pytest.mark.parametrize(
    ("settings", "service"),
    [
        ({}, "CloudTrail"),
        ({"log_type": "aws.vpc_flow"}, "vpcflowlogs"),
        ({"service": "X"}, "X"),
        ({"log_type": "a.b"}, ""),
    ],
    ids=str,
)
def test_the_service_follows_from_the_log_type(settings: dict[str, Any], service: str) -> None:
    assert S3Collector.Config.model_validate({"bucket": "logs", **settings}).service == service


def test_moto_is_no_stub(s3: FakeS3, moto: str) -> None:
    """The fake forwards to moto: what a test puts there, boto3 finds there."""
    s3.put_file("a", "1")
    listed = boto3.client("s3", endpoint_url=moto).list_objects_v2(Bucket=s3.bucket)
    assert [each["Key"] for each in listed["Contents"]] == ["a"]


def test_the_installed_plugins_read_through_the_host(s3: FakeS3, start_plugin: Callable[..., Any]) -> None:
    s3.put_file(f"{FOLDER}2025/03/04/a.json", "1", "2")
    settings = {"bucket": s3.bucket, "prefix": "AWSLogs/", "endpoint_url": s3.url}
    subject = start_plugin(Collector, "aws.s3", settings)
    [page] = subject.read(subject.streams()[0], NOW, {})
    decoder = start_plugin(Parser, "aws.cloudtrail")
    assert [len(step.records) for step in decoder.decode(page.blobs[0])] == [2]
