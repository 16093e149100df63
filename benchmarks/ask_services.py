"""Events of the rest of the sources that questions are asked about: findings, files, second factors, queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from random import Random
from typing import Any

from ask_draw import ADDRESS, COUNTRIES, NAMES, PEOPLE, STRANGE, Event, at, echoed, iso, mail, moments

# GuardDuty: when, kind of finding, severity, region, address, country, archived
_FINDINGS: tuple[tuple[str, str, float, str, str, str, bool], ...] = (
    (
        "20T05:00",
        "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
        8.0,
        "eu-west-1",
        STRANGE[0],
        "BR",
        False,
    ),
    ("20T05:30", "CryptoCurrency:EC2/BitcoinTool.B", 8.0, "eu-west-1", STRANGE[1], "RU", False),
    ("19T05:00", "UnauthorizedAccess:EC2/SSHBruteForce", 2.0, "eu-west-1", STRANGE[2], "RU", False),
    ("20T06:00", "UnauthorizedAccess:EC2/SSHBruteForce", 2.0, "us-east-1", STRANGE[2], "RU", False),
    ("20T06:30", "UnauthorizedAccess:EC2/SSHBruteForce", 5.0, "eu-west-1", STRANGE[2], "RU", False),
    ("13T06:00", "UnauthorizedAccess:EC2/SSHBruteForce", 2.0, "eu-west-1", STRANGE[0], "BR", True),
    ("18T06:00", "Recon:EC2/PortProbeUnprotectedPort", 2.0, "eu-west-1", STRANGE[1], "RU", False),
    ("20T07:00", "Recon:IAMUser/UserPermissions", 5.0, "us-east-1", STRANGE[0], "BR", False),
    ("16T07:00", "Policy:IAMUser/RootCredentialUsage", 2.0, "us-east-1", "203.0.113.78", "US", False),
    ("10T07:00", "Exfiltration:S3/AnomalousBehavior", 8.0, "eu-west-1", STRANGE[0], "BR", True),
    ("04T07:00", "Backdoor:EC2/C&CActivity.B!DNS", 8.0, "eu-west-1", STRANGE[1], "RU", False),
    ("20T19:00", "Trojan:EC2/DNSDataExfiltration", 8.0, "eu-west-1", STRANGE[1], "RU", False),
)


def findings(draw: Random) -> Iterator[Event]:
    """GuardDuty's."""
    for number, (moment, kind, severity, region, address, country, archived) in enumerate(echoed(draw, _FINDINGS)):
        remote = {"ipAddressV4": address, "country": {"countryName": NAMES[country]}}
        key = {"accessKeyId": f"ASIAEXAMPLE{number:09}", "userName": draw.choice(PEOPLE)}
        yield {
            "schemaVersion": "2.0",
            "accountId": "111122223333",
            "region": region,
            "id": f"{number:032x}",
            "type": kind,
            "title": kind,
            "severity": severity,
            "resource": {"resourceType": "AccessKey" if "IAMUser" in kind else "Instance", "accessKeyDetails": key},
            "service": {
                "serviceName": "guardduty",
                "action": {"actionType": "AWS_API_CALL", "awsApiCallAction": {"remoteIpDetails": remote}},
                "archived": archived,
                "count": number + 1,
            },
            "createdAt": iso(moment),
            "updatedAt": iso(moment),
        }


