"""The planted attacks. Each is a function that tells its story to a :class:`Plot` and returns the truth about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from . import cloudtrail, okta
from .calls import describe_instances
from .cloudtrail import Api, Json
from .company import DEVICES, FOREIGN_ACCOUNT
from .plot import Plot, hideout
from .truth import Attack

Story = Callable[[Plot], Attack]

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def push_fatigue(plot: Plot) -> Attack:
    """Somebody has an Okta administrator's password and asks for confirmation until it is given."""
    draw = plot.draw
    victim, colleague = draw.sample(plot.company.team("it"), 2)
    thief = okta.session(draw, victim, hideout(draw), draw.choice(DEVICES))
    for number in range(6):
        plot.okta(number * 1.5, thief, "system.push.send_factor_verify_push", [okta.user(victim)])
        plot.okta(
            number * 1.5 + 0.6,
            thief,
            "user.mfa.okta_verify.deny_push",
            [okta.user(victim)],
            "okta_push_denied",
            result="FAILURE",
            severity="WARN",
        )
    plot.okta(10, thief, "user.authentication.auth_via_mfa", [okta.user(victim)])
    plot.okta(
        10.5,
        thief,
        "user.session.start",
        (),
        "okta_sign_in_from_suspected_address",
        "okta_sign_in_at_high_risk",
        debug={"threatSuspected": "true", "risk": "{reasons=Anomalous Device, Anomalous Location, level=HIGH}"},
    )
    plot.okta(12, thief, "user.session.access_admin_app", uri="/admin/dashboard")
    plot.okta(16, thief, "user.mfa.factor.reset_all", [okta.user(colleague)], "okta_factors_reset")
    plot.okta(
        19,
        thief,
        "user.account.privilege.grant",
        [okta.user(victim)],
        "okta_super_admin_granted",
        uri="/api/internal/administrators/user/roles",
        debug={"privilegeGranted": "Super administrator"},
    )
    plot.okta(24, thief, "system.api_token.create", (), "okta_api_token_created", uri="/api/internal/tokens")
    return plot.attack(
        "okta-push-fatigue",
        "An Okta administrator is worn down with push requests",
        f"From {thief.place.ip} somebody with the password of {victim.login} sends push requests until one is "
        f"confirmed, resets the factors of {colleague.login}, makes the stolen account super administrator and "
        "creates an API token.",
        ("T1621", "T1078.004", "T1556.006", "T1098.003", "T1098.001"),
    )


def leaked_key(plot: Plot) -> Attack:
    """An access key that was pushed to a public repository is found and used."""
    draw = plot.draw
    account = plot.company.accounts[0]
    ip = hideout(draw).ip
    thief = cloudtrail.iam_user(account.id, "svc-deploy", draw.aws_id("AKIA"), ip)
    plot.aws(0, thief, Api("sts", "GetCallerIdentity"))
    for number, name in enumerate(("ListUsers", "ListRoles", "ListAccountAliases")):
        plot.aws(1 + number / 4, thief, Api("iam", name, {"maxItems": 100}))
    plot.aws(2, thief, Api("iam", "GetAccountAuthorizationDetails", {"maxItems": 1000}), error="AccessDenied")
    plot.aws(2.5, thief, Api("organizations", "ListAccounts"), error="AccessDeniedException")
    for number in range(5):
        plot.aws(3 + number / 3, thief, describe_instances(draw, account, ""))
    for number, secret in enumerate(account.secrets):
        api = Api("secretsmanager", "GetSecretValue", {"secretId": secret})
        plot.aws(6 + number / 3, thief, api, "secret_read_by_iam_user")
    _new_administrator(plot, thief, "svc-backup")
    newcomer = cloudtrail.iam_user(account.id, "svc-backup", "", ip, draw.choice(DEVICES).agent)
    plot.console(21, newcomer, "console_login_without_mfa", mfa=False)
    return plot.attack(
        "aws-leaked-key",
        "A leaked access key becomes an administrator",
        f"The access key of svc-deploy is used from {ip}: the account is explored, secrets are read, and a new user "
        "svc-backup gets administrator rights, an access key and a console password, which is used at once.",
        ("T1078.004", "T1087.004", "T1555.006", "T1136.003", "T1098.001", "T1098.003"),
    )


def _new_administrator(plot: Plot, thief: cloudtrail.Caller, name: str) -> None:
    made = {"user": {"path": "/", "userName": name, "userId": plot.draw.aws_id("AIDA")}}
    key = {"accessKey": {"userName": name, "accessKeyId": plot.draw.aws_id("AKIA"), "status": "Active"}}
    attach = {"userName": name, "policyArn": ADMINISTRATOR}
    password = {"userName": name, "passwordResetRequired": False}
    profile = {"loginProfile": password}
    plot.aws(12, thief, _iam("CreateUser", {"userName": name}, made), "iam_user_created")
    plot.aws(12.6, thief, _iam("AttachUserPolicy", attach), "iam_admin_policy_attached")
    plot.aws(13, thief, _iam("CreateAccessKey", {"userName": name}, key), "iam_access_key_for_another_user")
    plot.aws(14, thief, _iam("CreateLoginProfile", password, profile), "iam_login_profile_for_another_user")


def _iam(name: str, request: Json, response: Json = None) -> Api:
    return Api("iam", name, request, response, read=False)


