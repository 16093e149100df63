from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
from mantissa_core.model import LogType
from mantissa_core.parse.log_types import read
from mantissa_core.testing.log_type import LogTypeContract, rows_of


class TestSignInAttempts(LogTypeContract):
    file = files("mantissa_onepassword.log_types") / "onepassword_signin.yaml"

    def test_a_category_of_tomorrow_is_a_failure(self, log_type: LogType) -> None:
        [row] = rows_of(log_type, [{"uuid": "1", "timestamp": "2025-03-04T09:00:00Z", "category": "passkey_failed"}])
        assert (row["m_action"], row["m_outcome"]) == ("login", "failure")


class TestItemUsages(LogTypeContract):
    file = files("mantissa_onepassword.log_types") / "onepassword_item_usage.yaml"

    def test_an_event_of_the_first_version_has_no_action_and_is_a_reading(self, log_type: LogType) -> None:
        [row] = rows_of(log_type, [{"uuid": "1", "timestamp": "2022-03-04T09:00:00Z", "item_uuid": "i"}])
        assert row["m_action"] == "secret_read"


class TestAuditEvents(LogTypeContract):
    file = files("mantissa_onepassword.log_types") / "onepassword_audit.yaml"

    @pytest.mark.parametrize(
        ("action", "kind", "verb"),
        [
            ("disblmfa", "user", "mfa_reset"),
            ("grant", "uva", "role_grant"),
            ("revoke", "gva", "role_revoke"),
            ("revoke", "satoken", "token_revoke"),
            ("create", "vault", "resource_create"),
            ("purge", "vault", "resource_delete"),
            ("something", "new", "api_call"),
        ],
    )
    def test_what_was_done_goes_by_the_object(self, log_type: LogType, action: str, kind: str, verb: str) -> None:
        [row] = rows_of(log_type, [{"uuid": "1", "action": action, "object_type": kind}])
        assert row["m_action"] == verb


@pytest.mark.parametrize("name", ["signin", "item_usage", "audit"])
@pytest.mark.parametrize(
    ("members", "flags"),
    [
        ({"timestamp": 1741079702}, ["drift", "time_missing"]),
        ({"timestamp": "yesterday"}, ["time_missing"]),
        ({"timestamp": "2099-03-04T09:00:00Z"}, ["time_out_of_range"]),
        ({}, ["time_missing"]),
        ({"timestamp": "2025-03-04T09:00:00Z", "client": "no object", "session": []}, None),
        ({"timestamp": "2025-03-04T09:00:00Z", "location": {"latitude": "north"}}, ["drift"]),
        ({"timestamp": "2025-03-04T09:00:00Z", "details": {"value": ["x"] * 10_000}, "new": [1] * 10_000}, None),
    ],
    ids=["number", "word", "future", "absent", "no object", "wrong type", "long lists"],
)
def test_bad_members_do_not_lose_the_event(name: str, members: dict[str, Any], flags: list[str] | None) -> None:
    log_type = read(files("mantissa_onepassword.log_types") / f"onepassword_{name}.yaml")
    [row, good] = rows_of(log_type, [{"uuid": "1", **members}, {"uuid": "2", "timestamp": "2025-03-04T09:00:00Z"}])
    assert good["m_flags"] is None
    if flags is not None:
        assert sorted(row["m_flags"]) == flags
