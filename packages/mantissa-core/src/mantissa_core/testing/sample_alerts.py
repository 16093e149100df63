"""Messages about alerts, as the runtime makes them, to see what a sink makes of them: usual ones and a hostile one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mantissa_core.model import Alert, Delivery, Severity

_NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_ID = "4f1c0d2b9a8e47d6b5c3a2918f7e6d5c"
_KEY = f"{_ID}-1-watch"
_NASTY = (
    "<script>alert(1)</script> <!channel> <https://evil.example|reset> [link](https://evil.example) **bold** _it_ "
    '"; DROP \x1b[2J\x1b]0;title\x07 \r\nBcc: eve@evil.example\r\n\r\n \u202e ``` {{x}} &amp; \x00 end'
)

CRITICAL = Alert(
    id=_ID,
    rule_id="aws-access-key-for-another-user",
    rule_name="Access key created for another user",
    severity=Severity.CRITICAL,
    summary="amara created an access key for backup-admin",
    description="Somebody created an access key for another user.\nSo an attacker stays when a password is changed.\n",
    status="open",
    count=14,
    first_seen=_NOON,
    last_seen=_NOON + timedelta(minutes=3, seconds=20),
    created=_NOON + timedelta(minutes=4),
    table="aws_cloudtrail",
    tags=("attack.t1098.001", "attack.persistence"),
    entities={
        "user": ("amara",),
        "src_ip": ("203.0.113.7", "198.51.100.20"),
        "target": ("backup-admin",),
        "action": ("CreateAccessKey",),
        "outcome": ("success",),
    },
    event_ids=("00112233445566778899aabbccddeeff", "112233445566778899aabbccddeeff00"),
    evidence=tuple(
        {
            "eventName": "CreateAccessKey",
            "eventSource": "iam.amazonaws.com",
            "awsRegion": "eu-central-1",
            "userAgent": "aws-cli/2.15.30 Python/3.11.8 Linux/6.1 exe/x86_64",
            "sourceIPAddress": address,
            "userIdentity.userName": "amara",
            "requestParameters.userName": "backup-admin",
            "requestParameters.note": "call a…@example.com, key [secret]",
            "responseElements": {"accessKey": {"status": "Active", "userName": "backup-admin"}},
        }
        for address in ("203.0.113.7", "198.51.100.20")
    ),
    enrichment={
        "places": {
            "ips": {
                "203.0.113.7": {"city": "Oslo", "country": "Norway", "organisation": "Example Hosting", "asn": 64500},
                "198.51.100.20": {"country": "Brazil", "reputation": "reported 41 times in 90 days"},
            }
        },
        "people": {"users": {"amara": {"name": "Amara Example", "title": "Accountant", "department": "Finance"}}},
        "things": {"assets": {"backup-admin": {"kind": "IAM user", "owner": "noor", "criticality": "high"}}},
    },
    unenriched={"virustotal": "no answer within 2 s", "okta": "left alone for 40 s more: 401 Unauthorized"},
    redacted={"email": 2, "secret": 1},
)

HOSTILE = replace(
    CRITICAL,
    rule_id=_NASTY,
    rule_name=_NASTY,
    summary=f"{_NASTY} {'x' * 1_000_000}",
    description=_NASTY,
    tags=(_NASTY,),
    table="aws_cloudtrail; DROP TABLE x",
    event_ids=("'; reboot",),
    entities=dict.fromkeys(("user", "src_ip", "target", "outcome"), (_NASTY, "y" * 5000)),
    evidence=({_NASTY: _NASTY, "nested": {"a": [_NASTY]}, "long": "z" * 5000},),
    enrichment={"places": {"ips": {_NASTY: {"country": _NASTY}}}},
    unenriched={"virustotal": _NASTY},
    changed_by=_NASTY,
)

_RESOLVED = replace(
    CRITICAL, status="resolved", revision=3, changed=_NOON + timedelta(minutes=40), changed_by="noor@example.com"
)

SAMPLES: Mapping[str, Delivery] = {
    "critical": Delivery(_KEY, "opened", CRITICAL, destination="watch"),
    "resolved": Delivery(f"{_ID}-3-watch", "resolved", _RESOLVED, destination="watch"),
    "hostile": Delivery(_KEY, "opened", HOSTILE, destination="watch"),
}
"""By name. Whoever follows messages up sets ``previous`` on the resolved one."""
