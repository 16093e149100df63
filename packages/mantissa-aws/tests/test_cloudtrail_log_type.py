from __future__ import annotations

from importlib.resources import files

from mantissa_core.model import LogType
from mantissa_core.testing.log_type import LogTypeContract, rows_of


class TestCloudTrail(LogTypeContract):
    file = files("mantissa_aws.log_types") / "aws_cloudtrail.yaml"

    def test_rules_of_sigma_find_the_log_type(self, log_type: LogType) -> None:
        assert [(source.product, source.service) for source in log_type.sigma.logsources] == [("aws", "cloudtrail")]

    def test_events_of_one_rewritten_id_stay_apart(self, log_type: LogType) -> None:
        event = {"eventID": "1", "eventName": "CreateUser", "requestParameters": {"userName": "a"}}
        other = {**event, "requestParameters": {"userName": "b"}}
        ids = [row["m_id"] for row in rows_of(log_type, [event, event, other])]
        assert ids[0] == ids[1] != ids[2]

    def test_a_service_is_no_address(self, log_type: LogType) -> None:
        [row] = rows_of(log_type, [{"eventID": "1", "sourceIPAddress": "config.amazonaws.com"}])
        assert (row["m_src_ip"], row["m_any_ip"], row["sourceIPAddress"]) == (None, None, "config.amazonaws.com")

    def test_a_policy_document_is_a_column_though_it_looks_like_an_object(self, log_type: LogType) -> None:
        policy = '{"Statement": []}'
        events = [{"requestParameters": {"policyDocument": each}} for each in (policy, {"Statement": []})]
        assert [row["requestParameters_policyDocument"] for row in rows_of(log_type, events)] == [policy, None]
