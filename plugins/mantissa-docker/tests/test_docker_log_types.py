from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files

from mantissa_core.model import LogType
from mantissa_core.testing.log_type import LogTypeContract, rows_of


class TestEngineEvents(LogTypeContract):
    file = files("mantissa_docker.log_types") / "docker_event.yaml"

    def test_rules_of_sigma_find_the_log_type(self, log_type: LogType) -> None:
        assert [(source.product, source.service) for source in log_type.sigma.logsources] == [("docker", "events")]

    def test_the_time_is_that_in_nanoseconds_where_there_is_one(self, log_type: LogType) -> None:
        exact, coarse = rows_of(
            log_type, [{"time": 1741078800, "timeNano": 1741078800123456100}, {"time": 1741078801, "status": "die"}]
        )
        assert exact["m_time"] == datetime(2025, 3, 4, 9, 0, 0, 123_456, UTC)
        assert coarse["m_time"] == datetime(2025, 3, 4, 9, 0, 1, tzinfo=UTC)

    def test_labels_of_any_name_are_kept(self, log_type: LogType) -> None:
        labels = {"com.docker.compose.project": "shop", "a.b": '{"x": 1}', "name": "web", "": "empty"}
        [row] = rows_of(log_type, [{"time": 1, "Type": "container", "Actor": {"ID": "1", "Attributes": labels}}])
        assert (row["compose_project"], row["Actor_Attributes_name"], row["m_extra"]) == ("shop", "web", None)

    def test_equal_actions_on_two_objects_are_two_events(self, log_type: LogType) -> None:
        event = {"time": 1, "timeNano": 1000, "Type": "volume", "Action": "mount", "Actor": {"ID": "a"}}
        one, again, other = rows_of(log_type, [event, event, {**event, "Actor": {"ID": "b"}}])
        assert one["m_id"] == again["m_id"] != other["m_id"]
