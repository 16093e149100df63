"""More of CloudTrail and Okta than the simulator's and the told ones: what only the wide lake has."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ask_draw import PEOPLE, Event, echoed, iso, mail

ACCOUNT, STRANGER = "111122223333", "999988887777"
# When, who, whose account, event, role or object, error
_CALLS: tuple[tuple[str, str, str, str, str, str], ...] = (
    ("19T10:00", "vendor", STRANGER, "AssumeRole", "partner-read", ""),
    ("20T10:00", "vendor", STRANGER, "AssumeRole", "partner-read", ""),
    ("20T10:01", "vendor", STRANGER, "AssumeRole", "partner-admin", ""),
    ("20T10:05", "amara", ACCOUNT, "AssumeRole", "operators", ""),
    ("15T10:00", "vendor", STRANGER, "AssumeRole", "partner-old", ""),
    *((f"20T14:1{n}", "rowan", ACCOUNT, "DeleteObject", "invoice", "") for n in range(4)),
    ("20T14:20", "rowan", ACCOUNT, "DeleteObject", "invoice", "AccessDenied"),
    ("19T09:00", "noor", ACCOUNT, "DeleteObject", "draft", ""),
    ("19T20:30", "noor", ACCOUNT, "DeleteObject", "draft", ""),
)
# When, who, country, result
_SESSIONS: tuple[tuple[str, str, str, str], ...] = (
    ("08T03:00", "amara", "France", "SUCCESS"),
    ("12T03:00", "amara", "Spain", "SUCCESS"),
    ("15T03:00", "amara", "Japan", "SUCCESS"),
    ("14T03:00", "noor", "France", "SUCCESS"),
    ("13T03:00", "lin", "Spain", "FAILURE"),
    ("14T04:00", "lin", "Japan", "FAILURE"),
    ("16T04:00", "lin", "France", "FAILURE"),
    ("17T04:00", "lin", "Brazil", "FAILURE"),
)


def calls(draw: Random) -> Iterator[Event]:
    """CloudTrail's."""
    for number, (moment, who, account, name, what, error) in enumerate(echoed(draw, _CALLS)):
        assumed = name == "AssumeRole"
        yield {
            "eventVersion": "1.11",
            "eventID": f"00000000-0000-4000-8001-{number:012}",
            "eventTime": iso(moment),
            "eventSource": "sts.amazonaws.com" if assumed else "s3.amazonaws.com",
            "eventName": name,
            "eventType": "AwsApiCall",
            "awsRegion": "eu-west-1",
            "recipientAccountId": ACCOUNT,
            "sourceIPAddress": f"192.0.2.{40 + len(who)}",
            "userIdentity": {
                "type": "IAMUser",
                "accountId": account,
                "arn": f"arn:aws:iam::{account}:user/{who}",
                "userName": who,
            },
            "requestParameters": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/{what}"} if assumed else {"key": what},
            **({"errorCode": error} if error else {}),
        }


def sessions(_: Random) -> Iterator[Event]:
    """Okta's."""
    for number, (moment, who, country, result) in enumerate(_SESSIONS):
        yield {
            "uuid": f"00000000-0000-4000-9001-{number:012}",
            "published": f"2026-01-{moment}:00.000Z",
            "eventType": "user.session.start",
            "outcome": {"result": result},
            "actor": {"id": f"00u{who}", "type": "User", "alternateId": mail(who), "displayName": who},
            "client": {"ipAddress": f"192.0.2.{60 + PEOPLE.index(who)}", "geographicalContext": {"country": country}},
        }


MORE = {"aws.cloudtrail": calls, "okta.system": sessions}
