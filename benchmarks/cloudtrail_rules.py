"""Rules on CloudTrail in any number: the project's own, then generated ones of the same shapes.

Six of seven generated rules pin an event name, as nearly all public CloudTrail rules do; most of those names are of
calls that the events do not have, since rules are written for what rarely happens.
"""

from __future__ import annotations

from random import Random
from typing import Any

from mantissa_core.detect.rules.rule import Rule, parse_rule
from mantissa_core.detect.rules.rule_set import RuleSet

LOGSOURCE = {"product": "aws", "service": "cloudtrail"}
USUAL = {
    "kms": ["Decrypt", "GenerateDataKey"],
    "logs": ["CreateLogStream", "StartQuery"],
    "s3": ["GetObject", "PutObject"],
    "ssm": ["UpdateInstanceInformation", "GetParameter"],
    "ec2": ["DescribeInstances", "CreateTags", "RunInstances"],
    "cloudtrail": ["DescribeTrails", "LookupEvents"],
    "sts": ["AssumeRole", "GetCallerIdentity"],
    "lambda": ["UpdateFunctionCode20150331v2"],
}
ACTS = ["Create", "Delete", "Put", "Update", "Attach", "Detach", "Modify", "Disable", "Start", "Stop", "Associate"]
THINGS = {
    "iam": ["User", "RolePolicy", "AccessKey", "LoginProfile", "GroupPolicy", "InstanceProfile", "SAMLProvider"],
    "ec2": ["SecurityGroup", "Snapshot", "Image", "NetworkAcl", "Route", "VpcEndpoint", "FlowLogs", "KeyPair"],
    "s3": ["BucketPolicy", "BucketAcl", "BucketLogging", "BucketReplication", "BucketEncryption"],
    "rds": ["DBInstance", "DBSnapshot", "DBCluster", "DBSecurityGroup"],
    "guardduty": ["Detector", "IPSet", "Members", "Filter"],
    "config": ["ConfigRule", "DeliveryChannel", "ConfigurationRecorder"],
    "eks": ["Cluster", "Nodegroup", "AccessEntry"],
    "route53": ["HostedZone", "VPCAssociation"],
    "organizations": ["Policy", "Account", "OrganizationalUnit"],
    "ecr": ["RepositoryPolicy", "LifecyclePolicy", "Image"],
    "sns": ["Topic", "Subscription"],
    "wafv2": ["WebACL", "RuleGroup", "LoggingConfiguration"],
    "secretsmanager": ["Secret", "ResourcePolicy"],
    "backup": ["BackupVault", "RecoveryPoint", "BackupPlan"],
}
TOOLS = ["kali", "parrot", "pentoo", "s3browser", "hydra", "nuclei", "pacu", "curl/", "python-requests", "Go-http"]
WORDS = ["prod", "admin", "backup", "audit", "break-glass", "terraform", "legacy", "root", "billing", "vpn", "share"]


def rules(number: int, seed: int = 13) -> list[Rule]:
    """The rules that are loaded for CloudTrail, then generated ones."""
    own = [rule for rule in RuleSet.load().rules if rule.logsource.service == "cloudtrail"][:number]
    draw = Random(seed)
    return own + [
        parse_rule(
            {
                "title": f"Generated {index}",
                "id": f"00000000-0000-4000-8000-{index:012d}",
                "logsource": LOGSOURCE,
                "detection": _detection(draw),
            }
        )
        for index in range(number - len(own))
    ]


def _detection(draw: Random) -> dict[str, Any]:
    kind = draw.random()
    if kind < 0.60:
        return {"call": _rare(draw), "more": _more(draw), "condition": draw.choice(["call", "call", "call and more"])}
    if kind < 0.86:
        return {"call": _usual(draw), "more": _more(draw), "condition": "call and more"}
    narrow = {"userAgent|contains": draw.sample(TOOLS, 3)}
    alternatives = [
        {"userIdentity.arn|contains": f"{draw.choice(WORDS)}-{draw.choice(WORDS)}{draw.randrange(99)}"},
        {"userIdentity.sessionContext.sessionIssuer.userName|contains": [f"{draw.choice(WORDS)}{draw.randrange(99)}"]},
        {"errorMessage|contains": [f"{draw.choice(WORDS)} is not authorized", f"denied {draw.choice(WORDS)}"]},
        {"eventName|startswith": draw.sample(ACTS, 2), "sourceIPAddress|cidr": f"198.51.100.{draw.randrange(9)}/32"},
    ]
    return {"one": draw.choice(alternatives), "narrow": narrow, "condition": draw.choice(["one", "one", "narrow"])}


def _rare(draw: Random) -> dict[str, Any]:
    service = draw.choice(list(THINGS))
    names = [draw.choice(ACTS) + draw.choice(THINGS[service]) for _ in range(draw.choice([1, 1, 2, 4]))]
    return {"eventSource": f"{service}.amazonaws.com", "eventName": names}


def _usual(draw: Random) -> dict[str, Any]:
    service = draw.choice(list(USUAL))
    return {"eventSource": f"{service}.amazonaws.com", "eventName": draw.choice(USUAL[service])}


def _more(draw: Random) -> dict[str, Any]:
    word, other = draw.choice(WORDS), draw.choice(WORDS)
    return draw.choice(
        [
            {"errorCode": ["AccessDenied", "UnauthorizedOperation"]},
            {"userAgent|contains": draw.sample(TOOLS, 2)},
            {"userIdentity.arn|contains": f"/{word}-{other}"},
            {"requestParameters|contains": [f"{word}-{other}", f"{other}-{word}-{draw.randrange(9)}"]},
            {"userIdentity.type": "Root"},
            {"sourceIPAddress|cidr": f"203.0.113.{draw.randrange(16) * 16}/28", "errorCode|exists": True},
            {"userIdentity.type": "IAMUser", "userIdentity.userName|endswith": f"-{word}"},
        ]
    )
