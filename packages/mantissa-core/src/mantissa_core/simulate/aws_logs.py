"""A day of the company's other logs at AWS, as AWS delivers them: background only, no attacks.

Formats: see the log types of ``mantissa-aws``.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from .clock import Clock
from .company import REGION, Account, found
from .draw import Draw

HOURS = 24
FLOW = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
FINDINGS = (
    "Recon:EC2/PortProbeUnprotectedPort",
    "Discovery:S3/AnomalousBehavior",
    "Policy:IAMUser/RootCredentialUsage",
)
PORTS = (22, 80, 443, 443, 443, 3389, 5432, 8080)


def aws_logs(seed: int, day: date, events: int = 5_000) -> Iterator[tuple[str, bytes]]:
    """Yield files as pairs of key and content: flow logs, access logs, log events, configuration items, findings.

    About ``events`` events in all. The same arguments give the same keys and bytes.

    Raises:
        ValueError: ``events`` is too few for an event an hour of each source.
    """
    each = events // (HOURS * 4)
    if each < 1:
        raise ValueError(f"{events} events are too few: {HOURS * 4} at least")
    account, clock = found(seed).accounts[0], Clock(day, 1)
    draw = Draw(seed, day, "aws logs")
    for hour in range(HOURS):
        start = clock.start + timedelta(hours=hour)
        yield _flows(draw, account, start, each)
        yield _accesses(draw, account, start, each)
        yield _log_events(draw, account, start, each)
        yield _items(draw, account, start, each)
    yield _findings(draw, account, clock.start)


def _flows(draw: Draw, account: Account, start: datetime, count: int) -> tuple[str, bytes]:
    lines = [FLOW]
    for _ in range(count):
        at = int((start + timedelta(seconds=draw.randrange(3540))).timestamp())
        port = draw.choice(PORTS)
        source, target = (
            f"198.51.100.{draw.randrange(1, 255)}",
            f"10.20.{draw.randrange(1, 9)}.{draw.randrange(4, 250)}",
        )
        amount = f"{draw.randrange(1, 90)} {draw.randrange(40, 90_000)}"
        action = "REJECT" if port in (22, 3389, 5432) else "ACCEPT"
        who = f"2 {account.id} eni-0{draw.hex(16)} {source} {target}"
        lines.append(f"{who} {draw.randrange(1024, 65536)} {port} 6 {amount} {at} {at + 60} {action} OK")
    name = f"{account.id}_vpcflowlogs_{REGION}_fl-0{draw.hex(16)}_{start:%Y%m%dT%H%MZ}_{draw.hex(8)}.log.gz"
    return _file(account, "vpcflowlogs", f"{start:%Y/%m/%d}/{name}", "".join(f"{line}\n" for line in lines))


def _accesses(draw: Draw, account: Account, start: datetime, count: int) -> tuple[str, bytes]:
    bucket, lines = draw.choice(account.buckets), []
    for _ in range(count):
        at = start + timedelta(seconds=draw.randrange(3600))
        key, size = (
            f"2026/{draw.choice(('report', 'invoice', 'photo'))}%2520{draw.hex(6)}.bin",
            draw.randrange(9, 90_000),
        )
        role = draw.choice(account.roles)
        who = f"arn:aws:sts::{account.id}:assumed-role/{role.name}/{draw.choice(role.members)}"
        asked = f"192.0.2.{draw.randrange(10, 60)} {who} {draw.hex(16).upper()} REST.GET.OBJECT {key}"
        answered = f'"GET /{key} HTTP/1.1" 200 - {size} {size} {draw.randrange(9, 90)} 8 "-" "Boto3/1.41.5" -'
        tail = f"{draw.text(44)} SigV4 TLS_AES_128_GCM_SHA256 AuthHeader {bucket}.s3.{REGION}.amazonaws.com TLSv1.3 - -"
        lines.append(f"{draw.hex(64)} {bucket} [{at:%d/%b/%Y:%H:%M:%S} +0000] {asked} {answered} {tail}\n")
    name = f"{account.id}/{REGION}/{bucket}/{start:%Y/%m/%d/%Y-%m-%d-%H-%M-%S}-{draw.hex(16).upper()}"
    return f"s3-access/{name}", "".join(lines).encode()


def _log_events(draw: Draw, account: Account, start: datetime, count: int) -> tuple[str, bytes]:
    events = []
    for number in range(count):
        at = int(start.timestamp()) * 1000 + draw.randrange(3_600_000)
        said = {"level": "INFO", "requestId": draw.uuid(), "message": f"order {draw.randrange(9_000)} accepted"}
        text = json.dumps(said) if number % 2 else f"START RequestId: {draw.uuid()} Version: $LATEST\n"
        events.append({"id": str(draw.getrandbits(180)).zfill(56), "timestamp": at, "message": text})
    document = {
        "messageType": "DATA_MESSAGE",
        "owner": account.id,
        "logGroup": f"/aws/lambda/{draw.choice(account.functions)}",
        "logStream": f"{start:%Y/%m/%d}/[$LATEST]{draw.hex(32)}",
        "subscriptionFilters": ["mantissa"],
        "logEvents": events,
    }
    name = f"cloudwatch/{start:%Y/%m/%d}/logs-1-{start:%Y-%m-%d-%H-%M-%S}-{draw.uuid()}"
    return name, gzip.compress(json.dumps(document).encode(), mtime=0)


def _items(draw: Draw, account: Account, start: datetime, count: int) -> tuple[str, bytes]:
    items = []
    for _ in range(count):
        at, instance = start + timedelta(seconds=draw.randrange(3600)), draw.choice(account.instances)
        items.append(
            {
                "configurationItemVersion": "1.3",
                "configurationItemCaptureTime": f"{at:%Y-%m-%dT%H:%M:%S.000Z}",
                "configurationItemStatus": "OK",
                "configurationStateId": draw.getrandbits(48),
                "awsAccountId": account.id,
                "awsRegion": REGION,
                "resourceType": "AWS::EC2::Instance",
                "resourceId": instance,
                "ARN": f"arn:aws:ec2:{REGION}:{account.id}:instance/{instance}",
                "configuration": {"vpcId": account.vpc, "privateIpAddress": f"10.20.1.{draw.randrange(4, 250)}"},
            }
        )
    folder = f"{start.year}/{start.month}/{start.day}/ConfigHistory"
    name = f"{account.id}_Config_{REGION}_ConfigHistory_AWS::EC2::Instance_{start:%Y%m%dT%H%M%SZ}_1.json.gz"
    return _file(account, "Config", f"{folder}/{name}", json.dumps({"fileVersion": "1.0", "configurationItems": items}))


def _findings(draw: Draw, account: Account, start: datetime) -> tuple[str, bytes]:
    lines = []
    for number, kind in enumerate(FINDINGS):
        at = f"{start + timedelta(hours=6 * number, seconds=draw.randrange(9_000)):%Y-%m-%dT%H:%M:%S.000Z}"
        service: Mapping[str, Any] = {"serviceName": "guardduty", "archived": False, "count": 1 + number}
        lines.append(
            {"schemaVersion": "2.0", "accountId": account.id, "region": REGION, "id": draw.hex(32), "type": kind}
            | {"severity": 2.0 + number, "createdAt": at, "updatedAt": at, "title": kind, "service": service}
        )
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return _file(account, "GuardDuty", f"{start:%Y/%m/%d}/{draw.uuid()}.jsonl.gz", text)


def _file(account: Account, service: str, name: str, text: str) -> tuple[str, bytes]:
    return f"AWSLogs/{account.id}/{service}/{REGION}/{name}", gzip.compress(text.encode(), mtime=0)