# Google Workspace: when, who, application, event, parameters
_WORKSPACE: tuple[tuple[str, str, str, str, Mapping[str, Any]], ...] = (
    ("20T09:00", "lin", "token", "authorize", {"app_name": "Mail Merge", "client_id": "1", "scope": ["gmail.send"]}),
    ("20T09:10", "noor", "token", "authorize", {"app_name": "Mail Merge", "client_id": "1", "scope": ["gmail.send"]}),
    ("06T09:10", "ivy", "token", "authorize", {"app_name": "Board Games", "client_id": "2", "scope": ["openid"]}),
    ("2025-12-20T09:10", "basil", "token", "authorize", {"app_name": "Old App", "client_id": "3", "scope": ["openid"]}),
    ("20T09:20", "lin", "token", "revoke", {"app_name": "Mail Merge", "client_id": "1"}),
    ("20T10:00", "amara", "admin", "ASSIGN_ROLE", {"USER_EMAIL": mail("rowan"), "ROLE_NAME": "_SEED_ADMIN_ROLE"}),
    ("08T10:00", "amara", "admin", "ASSIGN_ROLE", {"USER_EMAIL": mail("noor"), "ROLE_NAME": "_HELP_DESK_ADMIN_ROLE"}),
    (
        "2025-12-08T10:00",
        "amara",
        "admin",
        "ASSIGN_ROLE",
        {"USER_EMAIL": mail("sage"), "ROLE_NAME": "_SEED_ADMIN_ROLE"},
    ),
    ("20T10:05", "rowan", "admin", "CREATE_USER", {"USER_EMAIL": mail("helper")}),
    ("13T10:05", "amara", "admin", "CREATE_USER", {"USER_EMAIL": mail("wren")}),
    ("20T10:06", "rowan", "admin", "CHANGE_PASSWORD", {"USER_EMAIL": mail("basil")}),
    ("19T10:06", "noor", "admin", "SUSPEND_USER", {"USER_EMAIL": mail("sage")}),
    ("17T10:00", "lin", "login", "2sv_disable", {}),
    ("20T16:00", "ivy", "login", "2sv_disable", {}),
    *(
        (f"20T10:3{n}", "rowan", "drive", "download", {"doc_title": f"Payroll {n}", "visibility": "private"})
        for n in range(8)
    ),
    (
        "20T10:40",
        "rowan",
        "drive",
        "change_document_visibility",
        {"doc_title": "Payroll 1", "visibility": "people_with_link"},
    ),
    (
        "12T10:40",
        "ivy",
        "drive",
        "change_document_visibility",
        {"doc_title": "Menu", "visibility": "public_on_the_web"},
    ),
    ("20T20:40", "ivy", "drive", "change_document_visibility", {"doc_title": "Late", "visibility": "people_with_link"}),
    *((f"20T07:1{n}", "basil", "login", "login_failure", {"login_type": "google_password"}) for n in range(3)),
    ("20T07:40", "lin", "login", "login_failure", {"login_type": "google_password"}),
    ("20T11:00", "lin", "drive", "download", {"doc_title": "Menu", "visibility": "private"}),
    ("20T07:14", "basil", "login", "login_success", {"login_type": "google_password"}),
    ("19T07:14", "noor", "login", "suspicious_login", {"affected_email_address": mail("noor")}),
)


def workspace(draw: Random) -> Iterator[Event]:
    """Google Workspace's."""
    told = list(echoed(draw, _WORKSPACE))
    ordinary = (
        ("login", "login_success"),
        ("login", "login_success"),
        ("drive", "view"),
        ("drive", "edit"),
        ("drive", "download"),
    )
    for moment in moments(draw, 150):
        application, name = draw.choice(ordinary)
        more = {"doc_title": draw.choice(("Plan", "Notes", "Budget"))} if application == "drive" else {}
        told.append((moment, draw.choice(PEOPLE), application, name, more))
    for number, (moment, who, application, name, parameters) in enumerate(told):
        odd = who == "rowan" and moment >= at("20T10:00")
        yield {
            "kind": "admin#reports#activity",
            "id": {"time": iso(moment), "uniqueQualifier": str(number), "applicationName": application},
            "actor": {"callerType": "USER", "email": mail(who)},
            "ipAddress": STRANGE[1] if odd else ADDRESS[who],
            "networkInfo": {"regionCode": "RU" if odd else COUNTRIES[who]},
            "type": application,
            "name": name,
            "event_index": 0,
            "parameters": dict(parameters),
        }


