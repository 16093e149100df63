from __future__ import annotations

from collections.abc import Sequence

import pytest
from mantissa_aws.folders import days, find, is_of

ACCOUNT = "AWSLogs/123456789012/"
ORGANISATION = "AWSLogs/o-exampleorgid/210987654321/"


def streams(keys: Sequence[str], prefix: str = "", service: str = "CloudTrail") -> list[str]:
    def children(folder: str) -> list[str]:
        below = [key[len(folder) :] for key in keys if key.startswith(folder)]
        return sorted({folder + rest.partition("/")[0] + "/" for rest in below if "/" in rest})

    return list(find(prefix, service, children))


def test_each_region_of_each_account_is_a_stream() -> None:
    keys = [
        f"{ACCOUNT}CloudTrail/eu-central-1/2025/03/04/a.json.gz",
        f"{ACCOUNT}CloudTrail/us-east-1/2025/03/04/a.json.gz",
        f"{ACCOUNT}CloudTrail-Digest/us-east-1/2025/03/04/d.json.gz",
        f"{ACCOUNT}CloudTrail-Insight/us-east-1/2025/03/04/i.json.gz",
        f"{ACCOUNT}Config/us-east-1/2025/3/4/c.json.gz",
        f"{ORGANISATION}CloudTrail/us-east-1/2025/03/04/a.json.gz",
    ]
    assert [name for name in streams(keys, "AWSLogs/") if not name.endswith("*")] == [
        f"{ACCOUNT}CloudTrail/eu-central-1/",
        f"{ACCOUNT}CloudTrail/us-east-1/",
        f"{ACCOUNT}CloudTrail-Insight/us-east-1/",
        f"{ORGANISATION}CloudTrail/us-east-1/",
    ] or streams(keys, "AWSLogs/")


def test_a_region_is_a_stream_before_it_has_objects() -> None:
    assert streams([], f"{ACCOUNT}CloudTrail/us-east-1/") == [f"{ACCOUNT}CloudTrail/us-east-1/"]


@pytest.mark.parametrize("day", ["2025/03/04", "year=2025/month=03/day=04", "2025-03-04", "dt=2025-03-04", "20250304"])
def test_a_folder_of_dates_is_one_stream(day: str) -> None:
    assert streams([f"logs/web/{day}/a.json"], "logs/") == ["logs/web/", "logs/*"]


def test_loose_objects_have_a_stream_of_their_own() -> None:
    assert streams(["logs/a.json", "logs/old/b.json"], "logs/") == ["logs/old/*", "logs/*"]
    assert streams([]) == ["*"]


def test_an_account_number_is_no_date() -> None:
    assert streams([f"{ACCOUNT}CloudTrail/us-east-1/2025/03/04/a.json.gz"], "AWSLogs/")[0] == (
        f"{ACCOUNT}CloudTrail/us-east-1/"
    )


def test_no_key_belongs_to_two_streams() -> None:
    keys = ["a.json", "logs/a.json", "logs/x/2025/a.json", "logs/y/z/a.json", f"{ACCOUNT}CloudTrail/r/2025/03/04/a"]
    names = streams(keys)
    for key in keys:
        owners = [
            name
            for name in names
            if (key.startswith(name) if not name.endswith("*") else key.rpartition("/")[0] == name[:-1].rstrip("/"))
        ]
        assert len(owners) == 1, (key, owners)


def test_digests_are_no_logs() -> None:
    assert [
        name
        for name in ("CloudTrail", "CloudTrail-Insight", "CloudTrail-Digest", "Config")
        if is_of("CloudTrail", name)
    ] == [
        "CloudTrail",
        "CloudTrail-Insight",
    ]


def test_folders_with_the_parts_named_are_streams_too() -> None:
    account = "AWSLogs/aws-account-id=123456789012/"
    keys = [
        f"{account}aws-service=vpcflowlogs/aws-region=us-east-1/year=2025/month=03/day=04/hour=09/a.log.gz",
        f"{account}aws-service=other/aws-region=us-east-1/year=2025/month=03/day=04/a.gz",
    ]
    assert [name for name in streams(keys, "AWSLogs/", "vpcflowlogs") if not name.endswith("*")] == [
        f"{account}aws-service=vpcflowlogs/aws-region=us-east-1/"
    ]


def test_without_a_service_every_folder_of_an_account_counts() -> None:
    keys = [f"{ACCOUNT}{service}/us-east-1/2025/03/04/a.gz" for service in ("Config", "CloudTrail-Digest", "other")]
    assert [name for name in streams(keys, "AWSLogs/", "") if not name.endswith("*")] == [
        f"{ACCOUNT}Config/us-east-1/",
        f"{ACCOUNT}other/us-east-1/",
    ]


def test_days_without_leading_zeros_come_in_the_order_of_time() -> None:
    dates = ["2024/12/31", "2025/1/2", "2025/2/3", "2025/2/10", "2025/10/1", "2025/9/30", "other/1/1"]

    def children(folder: str) -> list[str]:
        return sorted(
            {folder + f"{date}/"[len(folder) :].partition("/")[0] + "/" for date in dates if date.startswith(folder)}
        )

    expected = ["2024/12/31/", "2025/1/2/", "2025/2/3/", "2025/2/10/", "2025/9/30/", "2025/10/1/"]
    assert list(days("", "", children)) == expected
    assert list(days("", "2025/2/10/ConfigHistory/a.json.gz", children)) == expected[3:]
    assert list(days("", "2025/2/11/gone.json.gz", children)) == expected[4:]
