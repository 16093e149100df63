"""Harmless things that look like attacks: most must not alert, a few rightly do, and the truth says which."""

from __future__ import annotations

from . import cloudtrail, okta
from .cloudtrail import Api, Json
from .company import Account
from .plot import Plot
from .truth import CLOUDTRAIL, OKTA


def help_desk(plot: Plot) -> None:
    """A morning at the help desk."""
    draw = plot.draw
    agent, lead = draw.sample(plot.company.team("it"), 2)
    desk = okta.session(draw, agent)
    caller, forgetful, careful = draw.sample(plot.company.team("sales"), 3)
    locked = okta.session(draw, forgetful)
    me = [okta.user(forgetful)]
    event = plot.okta(9, locked, "user.account.lock", me, result="FAILURE", reason="LOCKED_OUT", severity="WARN")
    plot.harmless("somebody forgot a password", OKTA, event, "okta_account_locked")
    plot.okta(16, desk, "user.account.unlock_by_admin", me)
    event = plot.okta(40, desk, "user.mfa.factor.reset_all", [okta.user(caller)])
    plot.harmless("a lost phone is replaced", OKTA, event, "okta_factors_reset")
    mine = [okta.user(careful)]
    session = okta.session(draw, careful)
    event = plot.okta(55, session, "user.mfa.okta_verify.deny_push", mine, result="FAILURE", severity="WARN")
    plot.harmless("a push is refused by mistake", OKTA, event, "okta_push_denied")
    event = plot.okta(70, session, "user.mfa.factor.deactivate", mine)
    plot.harmless("somebody removes an old phone", OKTA, event)
    event = plot.okta(
        95, okta.session(draw, lead), "policy.rule.update", [okta.policy("Session length")], uri="/api/v1/policies"
    )
    plot.harmless("a session is made shorter", OKTA, event, "okta_policy_changed")
    for number in range(12):
        plot.okta(100 + number, desk, "group.user_membership.add", [okta.user(draw.choice(plot.company.people))])


def operators(plot: Plot) -> None:
    """An afternoon of the platform team."""
    draw = plot.draw
    production, staging, _ = plot.company.accounts
    for number, person in enumerate(draw.sample(plot.company.team("platform"), 2)):
        who = cloudtrail.employee(draw, production, person, "Operator", plot.at(0))
        target = draw.choice(production.instances)
        answer = {"sessionId": f"{person.login}-{draw.hex(17)}", "tokenValue": "Value hidden due to security reasons."}
        event = plot.aws(number * 30, who, Api("ssm", "StartSession", {"target": target}, answer, False))
        plot.harmless("an operator looks at a host", CLOUDTRAIL, event, "ssm_session_started")
    builder = cloudtrail.pipeline(draw, production, "image-builder", "build-211", plot.at(0), cloudtrail.CLI)
    share = {"launchPermission": {"add": {"items": [{"userId": staging.id}]}}}
    image = {"imageId": f"ami-0{draw.hex(16)}", "attributeType": "launchPermission", **share}
    event = plot.aws(50, builder, Api("ec2", "ModifyImageAttribute", image, {"_return": True}, False))
    plot.harmless("an image is shared with the staging account", CLOUDTRAIL, event, "ec2_image_shared")


def infrastructure(plot: Plot) -> None:
    """A release of the infrastructure, with changes that resemble attacks and are none."""
    draw = plot.draw
    account = plot.company.accounts[0]
    runner = cloudtrail.pipeline(draw, account, "platform-terraform", "run-8810", plot.at(0))
    for number, (title, api) in enumerate(_changes(plot, account)):
        plot.harmless(title, CLOUDTRAIL, plot.aws(number * 2, runner, api))
    owner = cloudtrail.iam_user(account.id, "svc-scanner", draw.aws_id("AKIA"), "192.0.2.150")
    key = {"accessKey": {"userName": "svc-scanner", "accessKeyId": draw.aws_id("AKIA"), "status": "Active"}}
    rotate = Api("iam", "CreateAccessKey", {"userName": "svc-scanner"}, key, read=False)
    plot.harmless("a service user rotates its own key", CLOUDTRAIL, plot.aws(30, owner, rotate))


def _changes(plot: Plot, account: Account) -> list[tuple[str, Api]]:
    bucket = account.buckets[2]
    return [
        ("SSH is opened to an office", _ssh_from_office(plot, account)),
        ("a bucket refuses plain HTTP", _tls_only(bucket)),
        ("a role for a service is made", _service_role()),
        (
            "GuardDuty reports more often",
            _write(
                "guardduty",
                "UpdateDetector",
                {"detectorId": plot.draw.hex(32), "enable": True, "findingPublishingFrequency": "FIFTEEN_MINUTES"},
            ),
        ),
        (
            "a function's old logs are deleted",
            _write("logs", "DeleteLogGroup", {"logGroupName": "/aws/lambda/old-job"}),
        ),
        (
            "a read-only policy is attached",
            _write(
                "iam", "AttachRolePolicy", {"roleName": "report", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
            ),
        ),
    ]


def _write(service: str, name: str, request: Json, response: Json = None) -> Api:
    return Api(service, name, request, response, read=False)


def _ssh_from_office(plot: Plot, account: Account) -> Api:
    group = account.groups[0]
    ranges = {"items": [{"cidrIp": "198.51.100.0/24", "description": "office"}]}
    port = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22}
    permission = {**port, "groups": {}, "ipRanges": ranges, "ipv6Ranges": {}, "prefixListIds": {}}
    rule = {"groupOwnerId": account.id, "groupId": group, "securityGroupRuleId": f"sgr-0{plot.draw.hex(16)}"}
    made = {"items": [{**rule, "isEgress": False, **port, "cidrIpv4": "198.51.100.0/24"}]}
    return _write(
        "ec2",
        "AuthorizeSecurityGroupIngress",
        {"groupId": group, "ipPermissions": {"items": [permission]}},
        {"requestId": plot.draw.uuid(), "_return": True, "securityGroupRuleSet": made},
    )


def _tls_only(bucket: str) -> Api:
    arn = f"arn:aws:s3:::{bucket}"
    statements = [
        {
            "Sid": "Delivery",
            "Effect": "Allow",
            "Principal": {"Service": "delivery.logs.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"{arn}/*",
        },
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    request = {
        "bucketName": bucket,
        "Host": f"{bucket}.s3.eu-west-1.amazonaws.com",
        "policy": "",
        "bucketPolicy": policy,
    }
    return _write("s3", "PutBucketPolicy", request)


def _service_role() -> Api:
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
        '"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
    )
    return _write("iam", "CreateRole", {"roleName": "sync-prices", "assumeRolePolicyDocument": trust})


LOOKALIKES = ((7.5, help_desk), (13.0, operators), (16.0, infrastructure))
"""The stories and the hour of each day at which they begin, UTC."""
