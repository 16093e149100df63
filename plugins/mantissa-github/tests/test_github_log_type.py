from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files

from mantissa_core.model import LogType
from mantissa_core.testing.log_type import LogTypeContract, rows_of


class TestAuditLog(LogTypeContract):
    file = files("mantissa_github.log_types") / "github_audit.yaml"

    def test_rules_of_sigma_find_the_log_type(self, log_type: LogType) -> None:
        assert [(source.product, source.service) for source in log_type.sigma.logsources] == [("github", "audit")]

    def test_the_time_is_in_milliseconds(self, log_type: LogType) -> None:
        [row] = rows_of(log_type, [{"_document_id": "1", "@timestamp": 1741078800123, "action": "repo.create"}])
        assert row["m_time"] == datetime(2025, 3, 4, 9, 0, 0, 123_000, UTC)

    def test_a_webhooks_settings_may_be_a_list_or_an_object(self, log_type: LogType) -> None:
        settings = [{"url": "https://hooks.example.net"}, [{"key": "url", "value": "https://hooks.example.net"}]]
        rows = rows_of(log_type, [{"_document_id": "1", "@timestamp": 1, "config": each} for each in settings])
        assert [row["config"] for row in rows] == [
            '{"url":"https://hooks.example.net"}',
            '[{"key":"url","value":"https://hooks.example.net"}]',
        ]
        assert "drift" not in str([row["m_flags"] for row in rows])