# Duo: when, who, result, reason, factor, country, application
_DUO: tuple[tuple[str, str, str, str, str, str, str], ...] = (
    *((f"20T12:3{n}", "noor", "denied", "user_cancelled", "duo_push", "BR", "Example VPN") for n in range(5)),
    ("20T12:36", "noor", "success", "user_approved", "duo_push", "BR", "Example VPN"),
    ("20T12:38", "noor", "fraud", "user_marked_fraud", "duo_push", "BR", "Example VPN"),
    ("20T11:00", "ivy", "success", "user_approved", "duo_push", "GB", "Example VPN"),
    ("20T11:04", "ivy", "success", "user_approved", "passcode", "GB", "Wiki"),
    ("20T14:00", "hazel", "denied", "no_response", "duo_push", "NL", "Example VPN"),
    ("20T14:02", "hazel", "denied", "no_response", "duo_push", "NL", "Example VPN"),
    ("20T14:40", "hazel", "success", "user_approved", "duo_push", "NL", "Example VPN"),
    ("19T15:00", "rowan", "denied", "no_response", "duo_push", "NL", "Example VPN"),
    ("19T15:05", "rowan", "success", "user_approved", "duo_push", "NL", "Example VPN"),
    ("20T08:50", "amara", "denied", "invalid_passcode", "passcode", "NL", "AWS Console"),
    ("19T09:00", "lin", "denied", "no_response", "duo_push", "NL", "Example VPN"),
    ("14T09:00", "lin", "denied", "no_response", "duo_push", "NL", "Example VPN"),
    ("20T13:00", "basil", "success", "bypass_user", "bypass_code", "PT", "Example VPN"),
    ("20T18:30", "ivy", "denied", "user_cancelled", "duo_push", "GB", "Example VPN"),
)


def duo(draw: Random) -> Iterator[Event]:
    """Duo's authentications."""
    told = list(echoed(draw, _DUO))
    for moment in moments(draw, 160):
        who, factor = draw.choice(PEOPLE), draw.choice(("duo_push", "duo_push", "duo_push", "passcode", "phone_call"))
        result, reason = draw.choice((("success", "user_approved"),) * 12 + (("denied", "no_response"),))
        told.append((moment, who, result, reason, factor, COUNTRIES[who], draw.choice(("Example VPN", "Wiki"))))
    for number, (moment, who, result, reason, factor, country, application) in enumerate(told):
        yield {
            "txid": f"00000000-0000-4000-8000-{number:012}",
            "isotimestamp": f"{moment:%Y-%m-%dT%H:%M:%S}+00:00",
            "timestamp": int(moment.timestamp()),
            "event_type": "authentication",
            "result": result,
            "reason": reason,
            "factor": factor,
            "email": mail(who),
            "user": {"name": who, "key": f"DU{who}"},
            "application": {"name": application, "key": f"DI{application}"},
            "access_device": {
                "ip": ADDRESS[who] if COUNTRIES[who] == country else STRANGE[2],
                "location": {"country": NAMES[country]},
            },
        }


_DUO_ADMIN = (
    ("20T12:50", "Amara Okafor", "bypass_create", "basil"),
    ("19T12:50", "Noor Haddad", "bypass_create", "lin"),
    ("14T12:50", "Noor Haddad", "bypass_create", "ivy"),
    ("19T13:50", "Noor Haddad", "bypass_delete", "lin"),
    ("20T08:00", "Amara Okafor", "admin_login", None),
    ("20T07:58", "Amara Okafor", "admin_login_error", None),
    ("16T08:00", "Noor Haddad", "admin_login", None),
    ("15T08:00", "Noor Haddad", "phone_delete", "hazel"),
    ("20T15:00", "Amara Okafor", "user_delete", "sage"),
    ("09T15:00", "Noor Haddad", "integration_create", "Wiki"),
)


def duo_admin(draw: Random) -> Iterator[Event]:
    """What Duo's administrators did."""
    for moment, who, action, target in echoed(draw, _DUO_ADMIN):
        stamps = {"isotimestamp": f"{moment:%Y-%m-%dT%H:%M:%S}+00:00", "timestamp": int(moment.timestamp())}
        yield {"action": action, "description": "{}", "object": target, "username": who, **stamps}


