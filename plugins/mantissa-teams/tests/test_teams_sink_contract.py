from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_teams import QUERY, SIGNATURE, FakeTeams
from mantissa_core.testing.alert_sink import AlertSinkContract, Fault
from mantissa_teams.sink import Teams


class ForgetfulTeams(FakeTeams):
    """A message whose answer does not arrive in time is posted all the same, and again."""

    faults = FakeTeams.faults - {Fault.TIMEOUT}


class TestTeams(AlertSinkContract):
    secrets = (SIGNATURE, QUERY, "s1gn_atu-re.of~the%20tests")
    survives_restarts = False

    @pytest.fixture
    def destination(self) -> Iterator[ForgetfulTeams]:
        with ForgetfulTeams() as fake:
            yield fake

    def sink(self, destination: ForgetfulTeams) -> Teams:
        return Teams(Teams.Config.model_validate({"webhook_url": destination.address, "timeout": 2}))
