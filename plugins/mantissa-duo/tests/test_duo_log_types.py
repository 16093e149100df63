from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files

from mantissa_core.model import LogType
from mantissa_core.testing.log_type import LogTypeContract, rows_of


class TestAuthenticationLog(LogTypeContract):
    file = files("mantissa_duo.log_types") / "duo_auth.yaml"

    def test_rules_of_sigma_find_the_log_type(self, log_type: LogType) -> None:
        found = [(source.product, source.service) for source in log_type.sigma.logsources]
        assert found == [("cisco", "duo"), ("duo", "auth")]

    def test_what_is_sometimes_a_word_is_kept_as_it_is(self, log_type: LogType) -> None:
        [one, other] = rows_of(
            log_type,
            [
                {"txid": "1", "isotimestamp": "2025-03-04T09:00:00Z", "access_device": {"is_password_set": value}}
                for value in (True, "unknown")
            ],
        )
        assert (one["access_device_is_password_set"], other["access_device_is_password_set"]) == ("true", '"unknown"')
        assert one["m_flags"] is other["m_flags"] is None


class TestAdministratorLog(LogTypeContract):
    file = files("mantissa_duo.log_types") / "duo_admin.yaml"

    def test_a_time_without_a_zone_is_utc(self, log_type: LogType) -> None:
        [row] = rows_of(log_type, [{"isotimestamp": "2025-03-04 09:00:00", "action": "user_update"}])
        assert row["m_time"] == datetime(2025, 3, 4, 9, 0, tzinfo=UTC)

    def test_events_of_one_second_that_differ_are_two(self, log_type: LogType) -> None:
        common = {"isotimestamp": "2025-03-04T09:00:00Z", "action": "user_update", "username": "Amara"}
        one, other, again = rows_of(log_type, [{**common, "object": name} for name in ("lin", "noor", "lin")])
        assert one["m_id"] == again["m_id"] != other["m_id"]


class TestTelephonyLog(LogTypeContract):
    file = files("mantissa_duo.log_types") / "duo_telephony.yaml"