_ACCESSES = (
    *((f"20T13:{n:02}", "", STRANGE[0], "kettle-public", "REST.GET.OBJECT", 200, 6_000_000, 90 + n) for n in range(12)),
    *(
        (f"20T14:{n:02}", "rowan", STRANGE[1], "kettle-invoices", "REST.GET.OBJECT", 200, 48_000_000, 900)
        for n in range(6)
    ),
    *((f"20T14:1{n}", "rowan", STRANGE[1], "kettle-invoices", "REST.DELETE.OBJECT", 204, 0, 30) for n in range(4)),
    ("20T14:15", "rowan", STRANGE[1], "kettle-invoices", "REST.PUT.OBJECT", 200, 25_000_000, 400),
    ("20T14:20", "rowan", STRANGE[1], "kettle-keys", "REST.GET.OBJECT", 403, 243, 9),
    ("20T14:21", "", STRANGE[2], "kettle-invoices", "REST.GET.OBJECT", 403, 243, 9),
    ("19T14:21", "", STRANGE[2], "kettle-invoices", "REST.PUT.ACL", 403, 243, 9),
)


def accesses(draw: Random) -> Iterator[Event]:
    """S3's access logs."""
    told = list(echoed(draw, _ACCESSES))
    for moment in moments(draw, 250):
        operation, status = draw.choice(
            (("REST.GET.OBJECT", 200), ("REST.GET.OBJECT", 200), ("REST.PUT.OBJECT", 200), ("REST.GET.OBJECT", 404))
        )
        bucket, size = draw.choice(("kettle-invoices", "kettle-site", "kettle-public")), draw.randrange(500, 90_000)
        who = draw.choice(PEOPLE[:5])
        told.append((moment, who, ADDRESS[who], bucket, operation, status, size, draw.randrange(8, 240)))
    for number, (moment, who, address, bucket, operation, status, size, took) in enumerate(told):
        yield {
            "bucketowner": "example",
            "bucket": bucket,
            "time": f"{moment:%Y-%m-%dT%H:%M:%S}+00:00",
            "remoteip": address,
            "requester": f"arn:aws:iam::111122223333:user/{who}" if who else None,
            "requestid": f"{number:016X}",
            "operation": operation,
            "objectkey": f"2026/{number % 40}.pdf",
            "httpstatus": status,
            **({"errorcode": "AccessDenied" if status == 403 else "NoSuchKey"} if status >= 400 else {}),
            "bytessent": size,
            "totaltime": took,
        }


_QUERIES = (
    ("20T13:30", "ROWAN", "UNLOAD", "PAYROLL", "FAIL", 900, 0, "ACCOUNTADMIN"),
    ("20T13:35", "ROWAN", "UNLOAD", "PAYROLL", "SUCCESS", 64_000, 900_000, "ACCOUNTADMIN"),
    ("20T13:38", "ROWAN", "SELECT", "SHOP", "SUCCESS", 900, 10, "ACCOUNTADMIN"),
    ("19T09:00", "NOOR", "GRANT", "PAYROLL", "SUCCESS", 130, 0, "SECURITYADMIN"),
    ("20T13:40", "ROWAN", "DROP", "PAYROLL", "SUCCESS", 400, 0, "ACCOUNTADMIN"),
    ("12T13:40", "NOOR", "DROP", "SCRATCH", "SUCCESS", 300, 0, "SYSADMIN"),
    ("18T13:40", "AMARA", "DROP", "SCRATCH", "SUCCESS", 350, 0, "SYSADMIN"),
    ("19T08:00", "AMARA", "GRANT", "PAYROLL", "SUCCESS", 120, 0, "SECURITYADMIN"),
)


def queries(draw: Random) -> Iterator[Event]:
    """Snowflake's query history."""
    told = list(echoed(draw, _QUERIES))
    for moment in moments(draw, 200):
        kind, status = draw.choice(("SELECT", "SELECT", "SELECT", "INSERT")), draw.choice(("SUCCESS",) * 9 + ("FAIL",))
        took, rows = draw.randrange(80, 9_000), draw.randrange(1, 5_000)
        who = draw.choice(("AMARA", "LIN", "NOOR", "REPORTS"))
        told.append((moment, who, kind, draw.choice(("SHOP", "SHOP", "PAYROLL")), status, took, rows, "ANALYST"))
    for number, (moment, who, kind, database, status, took, rows, role) in enumerate(told):
        yield {
            "QUERY_ID": f"00000000-0000-0000-0000-{number:012}",
            "QUERY_TEXT": f"{kind} example",
            "QUERY_TYPE": kind,
            "START_TIME": iso(moment),
            "END_TIME": iso(moment + timedelta(milliseconds=took)),
            "EXECUTION_STATUS": status,
            "USER_NAME": who,
            "ROLE_NAME": role,
            "DATABASE_NAME": database,
            "WAREHOUSE_NAME": "BI_WH" if who == "REPORTS" else "ADHOC_WH",
            "ROWS_PRODUCED": rows,
            "TOTAL_ELAPSED_TIME": took,
            "BYTES_SCANNED": rows * 512,
        }


