from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fake_snowflake import ACCOUNT, USER, FakeSnowflake, pem
from mantissa_core.testing.collector import CollectorContract
from mantissa_snowflake.collector import AccountUsage


class TestLogins(CollectorContract):
    secrets = (pem().splitlines()[1],)
    stream = "login"

    @pytest.fixture
    def source(self) -> Iterator[FakeSnowflake]:
        with FakeSnowflake() as fake:
            yield fake

    def collector(self, source: FakeSnowflake) -> AccountUsage:
        settings = {"account": ACCOUNT, "user": USER, "private_key": pem(), "url": source.url, "timeout": 4}
        return AccountUsage(AccountUsage.Config.model_validate(settings))

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["USER_NAME"])


class TestGrantsToRoles(TestLogins):
    stream = "grants_to_roles"

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["GRANTEE_NAME"])
