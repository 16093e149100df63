"""The lake that questions are asked of: two weeks of the simulator, and some events that it does not have.

The additions are ordinary things that people ask about and the simulated company happens not to do: use of root,
buckets made and deleted, sign-ins from more countries, console sign-ins that fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ask_sources import sources
from mantissa_core import Runtime
from mantissa_core.simulate import simulate

START, DAYS, EVENTS, SEED = date(2026, 1, 7), 14, 20_000, 7
SETTINGS: dict[str, Any] = {"url": "lake", "retention_days": 36_500}
ACCOUNT = "111122223333"

# when (day and time in January 2026, or the whole date), who, from where, service, event, parameters, error
_AWS: tuple[tuple[str, str, str, str, str, dict[str, Any], str], ...] = (
    ("09T04:12:00", "root", "203.0.113.77", "signin", "ConsoleLogin", {}, ""),
    ("09T04:20:00", "root", "203.0.113.77", "iam", "CreateAccessKey", {}, ""),
    ("19T22:41:00", "root", "203.0.113.78", "signin", "ConsoleLogin", {}, ""),
    ("12T10:00:00", "svc-deploy", "192.0.2.15", "s3", "CreateBucket", {"bucketName": "kettle-scratch"}, ""),
    ("19T19:15:00", "noor", "198.51.100.74", "s3", "CreateBucket", {"bucketName": "kettle-handover"}, ""),
    ("20T03:30:00", "amara", "203.0.113.200", "s3", "CreateBucket", {"bucketName": "kettle-dump"}, ""),
    ("20T05:00:00", "noor", "198.51.100.74", "s3", "CreateBucket", {"bucketName": "kettle-refused"}, "AccessDenied"),
    ("20T20:00:00", "noor", "198.51.100.74", "s3", "CreateBucket", {"bucketName": "kettle-later"}, ""),
    ("18T11:00:00", "amara", "198.51.100.10", "s3", "DeleteBucket", {"bucketName": "kettle-old"}, ""),
    ("20T09:00:00", "amara", "203.0.113.9", "signin", "ConsoleLogin", {}, "failed"),
    ("20T09:01:00", "amara", "203.0.113.9", "signin", "ConsoleLogin", {}, "failed"),
    ("20T09:02:00", "amara", "203.0.113.9", "signin", "ConsoleLogin", {}, "failed"),
    ("20T09:04:00", "amara", "203.0.113.9", "signin", "ConsoleLogin", {}, ""),
    ("20T08:10:00", "noor", "198.51.100.74", "iam", "CreateUser", {"userName": "intern"}, ""),
    ("20T08:12:00", "noor", "198.51.100.74", "iam", "AttachUserPolicy", {"userName": "intern"}, ""),
    ("20T17:30:00", "noor", "198.51.100.74", "iam", "DeleteUser", {"userName": "intern"}, ""),
    ("16T14:00:00", "amara", "198.51.100.10", "iam", "DeactivateMFADevice", {"userName": "lin"}, ""),
    ("15T09:00:00", "svc-deploy", "192.0.2.15", "ec2", "RunInstances", {}, ""),
    ("20T10:00:00", "svc-deploy", "192.0.2.15", "ec2", "RunInstances", {}, ""),
    ("20T11:00:00", "noor", "198.51.100.74", "ec2", "TerminateInstances", {}, ""),
    ("20T11:05:00", "noor", "198.51.100.74", "ec2", "TerminateInstances", {}, "Client.UnauthorizedOperation"),
    ("14T12:00:00", "amara", "203.0.113.200", "iam", "DeleteRole", {"roleName": "old"}, "AccessDenied"),
    *(
        (
            f"{day:02}T10:30:00",
            "amara",
            "198.51.100.10",
            "s3",
            "GetObject",
            {"bucketName": "kettle-production-logs"},
            "",
        )
        for day in range(8, 20)
    ),
    ("19T12:00:00", "svc-deploy", "192.0.2.15", "s3", "PutObject", {"bucketName": "kettle-scratch"}, ""),
    ("20T04:00:00", "amara", "203.0.113.200", "s3", "GetObject", {"bucketName": "kettle-production-invoices"}, ""),
    ("20T04:01:00", "amara", "203.0.113.200", "s3", "GetObject", {"bucketName": "kettle-production-invoices"}, ""),
)
# when, who, from where, country, event, result
_OKTA: tuple[tuple[str, str, str, str, str, str], ...] = (
    *((f"20T10:0{n}:00", "lin", "203.0.113.40", "United States", "user.session.start", "FAILURE") for n in range(5)),
    *((f"20T01:1{n}:00", "amara", "203.0.113.90", "Brazil", "user.session.start", "FAILURE") for n in range(3)),
    ("20T01:14:00", "amara", "203.0.113.90", "Brazil", "user.session.start", "SUCCESS"),
    ("19T09:30:00", "noor", "203.0.113.41", "United States", "user.session.start", "SUCCESS"),
    ("17T09:30:00", "noor", "203.0.113.60", "Germany", "user.session.start", "SUCCESS"),
    ("17T09:35:00", "noor", "203.0.113.60", "Germany", "user.lifecycle.create", "SUCCESS"),
    ("12T02:00:00", "lin", "203.0.113.60", "Germany", "user.session.start", "FAILURE"),
    ("20T12:00:00", "lin", "203.0.113.40", "United States", "user.account.update_password", "SUCCESS"),
    ("20T07:00:00", "lin", "203.0.113.40", "United States", "user.account.reset_password", "SUCCESS"),
    ("13T07:00:00", "noor", "203.0.113.41", "United States", "user.account.reset_password", "SUCCESS"),
    ("17T15:00:00", "lin", "203.0.113.42", "United States", "user.session.start", "FAILURE"),
    ("18T15:00:00", "noor", "203.0.113.41", "United States", "user.session.start", "FAILURE"),
    ("20T17:20:00", "noor", "203.0.113.41", "United States", "user.session.start", "FAILURE"),
    ("16T15:00:00", "lin", "203.0.113.43", "United States", "user.session.start", "SUCCESS"),
    ("20T19:00:00", "lin", "203.0.113.60", "Germany", "user.session.start", "FAILURE"),
    ("20T19:05:00", "noor", "203.0.113.41", "United States", "user.mfa.okta_verify.deny_push", "FAILURE"),
    ("20T06:05:00", "noor", "203.0.113.60", "Germany", "user.mfa.okta_verify.deny_push", "FAILURE"),
    ("2025-12-29T19:05:00", "noor", "203.0.113.41", "United States", "user.mfa.okta_verify.deny_push", "FAILURE"),
)


def build(home: Path, *, days: int = DAYS, events: int = EVENTS, wide: bool = False) -> None:
    """Make the lake in ``home``: the last ``days`` of the two weeks, with about ``events`` events.

    A ``wide`` one has the tables of other sources, too.
    """
    first = START + timedelta(days=DAYS - days)
    with Runtime.open({"home": str(home), "lake": SETTINGS}) as runtime:
        for log_type, lines in simulate(seed=SEED, day=first, days=days, events=events).events.items():
            more = [line for line in added(log_type) if days == DAYS or line[0] >= first.isoformat()]
            runtime.ingest(log_type, [*(each.line for each in lines), *(text.encode() for _, text in more)])
        for log_type, texts in sources() if wide else ():
            runtime.ingest(log_type, texts)


def added(log_type: str) -> Iterator[tuple[str, str]]:
    """When, and the event as JSON, of the events that the simulator does not have."""
    told = _cloudtrail() if log_type == "aws.cloudtrail" else _okta()
    for when, event in told:
        yield when, json.dumps(event)


def _cloudtrail() -> Iterator[tuple[str, dict[str, Any]]]:
    for number, (moment, who, address, service, name, parameters, error) in enumerate(_AWS):
        when = f"{_dated(moment)}Z"
        root, sign_in = who == "root", name == "ConsoleLogin"
        identity = {"type": "Root" if root else "IAMUser", "accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:{who}"}
        event: dict[str, Any] = {
            "eventVersion": "1.11",
            "eventID": f"00000000-0000-4000-8000-{number:012}",
            "eventTime": when,
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "eventType": "AwsConsoleSignIn" if sign_in else "AwsApiCall",
            "awsRegion": "us-east-1" if service in ("iam", "signin") else "eu-west-1",
            "recipientAccountId": ACCOUNT,
            "sourceIPAddress": address,
            "userAgent": "aws-cli/2.32.0",
            "userIdentity": identity if root else {**identity, "userName": who},
            "requestParameters": parameters or None,
        }
        if sign_in:
            event["responseElements"] = {"ConsoleLogin": "Failure" if error else "Success"}
        elif error:
            event["errorCode"] = error
        yield when, event


def _okta() -> Iterator[tuple[str, dict[str, Any]]]:
    for number, (moment, who, address, country, name, result) in enumerate(_OKTA):
        when = f"{_dated(moment)}.000Z"
        yield (
            when,
            {
                "uuid": f"00000000-0000-4000-9000-{number:012}",
                "published": when,
                "eventType": name,
                "outcome": {"result": result},
                "actor": {"id": f"00u{who}", "type": "User", "alternateId": f"{who}@example.com", "displayName": who},
                "client": {"ipAddress": address, "geographicalContext": {"country": country}},
            },
        )


def _dated(moment: str) -> str:
    return moment if moment.startswith("2025-") else f"2026-01-{moment}"
