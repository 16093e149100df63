"""The API calls of an ordinary day, with the parameters that they carry in CloudTrail."""

from __future__ import annotations

from collections.abc import Callable

from .cloudtrail import Api
from .company import Account
from .draw import Draw, Mix

Call = Callable[[Draw, Account, str], Api]
"""Makes a call in an account. The text names the instance or function that makes it, where one does."""


def get_object(draw: Draw, account: Account, member: str) -> Api:
    """A workload reads a file."""
    return _object(draw, account, "GetObject", read=True)


def put_object(draw: Draw, account: Account, member: str) -> Api:
    """A workload writes a file."""
    return _object(draw, account, "PutObject", read=False)


def _object(draw: Draw, account: Account, name: str, read: bool) -> Api:
    bucket = draw.choice(account.buckets[:3])
    key = f"{draw.choice(('items', 'customers', 'daily'))}/{draw.hex(2)}/{draw.hex(12)}.{draw.choice(('jpg', 'pdf'))}"
    arn = f"arn:aws:s3:::{bucket}"
    request = {"bucketName": bucket, "Host": f"{bucket}.s3.eu-west-1.amazonaws.com", "key": key}
    if not read:
        request["x-amz-server-side-encryption"] = "aws:kms"
    response = None if read else {"x-amz-server-side-encryption": "aws:kms", "x-amz-version-id": draw.text(32)}
    resources = (("AWS::S3::Object", f"{arn}/{key}"), ("AWS::S3::Bucket", arn))
    return Api("s3", name, request, response, read, resources, data=True)


