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

    def test_the_time_is_also_found_where_other_exports_put_it(self, log_type: LogType) -> None:
        rows = rows_of(
            log_type,
            [
                {"action": "repo.create", "at_sign_timestamp": "2022-12-11 22:40:20.268"},
                {"action": "repo.create", "at_sign_timestamp": "2025-10-15 18:41:19.605000000"},
                {"action": "repo.create", "created_at": 1621305118553},
            ],
        )
        assert [row["m_time"] for row in rows] == [
            datetime(2022, 12, 11, 22, 40, 20, 268_000, UTC),
            datetime(2025, 10, 15, 18, 41, 19, 605_000, UTC),
            datetime(2021, 5, 18, 2, 31, 58, 553_000, UTC),
        ]


class TestWebhook(LogTypeContract):
    file = files("mantissa_github.log_types") / "github_webhook.yaml"

    def test_rules_of_sigma_find_the_log_type(self, log_type: LogType) -> None:
        assert [(source.product, source.service) for source in log_type.sigma.logsources] == [("github", "webhook")]

    def test_a_redelivery_is_the_same_event(self, log_type: LogType) -> None:
        event = {"x_github_event": "public", "x_github_delivery": "1", "received_at": "2025-03-04T09:00:00Z"}
        one, again = rows_of(log_type, [event, {**event, "received_at": "2025-03-04T10:00:00Z"}])
        assert one["m_id"] == again["m_id"]

    def test_a_payload_without_headers_has_an_action_and_a_user(self, log_type: LogType) -> None:
        push, job = rows_of(
            log_type,
            [
                {
                    "ref": "refs/heads/main",
                    "pusher": {"name": "amara"},
                    "head_commit": {"timestamp": "2025-03-04T09:00:00Z"},
                },
                {"action": "completed", "workflow_job": {"conclusion": "failure"}, "sender": {"login": "lin"}},
            ],
        )
        assert (push["m_action"], push["m_user"], push["m_time"].hour) == ("data_write", "amara", 9)
        assert (job["m_action"], job["m_user"], job["m_outcome"]) == ("api_call", "lin", "failure")