_SLACK = (
    ("20T10:50", "rowan", "app_installed", "app", "Exporter"),
    ("09T10:50", "amara", "app_installed", "app", "Standup"),
    ("20T10:55", "rowan", "manual_export_started", "workspace", "kettle"),
    ("2025-12-10T10:00", "amara", "manual_export_started", "workspace", "kettle"),
    ("20T20:00", "noor", "manual_export_started", "workspace", "kettle"),
    ("20T10:56", "rowan", "file_public_link_created", "file", "payroll.csv"),
    ("20T10:57", "rowan", "file_uploaded", "file", "payroll.csv"),
    ("15T10:56", "ivy", "file_public_link_created", "file", "menu.pdf"),
    ("19T11:00", "amara", "user_deactivated", "user", "sage"),
    ("20T11:30", "amara", "guest_created", "user", "guest"),
    ("20T06:00", "hazel", "user_login_failed", "user", "hazel"),
    ("20T06:01", "hazel", "user_login_failed", "user", "hazel"),
    ("20T06:02", "hazel", "user_login", "user", "hazel"),
    ("20T07:00", "basil", "user_login_failed", "user", "basil"),
    ("20T07:40", "basil", "user_login", "user", "basil"),
    ("20T09:00", "ivy", "user_login", "user", "ivy"),
    ("20T09:02", "ivy", "user_login", "user", "ivy"),
    ("20T09:30", "amara", "user_login_failed", "user", "amara"),
    ("20T09:31", "amara", "user_login_failed", "user", "amara"),
    ("20T09:32", "amara", "file_uploaded", "file", "notes"),
    ("19T09:30", "noor", "user_login_failed", "user", "noor"),
    ("19T09:31", "noor", "user_login", "user", "noor"),
    ("18T11:00", "lin", "private_channel_converted_to_public", "channel", "incident-42"),
    *((f"20T10:4{n}", "rowan", "file_downloaded", "file", f"secret-{n}.pdf") for n in range(9)),
)


def slack(draw: Random) -> Iterator[Event]:
    """Slack's audit log."""
    told = list(echoed(draw, _SLACK))
    for moment in moments(draw, 120):
        who, action = (
            draw.choice(PEOPLE),
            draw.choice(("user_login", "file_downloaded", "file_uploaded", "user_channel_join")),
        )
        kind = {"user_login": "user", "user_channel_join": "channel"}.get(action, "file")
        told.append((moment, who, action, kind, who if kind == "user" else draw.choice(("general", "plans"))))
    for number, (moment, who, action, kind, name) in enumerate(told):
        entity = {"id": f"E{number:06}", "name": name, **({"email": mail(name)} if kind == "user" else {})}
        odd = who == "rowan" and moment >= at("20T10:30")
        yield {
            "id": f"00000000-0000-4000-8000-{number:012}",
            "date_create": int(moment.timestamp()),
            "action": action,
            "actor": {"type": "user", "user": {"id": f"W{who}", "name": who, "email": mail(who)}},
            "entity": {"type": kind, kind: entity},
            "context": {"ip_address": STRANGE[1] if odd else ADDRESS[who], "ua": "Mozilla/5.0"},
        }


SOURCES = {
    "aws.guardduty": findings,
    "gworkspace.activity": workspace,
    "duo.auth": duo,
    "duo.admin": duo_admin,
    "aws.s3_access": accesses,
    "snowflake.query": queries,
    "slack.audit": slack,
}