def decrypt(draw: Draw, account: Account, member: str) -> Api:
    """A key is used, for a file or a secret."""
    if draw.random() < 0.6:
        context = {"aws:s3:arn": f"arn:aws:s3:::{draw.choice(account.buckets)}"}
    else:
        number = draw.randrange(len(account.secrets))
        arn = f"arn:aws:secretsmanager:eu-west-1:{account.id}:secret:{account.secrets[number]}"
        context = {"SecretARN": arn, "SecretVersionId": account.versions[number]}
    request = {"encryptionContext": context, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    return Api("kms", "Decrypt", request, resources=(_key(draw, account),))


def generate_data_key(draw: Draw, account: Account, member: str) -> Api:
    """A key makes a data key."""
    kind, arn = _key(draw, account)
    request = {"keyId": arn, "keySpec": "AES_256", "encryptionContext": {"aws:s3:arn": "arn:aws:s3:::kettle-exports"}}
    return Api("kms", "GenerateDataKey", request, resources=((kind, arn),))


def _key(draw: Draw, account: Account) -> tuple[str, str]:
    return ("AWS::KMS::Key", f"arn:aws:kms:eu-west-1:{account.id}:key/{draw.choice(account.keys)}")


def get_secret(draw: Draw, account: Account, member: str) -> Api:
    """A workload reads its password."""
    secret = f"arn:aws:secretsmanager:eu-west-1:{account.id}:secret:{draw.choice(account.secrets)}"
    return Api("secretsmanager", "GetSecretValue", {"secretId": secret, "versionStage": "AWSCURRENT"})


def get_parameters(draw: Draw, account: Account, member: str) -> Api:
    """A workload reads its settings."""
    names = [f"/{account.name}/orders/{what}" for what in draw.sample(("region", "queue", "limit", "topic", "host"), 3)]
    arns = tuple(("AWS::SSM::Parameter", f"arn:aws:ssm:eu-west-1:{account.id}:parameter{name}") for name in names)
    return Api("ssm", "GetParameters", {"names": names, "withDecryption": True}, resources=arns)


def get_item(draw: Draw, account: Account, member: str) -> Api:
    """A workload reads a record of a table."""
    table = draw.choice(account.tables)
    arn = f"arn:aws:dynamodb:eu-west-1:{account.id}:table/{table}"
    request = {"tableName": table, "key": {"id": draw.hex(12)}, "consistentRead": False}
    return Api("dynamodb", "GetItem", request, resources=(("AWS::DynamoDB::Table", arn),), data=True)


def create_log_stream(draw: Draw, account: Account, member: str) -> Api:
    """A function begins a log stream."""
    request = {
        "logGroupName": f"/aws/lambda/{member}",
        "logStreamName": f"[$LATEST]{draw.hex(32)}",
    }
    return Api("logs", "CreateLogStream", request, read=False)


def update_instance_information(draw: Draw, account: Account, member: str) -> Api:
    """Systems Manager's agent reports."""
    request = {
        "instanceId": member,
        "agentVersion": "3.3.3270.0",
        "agentStatus": "Active",
        "platformType": "Linux",
        "platformName": "Amazon Linux",
        "platformVersion": "2023",
        "iPAddress": f"10.20.{draw.randrange(1, 9)}.{draw.randrange(4, 250)}",
        "agentName": "amazon-ssm-agent",
    }
    return Api("ssm", "UpdateInstanceInformation", request, read=False)


def describe_instances(draw: Draw, account: Account, member: str) -> Api:
    """Somebody lists instances."""
    chosen = draw.sample(account.instances, draw.randrange(1, 4))
    request = {"instancesSet": {"items": [{"instanceId": each} for each in chosen]}, "filterSet": {}}
    return Api("ec2", "DescribeInstances", request)


def describe_security_groups(draw: Draw, account: Account, member: str) -> Api:
    """Somebody lists security groups."""
    filters = {"items": [{"name": "vpc-id", "valueSet": {"items": [{"value": account.vpc}]}}]}
    groups = {"items": [{"groupId": draw.choice(account.groups)}]}
    return Api(
        "ec2",
        "DescribeSecurityGroups",
        {"securityGroupSet": {}, "securityGroupIdSet": groups, "filterSet": filters},
    )


def describe_load_balancers(draw: Draw, account: Account, member: str) -> Api:
    """Somebody lists load balancers."""
    name = f"app/orders-{draw.choice(('blue', 'green'))}/{draw.hex(16)}"
    arn = f"arn:aws:elasticloadbalancing:eu-west-1:{account.id}:loadbalancer/{name}"
    return Api("elasticloadbalancing", "DescribeLoadBalancers", {"loadBalancerArns": [arn], "pageSize": 400})


def describe_alarms(draw: Draw, account: Account, member: str) -> Api:
    """Somebody looks at alarms."""
    request = {"alarmTypes": ["MetricAlarm"], "stateValue": "ALARM", "maxRecords": draw.choice((50, 100))}
    return Api("monitoring", "DescribeAlarms", request)


def get_bucket_policy(draw: Draw, account: Account, member: str) -> Api:
    """Somebody reads a bucket's policy."""
    bucket = draw.choice(account.buckets)
    request = {"bucketName": bucket, "Host": f"{bucket}.s3.eu-west-1.amazonaws.com", "policy": ""}
    return Api("s3", "GetBucketPolicy", request, resources=(("AWS::S3::Bucket", f"arn:aws:s3:::{bucket}"),))


def get_role(draw: Draw, account: Account, member: str) -> Api:
    """Infrastructure as code compares a role."""
    return Api("iam", "GetRole", {"roleName": draw.choice(account.roles).name})


def describe_trails(draw: Draw, account: Account, member: str) -> Api:
    """Somebody looks at the trails."""
    return Api("cloudtrail", "DescribeTrails", {"trailNameList": [], "includeShadowTrails": draw.random() < 0.5})


def lookup_events(draw: Draw, account: Account, member: str) -> Api:
    """Somebody looks into the event history."""
    attributes = [{"attributeKey": "ReadOnly", "attributeValue": "false"}]
    return Api("cloudtrail", "LookupEvents", {"lookupAttributes": attributes, "maxResults": draw.choice((10, 50))})


def start_query(draw: Draw, account: Account, member: str) -> Api:
    """Somebody searches a log group."""
    request = {
        "logGroupName": f"/aws/lambda/{draw.choice(account.functions)}",
        "queryString": f"fields @timestamp, @message | filter @requestId = '{draw.uuid()}' | limit 200",
        "limit": 1000,
    }
    return Api("logs", "StartQuery", request, {"queryId": draw.uuid()}, read=False)


def assume_role(draw: Draw, account: Account, member: str) -> Api:
    """A service hands a workload its credentials."""
    role = draw.choice(account.roles)
    session = draw.choice(role.members)
    arn = f"arn:aws:iam::{account.id}:role/{role.name}"
    response = {
        "credentials": {"accessKeyId": draw.aws_id("ASIA"), "sessionToken": draw.text(120)},
        "assumedRoleUser": {
            "assumedRoleId": f"{role.principal_id}:{session}",
            "arn": f"arn:aws:sts::{account.id}:assumed-role/{role.name}/{session}",
        },
    }
    request = {"roleArn": arn, "roleSessionName": session, "durationSeconds": 3600}
    return Api("sts", "AssumeRole", request, response, resources=(("AWS::IAM::Role", arn),))


def get_bucket_acl(draw: Draw, account: Account, member: str) -> Api:
    """A log delivery looks at its bucket first."""
    bucket = account.buckets[3]
    request = {"bucketName": bucket, "Host": f"{bucket}.s3.eu-west-1.amazonaws.com", "acl": ""}
    return Api("s3", "GetBucketAcl", request, resources=(("AWS::S3::Bucket", f"arn:aws:s3:::{bucket}"),))


def create_tags(draw: Draw, account: Account, member: str) -> Api:
    """Infrastructure as code tags something."""
    items = [{"key": "commit", "value": draw.hex(40)}, {"key": "owner", "value": "platform"}]
    resources = {"items": [{"resourceId": draw.choice(account.instances)}]}
    request = {"resourcesSet": resources, "tagSet": {"items": items}}
    return Api("ec2", "CreateTags", request, {"requestId": draw.uuid(), "_return": True}, read=False)


def update_function_code(draw: Draw, account: Account, member: str) -> Api:
    """A pipeline deploys a function."""
    name = draw.choice(account.functions)
    arn = f"arn:aws:lambda:eu-west-1:{account.id}:function:{name}"
    request = {"functionName": arn, "s3Bucket": account.buckets[4], "s3Key": f"{name}/{draw.hex(40)}.zip"}
    response = {
        "functionName": name,
        "functionArn": arn,
        "runtime": "python3.13",
        "role": f"arn:aws:iam::{account.id}:role/{name}",
        "handler": "main.handler",
        "codeSha256": draw.text(43) + "=",
        "memorySize": 512,
        "revisionId": draw.uuid(),
        "state": "Active",
        "lastUpdateStatus": "InProgress",
    }
    return Api("lambda", "UpdateFunctionCode20150331v2", request, response, read=False)


INSTANCE: Mix[Call] = Mix(
    [
        (12, get_object),
        (6, put_object),
        (24, decrypt),
        (14, generate_data_key),
        (9, get_secret),
        (9, get_parameters),
        (8, get_item),
        (18, update_instance_information),
    ]
)
"""What an instance does."""

FUNCTION: Mix[Call] = Mix(
    [
        (12, get_object),
        (6, put_object),
        (24, decrypt),
        (14, generate_data_key),
        (9, get_secret),
        (6, get_item),
        (29, create_log_stream),
    ]
)
"""What a function does."""

SERVICE: Mix[Call] = Mix([(6, assume_role), (2, get_bucket_acl)])
"""What AWS's services do on their own."""

PIPELINE: Mix[Call] = Mix(
    [
        (8, describe_instances),
        (8, describe_security_groups),
        (8, get_role),
        (6, get_bucket_policy),
        (4, describe_load_balancers),
        (2, describe_trails),
        (2, create_tags),
        (1, update_function_code),
    ]
)
"""What a release of the infrastructure does."""

EMPLOYEE: Mix[Call] = Mix(
    [
        (10, describe_instances),
        (6, describe_alarms),
        (6, start_query),
        (5, describe_load_balancers),
        (4, describe_security_groups),
        (3, lookup_events),
        (2, get_bucket_policy),
    ]
)
"""What people do in the console."""
