from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files

from mantissa_core.model import LogType
from mantissa_core.testing.log_type import LogTypeContract, rows_of

FOLDER = files("mantissa_snowflake.log_types")


class TestLogins(LogTypeContract):
    file = FOLDER / "snowflake_login.yaml"

    def test_rules_of_sigma_find_the_log_type(self, log_type: LogType) -> None:
        assert [(source.product, source.service) for source in log_type.sigma.logsources] == [("snowflake", "login")]

    def test_an_id_beyond_2_53_stays_itself(self, log_type: LogType) -> None:
        one, other = rows_of(log_type, [{"EVENT_ID": 2**53 + 1}, {"EVENT_ID": 2**53 + 2}])
        assert (one["EVENT_ID"], other["EVENT_ID"]) == (2**53 + 1, 2**53 + 2)
        assert one["m_id"] != other["m_id"]

    def test_an_address_that_is_none_is_kept_out_of_the_common_column(self, log_type: LogType) -> None:
        [row] = rows_of(log_type, [{"EVENT_ID": 1, "CLIENT_IP": "unknown"}])
        assert (row["CLIENT_IP"], row["m_src_ip"]) == ("unknown", None)


class TestQueries(LogTypeContract):
    file = FOLDER / "snowflake_query.yaml"

    def test_the_time_is_that_of_the_beginning(self, log_type: LogType) -> None:
        long, exported = rows_of(
            log_type,
            [
                {"QUERY_ID": "1", "START_TIME": "2025-03-04T09:00:00Z", "END_TIME": "2025-03-04T12:00:00Z"},
                {"QUERY_ID": "2", "END_TIME": "2025-03-04 12:00:00.000"},
            ],
        )
        assert long["m_time"] == datetime(2025, 3, 4, 9, tzinfo=UTC)
        assert exported["m_time"] == datetime(2025, 3, 4, 12, tzinfo=UTC)


class TestGrants(LogTypeContract):
    file = FOLDER / "snowflake_grant.yaml"

    def test_a_grant_and_its_revocation_are_two_events(self, log_type: LogType) -> None:
        common = {"CREATED_ON": "2025-03-04T09:00:00Z", "ROLE": "ANALYST", "GRANTEE_NAME": "LIN"}
        rows = rows_of(
            log_type,
            [
                {**common, "GRANT_EVENT": "GRANT", "EVENT_TIME": "2025-03-04T09:00:00Z"},
                {**common, "GRANT_EVENT": "GRANT", "EVENT_TIME": "2025-03-04T09:00:00Z", "DELETED_ON": "2025-03-05"},
                {**common, "GRANT_EVENT": "REVOKE", "EVENT_TIME": "2025-03-05T00:00:00Z", "DELETED_ON": "2025-03-05"},
            ],
        )
        assert rows[0]["m_id"] == rows[1]["m_id"] != rows[2]["m_id"]
