"""CloudTrail events as AWS writes them.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from .company import Account, Person, Role
from .draw import Draw

Json = Mapping[str, Any] | None
Event = dict[str, Any]

CLI = "aws-cli/2.32.6 md/awscrt#0.28.4 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.9 md/pyimpl#CPython"
BOTO = "Boto3/1.41.5 md/Botocore#1.41.5 ua/2.1 os/linux#6.1.158 md/arch#aarch64 lang/python#3.13.9 exec-env/{}"
TERRAFORM = (
    "APN/1.0 HashiCorp/1.0 Terraform/1.14.0 (+https://www.terraform.io) terraform-provider-aws/6.22.0 "
    "(+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.40.0 ua/2.1 os/linux lang/go#1.25.4"
)
GLOBAL = {"iam", "organizations", "signin"}
"""Services without a region: CloudTrail records them in us-east-1."""

S3_REQUEST = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""The alphabet of S3's request ids, which are no UUIDs."""

TLS = {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"}


class Api(NamedTuple):
    """One call: what is asked for and what comes back. ``data`` marks data events, ``resources`` what is touched."""

    service: str
    name: str
    request: Json = None
    response: Json = None
    read: bool = True
    resources: tuple[tuple[str, str], ...] = ()
    data: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and from where. ``identity`` is CloudTrail's ``userIdentity``."""

    identity: Mapping[str, Any]
    ip: str
    agent: str
    account: str
    endpoint: str | None = None


def workload(draw: Draw, account: Account, role: Role, member: str, since: datetime) -> Caller:
    """A session of an instance or function, with credentials that were issued at ``since``."""
    context: dict[str, Any] = {"ec2RoleDelivery": "2.0"} if role.kind == "ec2" else {}
    identity = _session(draw, account.id, role.name, role.principal_id, member, since, context)
    if role.kind == "ec2":
        inside = f"10.20.{draw.randrange(1, 9)}.{draw.randrange(4, 250)}"
        return Caller(identity, inside, BOTO.format("EC2"), account.id, f"vpce-0{account.vpc[5:]}")
    return Caller(identity, f"192.0.2.{draw.randrange(10, 60)}", BOTO.format("AWS_Lambda_python3.13"), account.id)


def pipeline(draw: Draw, account: Account, name: str, session: str, since: datetime, agent: str = TERRAFORM) -> Caller:
    """A session of a role that continuous integration assumes."""
    identity = _session(draw, account.id, name, f"AROA{account.id[:4]}{name[:5].upper():X<5}EXAMPLE", session, since)
    return Caller(identity, f"192.0.2.{draw.randrange(100, 140)}", agent, account.id)


def employee(draw: Draw, account: Account, person: Person, permissions: str, since: datetime, ip: str = "") -> Caller:
    """A person in the console, through IAM Identity Center."""
    role = f"AWSReservedSSO_{permissions}_{account.sso_suffix}"
    path = "aws-reserved/sso.amazonaws.com/eu-west-1/"
    identity = _session(draw, account.id, role, f"AROA{account.id[:9]}EXAMPLE", person.login, since, path=path)
    return Caller(identity, ip or person.place.ip, person.device.agent, account.id)


def iam_user(account: str, name: str, key: str, ip: str, agent: str = CLI) -> Caller:
    """An IAM user with a long-lived access key."""
    return Caller(
        {
            "type": "IAMUser",
            "principalId": f"AIDA{name[:9].upper().replace('-', 'Q'):X<9}EXAMPLE",
            "arn": f"arn:aws:iam::{account}:user/{name}",
            "accountId": account,
            "accessKeyId": key,
            "userName": name,
        },
        ip,
        agent,
        account,
    )


def service(account: str, name: str) -> Caller:
    """An AWS service that acts on its own."""
    host = f"{name}.amazonaws.com"
    return Caller({"type": "AWSService", "invokedBy": host}, host, host, account)


def event(
    draw: Draw, caller: Caller, when: datetime, region: str, api: Api, error: tuple[str, str] | None = None
) -> Event:
    """One event. ``error`` is the code and message of a call that failed."""
    region = "us-east-1" if api.service in GLOBAL else region
    record: Event = {
        "eventVersion": "1.11",
        "userIdentity": caller.identity,
        "eventTime": f"{when:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{api.service}.amazonaws.com",
        "eventName": api.name,
        "awsRegion": region,
        "sourceIPAddress": caller.ip,
        "userAgent": caller.agent,
    }
    if error:
        record["errorCode"], record["errorMessage"] = error
    record["requestParameters"] = api.request
    record["responseElements"] = None if error else api.response
    if api.service == "s3":
        record["additionalEventData"] = _s3_details(draw, api)
    record["requestID"] = draw.text(16, S3_REQUEST) if api.service == "s3" else draw.uuid()
    record["eventID"] = draw.uuid()
    record["readOnly"] = api.read
    if api.resources:
        record["resources"] = [{"accountId": caller.account, "type": kind, "ARN": name} for kind, name in api.resources]
    return record | _envelope(caller, region, api)


def console_login(draw: Draw, caller: Caller, when: datetime, mfa: bool, success: bool = True) -> Event:
    """A sign-in to the console."""
    identity = {key: value for key, value in caller.identity.items() if key not in {"accessKeyId", "sessionContext"}}
    record = event(
        draw,
        Caller(identity, caller.ip, caller.agent, caller.account),
        when,
        "us-east-1",
        Api("signin", "ConsoleLogin", None, {"ConsoleLogin": "Success" if success else "Failure"}, read=False),
    )
    record["additionalEventData"] = {
        "LoginTo": "https://console.aws.amazon.com/console/home?hashArgs=%23&isauthcode=true",
        "MobileVersion": "No",
        "MFAUsed": "Yes" if mfa else "No",
    }
    record["eventType"] = "AwsConsoleSignIn"
    return record


def _session(
    draw: Draw,
    account: str,
    role: str,
    principal: str,
    session: str,
    since: datetime,
    context: Mapping[str, Any] | None = None,
    path: str = "",
) -> dict[str, Any]:
    return {
        "type": "AssumedRole",
        "principalId": f"{principal}:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        "accountId": account,
        "accessKeyId": draw.aws_id("ASIA"),
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": principal,
                "arn": f"arn:aws:iam::{account}:role/{path}{role}",
                "accountId": account,
                "userName": role,
            },
            "attributes": {"creationDate": f"{since:%Y-%m-%dT%H:%M:%SZ}", "mfaAuthenticated": "false"},
            **(context or {}),
        },
    }


def _s3_details(draw: Draw, api: Api) -> dict[str, Any]:
    size = draw.randrange(200, 900_000)
    return {
        "SignatureVersion": "SigV4",
        "CipherSuite": TLS["cipherSuite"],
        "bytesTransferredIn": 0 if api.read else size,
        "AuthenticationMethod": "AuthHeader",
        "x-amz-id-2": draw.text(75) + "=",
        "bytesTransferredOut": size if api.read else 0,
    }


def _envelope(caller: Caller, region: str, api: Api) -> Event:
    end: Event = {
        "eventType": "AwsApiCall",
        "managementEvent": not api.data,
        "recipientAccountId": caller.account,
    }
    if caller.endpoint:
        end["vpcEndpointId"] = caller.endpoint
        end["vpcEndpointAccountId"] = caller.account
    end["eventCategory"] = "Data" if api.data else "Management"
    if "invokedBy" not in caller.identity:
        end["tlsDetails"] = TLS | {"clientProvidedHostHeader": f"{api.service}.{region}.amazonaws.com"}
    return end
