"""A scenario on disk is what the vendors would have delivered."""

import gzip
import json
import re
from collections import Counter
from datetime import date

import pytest
from mantissa_core.simulate import simulate, write
from mantissa_core.simulate.truth import CLOUDTRAIL, OKTA

NAME = re.compile(
    r"AWSLogs/(\d{12})/CloudTrail/([a-z0-9-]+)/(\d{4})/(\d\d)/(\d\d)/\1_CloudTrail_\2_\3\4\5T\d{4}Z_[A-Za-z0-9]{16}\.json\.gz"
)


@pytest.fixture(scope="module")
def scenario():
    return simulate(11, date(2026, 1, 14), events=1_000)


@pytest.fixture(scope="module")
def folder(scenario, tmp_path_factory):
    target = tmp_path_factory.mktemp("logs")
    write(scenario, target)
    return target


def test_cloudtrail_files_are_named_as_aws_names_them_and_hold_their_own_account(folder):
    for file in (folder / "AWSLogs").rglob("*.gz"):
        named = NAME.fullmatch(file.relative_to(folder).as_posix())
        assert named
        for record in json.loads(gzip.decompress(file.read_bytes()))["Records"]:
            assert (record["recipientAccountId"], record["awsRegion"]) == named.group(1, 2)


def test_every_event_is_written_once(folder, scenario):
    files = [json.loads(gzip.decompress(file.read_bytes())) for file in (folder / "AWSLogs").rglob("*.gz")]
    cloudtrail = Counter(record["eventID"] for content in files for record in content["Records"])
    lines = [line for file in (folder / "okta").glob("*.ndjson") for line in file.read_text().splitlines()]
    okta = Counter(json.loads(line)["uuid"] for line in lines)
    assert cloudtrail == Counter(line.id for line in scenario.events[CLOUDTRAIL])
    assert okta == Counter(line.id for line in scenario.events[OKTA])


def test_the_truth_stands_beside_the_logs(folder, scenario):
    truth = json.loads((folder / "ground_truth.json").read_text())
    assert [attack["id"] for attack in truth["attacks"]] == [attack.id for attack in scenario.attacks]
    assert truth["events"] == {log_type: len(lines) for log_type, lines in scenario.events.items()}
    for attack in truth["attacks"]:
        assert attack["techniques"]
        assert all(expected["rule_id"] and expected["event_ids"] for expected in attack["expected"])


def test_writing_again_gives_the_same_files_and_bytes(folder, scenario, tmp_path):
    written = write(scenario, tmp_path)
    assert contents(tmp_path) == contents(folder)
    assert written.files + 1 == len(contents(tmp_path))


def contents(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