def blinding(plot: Plot) -> Attack:
    """A stolen Okta session is carried into AWS, where one record after the other is switched off."""
    draw = plot.draw
    account = plot.company.accounts[0]
    victim = draw.choice(plot.company.team("platform"))
    thief = okta.session(draw, victim, hideout(draw), draw.choice(DEVICES))
    suspected = {"debug": {"threatSuspected": "true"}}
    plot.okta(0, thief, "user.session.start", (), "okta_sign_in_from_suspected_address", **suspected)
    plot.okta(
        1,
        thief,
        "user.authentication.sso",
        [okta.app("AWS IAM Identity Center")],
        "okta_sign_in_from_suspected_address",
        **suspected,
    )
    caller = cloudtrail.employee(draw, account, victim, "AdministratorAccess", plot.at(1), thief.place.ip)
    trail = f"arn:aws:cloudtrail:eu-west-1:{account.id}:trail/organisation-trail"
    plot.aws(3, caller, Api("cloudtrail", "DescribeTrails", {"trailNameList": [], "includeShadowTrails": True}))
    plot.aws(3.5, caller, Api("cloudtrail", "GetTrailStatus", {"name": trail}))
    plot.aws(5, caller, Api("cloudtrail", "StopLogging", {"name": trail}, read=False), "cloudtrail_trail_stopped")
    flow = {"DeleteFlowLogsRequest": {"FlowLogId": {"tag": 1, "content": f"fl-0{draw.hex(16)}"}}}
    plot.aws(6, caller, Api("ec2", "DeleteFlowLogs", flow, read=False), "vpc_flow_logs_deleted")
    detector = {"detectorId": draw.hex(32), "enable": False}
    plot.aws(8, caller, Api("guardduty", "UpdateDetector", detector, read=False), "guardduty_disabled")
    recorder = {"configurationRecorderName": "default"}
    plot.aws(9, caller, Api("config", "StopConfigurationRecorder", recorder, read=False), "config_recorder_stopped")
    return plot.attack(
        "aws-blinding",
        "A stolen session switches the records off",
        f"The Okta session of {victim.login} is used from {thief.place.ip} to reach AWS as administrator, where the "
        "trail, flow logs, GuardDuty and Config are switched off.",
        ("T1539", "T1078.004", "T1562.008", "T1562.001"),
    )


def data_theft(plot: Plot) -> Attack:
    """The credentials of an instance are taken, and its data is given away."""
    draw = plot.draw
    account = plot.company.accounts[0]
    role = next(role for role in account.roles if role.name == "nightly-reports")
    inside = cloudtrail.workload(draw, account, role, role.members[0], plot.start - timedelta(hours=1))
    thief = replace(inside, ip=hideout(draw).ip, agent=cloudtrail.CLI, endpoint=None)
    plot.aws(0, thief, Api("sts", "GetCallerIdentity"), "ec2_instance_credentials_probed")
    plot.aws(2, thief, Api("s3", "ListBuckets", {"Host": "s3.eu-west-1.amazonaws.com"}))
    plot.aws(3, thief, Api("ec2", "DescribeSnapshots", {"snapshotSet": {}, "ownersSet": {}, "filterSet": {}}))
    snapshot = f"snap-0{draw.hex(16)}"
    share = {"createVolumePermission": {"add": {"items": [{"userId": FOREIGN_ACCOUNT}]}}}
    request = {"snapshotId": snapshot, "attributeType": "CREATE_VOLUME_PERMISSION", **share}
    plot.aws(6, thief, Api("ec2", "ModifySnapshotAttribute", request, {"_return": True}, False), "ebs_snapshot_shared")
    restore = {"attributeName": "restore", "dBSnapshotIdentifier": "orders-nightly", "valuesToAdd": [FOREIGN_ACCOUNT]}
    plot.aws(9, thief, Api("rds", "ModifyDBSnapshotAttribute", restore, read=False), "rds_snapshot_shared")
    _open_bucket(plot, thief, account.buckets[1])
    return plot.attack(
        "aws-data-theft",
        "Disks, a database and a bucket are given away",
        f"The credentials of an instance of {role.name} are used from {thief.ip}. A disk snapshot and a database "
        f"snapshot are shared with the account {FOREIGN_ACCOUNT}, and the bucket {account.buckets[1]} is opened to "
        "everyone.",
        ("T1552.005", "T1078.004", "T1537", "T1530"),
    )


def _open_bucket(plot: Plot, thief: cloudtrail.Caller, bucket: str) -> None:
    host = f"{bucket}.s3.eu-west-1.amazonaws.com"
    block = {"bucketName": bucket, "Host": host, "publicAccessBlock": ""}
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    request = {"bucketName": bucket, "Host": host, "policy": "", "bucketPolicy": policy}
    removed = Api("s3", "DeleteBucketPublicAccessBlock", block, read=False)
    plot.aws(14, thief, removed, "s3_public_access_block_removed")
    plot.aws(15, thief, Api("s3", "PutBucketPolicy", request, read=False), "s3_bucket_made_public")


ATTACKS: tuple[tuple[float, Story], ...] = (
    (2.6, push_fatigue),
    (11.2, leaked_key),
    (14.8, data_theft),
    (21.4, blinding),
)
"""The stories and the hour of the day at which each begins, UTC."""
