"""What the simulator writes for AWS's sources is what the decoders read."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from importlib.resources import files
from io import BytesIO
from typing import Any

import pytest
from mantissa_aws.cloudwatch_logs import CloudWatchLogsFile
from mantissa_aws.config_file import ConfigFile
from mantissa_aws.folders import SERVICES
from mantissa_aws.s3_access import S3AccessFile
from mantissa_aws.vpc_flow import VpcFlowFile
from mantissa_core.model import Blob
from mantissa_core.parse.compression import open_blob
from mantissa_core.parse.json_lines import JSONLines
from mantissa_core.parse.log_types import read
from mantissa_core.simulate import aws_logs
from mantissa_core.testing.log_type import rows_of

DAY = date(2026, 1, 14)
SOURCES: dict[str, tuple[str, Any]] = {
    f"/{SERVICES['aws.vpc_flow']}/": ("aws_vpc_flow", VpcFlowFile),
    f"/{SERVICES['aws.config']}/": ("aws_config", ConfigFile),
    f"/{SERVICES['aws.guardduty']}/": ("aws_guardduty", JSONLines),
    "s3-access/": ("aws_s3_access", S3AccessFile),
    "cloudwatch/": ("aws_cloudwatch_logs", CloudWatchLogsFile),
}


@pytest.mark.parametrize("place", SOURCES)
def test_simulated_files_become_rows_of_their_day(place: str) -> None:
    table, decoder = SOURCES[place]
    records: list[bytes] = []
    for key, content in aws_logs(7, DAY, events=960):
        if place in key:
            blob = open_blob(Blob(key, key, lambda content=content: BytesIO(content)))  # type: ignore[misc]
            for step in decoder(decoder.Config()).decode(blob):
                assert not step.rejected
                records += step.records
    rows = rows_of(read(files("mantissa_aws.log_types") / f"{table}.yaml"), records)
    assert len(rows) == (3 if table == "aws_guardduty" else 240)
    assert {(row["m_time"].date(), row["m_flags"], row["m_extra"]) for row in rows} == {(DAY, None, None)}


def test_the_same_seed_gives_the_same_files() -> None:
    assert list(aws_logs(7, DAY, 96)) == list(aws_logs(7, DAY, 96)) != list(aws_logs(8, DAY, 96))
    assert max(Counter(key for key, _ in aws_logs(7, DAY, 96)).values()) == 1
    with pytest.raises(ValueError, match="96 at least"):
        next(aws_logs(7, DAY, 95))


def test_documents_are_json_that_others_read_too() -> None:
    [finding, *_] = [content for key, content in aws_logs(7, DAY, 96) if "/GuardDuty/" in key]
    with open_blob(Blob("o", "k", lambda: BytesIO(finding))).open() as reader:
        assert all(json.loads(line)["accountId"] for line in reader.read().splitlines())
