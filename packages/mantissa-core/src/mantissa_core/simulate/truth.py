"""What a simulation knows about itself: which events are attacks, and which rules should notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

CLOUDTRAIL = "aws.cloudtrail"
OKTA = "okta.system"

RULES = {
    "cloudtrail_trail_stopped": "d4288523-8508-49da-84c5-c1e110fb5067",
    "config_recorder_stopped": "e109d338-9daa-4fe8-a281-ad0cb5df51a0",
    "console_login_without_mfa": "a36911af-94b8-4b0e-9716-f20c192a0c3f",
    "ebs_snapshot_shared": "b43a84c2-57a9-4ab9-85ff-62975cff75f6",
    "ec2_image_shared": "736c7ce3-2481-4f66-8b8f-51d902618363",
    "ec2_instance_credentials_probed": "3ff4cc7f-fd46-4a92-81f2-bc98b5757c6b",
    "guardduty_disabled": "fd47e088-74c2-4a9b-aa83-578d172b0537",
    "iam_access_key_for_another_user": "559d3dcf-5c73-4691-ada0-30aee6c0b416",
    "iam_admin_policy_attached": "962356ee-caa8-4111-bd5c-6fc595b9e889",
    "iam_login_profile_for_another_user": "7fee93a5-a00b-4e49-a253-81e8c500c275",
    "iam_user_created": "ffdac176-e3a3-41ac-947a-9317f6a66b42",
    "okta_account_locked": "9dd5d76e-0c7f-48ec-9114-f41c16ff5d79",
    "okta_api_token_created": "9ca5c4ef-e33a-4894-81c2-5daab370ca98",
    "okta_factors_reset": "d2fe15ca-73d5-4481-a1b9-a7fa6ee03c56",
    "okta_policy_changed": "489e7d3f-7688-4f3a-80a5-839b956b59d3",
    "okta_push_denied": "89757e1a-8411-4578-ac30-795552d27c0d",
    "okta_sign_in_at_high_risk": "23cc0b5a-c522-4774-8704-8f9d01e8327c",
    "okta_sign_in_from_suspected_address": "390de417-eaf5-4bb3-be5d-65187f13a3eb",
    "okta_super_admin_granted": "980a0e56-1334-478d-abbc-c0f6efd500d6",
    "rds_snapshot_shared": "29ca94c2-ecca-4c18-af98-fc4ee8db3ea6",
    "s3_bucket_made_public": "ddf8dc9e-3b26-46e8-944a-d35332a2c07e",
    "s3_public_access_block_removed": "1f2340e3-d8c9-41bc-b9f7-5f9c63b53bc8",
    "secret_read_by_iam_user": "ea45040a-cb84-4bed-9628-7cae8dc4bb72",
    "ssm_session_started": "2ec84bed-c3ac-4bf7-b5c4-476aafff9aca",
    "vpc_flow_logs_deleted": "9fa3a4c8-6e62-4d4a-a996-5b66771b641a",
}
"""Rules of the pack ``mantissa-rules`` that the planted events are made for: file name and id."""

_encode = msgspec.json.Encoder().encode


class Logged(NamedTuple):
    """An event as the vendor would hand it over. ``line`` is its JSON text; the rest says where it belongs."""

    time: datetime
    id: str
    account: str
    region: str
    line: bytes


@dataclass(frozen=True, slots=True)
class Attack:
    """A planted attack. ``events`` are its event ids by log type, ``expected`` the event ids that a rule must match.

    ``techniques`` are ids of MITRE ATT&CK, ``expected``'s keys those of :data:`RULES`.
    """

    id: str
    title: str
    story: str
    techniques: tuple[str, ...]
    start: datetime
    end: datetime
    events: Mapping[str, tuple[str, ...]]
    expected: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Lookalike:
    """Something benign that looks like an attack. ``rule`` is the one that alerts nevertheless, if any does."""

    title: str
    log_type: str
    event_id: str
    rule: str | None


def cloudtrail_line(when: datetime, event: Mapping[str, Any]) -> Logged:
    """A CloudTrail event, encoded."""
    return Logged(when, event["eventID"], event["recipientAccountId"], event["awsRegion"], _encode(event))


def okta_line(when: datetime, event: Mapping[str, Any]) -> Logged:
    """A System Log event, encoded."""
    return Logged(when, event["uuid"], "", "", _encode(event))
