from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files

from mantissa_core.model import LogType
from mantissa_core.testing.log_type import LogTypeContract, rows_of


class TestSystemLog(LogTypeContract):
    file = files("mantissa_okta.log_types") / "okta_system.yaml"

    def test_rules_of_sigma_find_the_log_type(self, log_type: LogType) -> None:
        found = [(source.product, source.service) for source in log_type.sigma.logsources]
        assert found == [("okta", "okta"), ("okta", "system"), ("okta", "authentication")]

    def test_events_of_one_rewritten_id_stay_apart(self, log_type: LogType) -> None:
        event = {"uuid": "1", "eventType": "user.session.start", "target": [{"id": "a"}]}
        other = {**event, "target": [{"id": "b"}]}
        ids = [row["m_id"] for row in rows_of(log_type, [event, event, other])]
        assert ids[0] == ids[1] != ids[2]

    def test_keys_folded_to_lower_case_are_the_same_columns(self, log_type: LogType) -> None:
        plain, folded = rows_of(
            log_type,
            [
                {"eventType": "user.account.lock", "securityContext": {"isProxy": True}},
                {"eventtype": "user.account.lock", "securitycontext": {"isProxy": True}},
            ],
        )
        for column in ("eventType", "securityContext_isProxy", "m_action"):
            assert plain[column] == folded[column] is not None

    def test_a_time_with_a_space_is_understood(self, log_type: LogType) -> None:
        [row] = rows_of(log_type, [{"uuid": "1", "published": "2025-03-04 14:21:53.225"}])
        assert row["m_time"] == datetime(2025, 3, 4, 14, 21, 53, 225_000, UTC)
        assert row["m_flags"] is None
