"""A scenario on disk: as the vendors deliver it, with the truth beside it.

CloudTrail's object names:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from .draw import Draw
from .scenario import Scenario
from .truth import CLOUDTRAIL, OKTA, RULES, Logged

DELIVERY = timedelta(minutes=30)
"""How much time one CloudTrail file covers."""


@dataclass(frozen=True, slots=True)
class Written:
    """Where the logs are: folders of CloudTrail files and of Okta files, and the truth."""

    cloudtrail: Path
    okta: Path
    truth: Path
    files: int


def write(scenario: Scenario, folder: Path) -> Written:
    """Write the logs below ``folder``: the same scenario gives the same names and bytes.

    Raises:
        OSError: the folder cannot be written.
    """
    files = sum(1 for _ in _cloudtrail(scenario, folder)) + sum(1 for _ in _okta(scenario, folder))
    truth = folder / "ground_truth.json"
    truth.write_text(json.dumps(ground_truth(scenario), indent=2) + "\n", encoding="utf-8")
    return Written(folder / "AWSLogs", folder / "okta", truth, files)


def ground_truth(scenario: Scenario) -> dict[str, Any]:
    """The truth as JSON: attacks with their events and the rules that must match, and harmless look-alikes."""
    return {
        "format": 1,
        "seed": scenario.seed,
        "start": scenario.start.isoformat(),
        "days": scenario.days,
        "events": {log_type: len(lines) for log_type, lines in scenario.events.items()},
        "attacks": [
            asdict(attack)
            | {
                "start": attack.start.isoformat(),
                "end": attack.end.isoformat(),
                "expected": _expected(attack.expected),
            }
            for attack in scenario.attacks
        ],
        "lookalikes": [asdict(each) | {"rule_id": RULES.get(each.rule or "")} for each in scenario.lookalikes],
    }


def _expected(expected: Mapping[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    return [{"rule": name, "rule_id": RULES[name], "event_ids": ids} for name, ids in expected.items()]


def _cloudtrail(scenario: Scenario, folder: Path) -> Iterator[Path]:
    def delivery(line: Logged) -> tuple[str, str, datetime]:
        return line.account, line.region, _slot(line.time)

    names = Draw(scenario.seed, scenario.start, "deliveries")
    for (account, region, slot), lines in groupby(sorted(scenario.events[CLOUDTRAIL], key=delivery), key=delivery):
        delivered = slot + DELIVERY
        name = f"{account}_CloudTrail_{region}_{delivered:%Y%m%dT%H%MZ}_{names.text(16)}.json.gz"
        path = folder / "AWSLogs" / account / "CloudTrail" / region / f"{delivered:%Y/%m/%d}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        records = b'{"Records":[' + b",".join(line.line for line in lines) + b"]}"
        path.write_bytes(gzip.compress(records, compresslevel=6, mtime=0))
        yield path


def _okta(scenario: Scenario, folder: Path) -> Iterator[Path]:
    for day, lines in groupby(scenario.events[OKTA], key=lambda line: line.time.date()):
        path = folder / "okta" / f"system-log-{day}.ndjson"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(line.line + b"\n" for line in lines))
        yield path


def _slot(when: datetime) -> datetime:
    return when - (when - datetime.min.replace(tzinfo=when.tzinfo)) % DELIVERY
