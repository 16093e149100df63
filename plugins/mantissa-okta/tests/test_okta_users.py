from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fake_okta_users import AMARA, TOKEN, FakeOktaUsers
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import EnricherContract, an_alert
from mantissa_core.testing.fake_http import Fault
from mantissa_okta.users import Users


def users(source: FakeOktaUsers, **settings: Any) -> Users:
    given = {"org_url": source.url, "api_token": TOKEN, "timeout": 3, **settings}
    return Users(Users.Config.model_validate(given))


@pytest.fixture
def directory() -> Iterator[FakeOktaUsers]:
    with FakeOktaUsers() as fake:
        yield fake


class TestUsers(EnricherContract):
    secrets = (TOKEN,)

    @pytest.fixture
    def source(self) -> Iterator[FakeOktaUsers]:
        with FakeOktaUsers() as fake:
            yield fake

    def enricher(self, source: FakeOktaUsers) -> Users:
        return users(source)

    def known(self, source: FakeOktaUsers) -> Alert:
        return an_alert(user="amara@example.com")


def facts(enricher: Users, user: str) -> dict[str, Any]:
    found = enricher.enrich(an_alert(user=user))
    assert found
    told: dict[str, Any] = found.facts["users"][user]
    return told


def test_a_user_comes_with_what_people_ask_about_and_nothing_else(directory: FakeOktaUsers) -> None:
    assert facts(users(directory), "amara@example.com") == {
        "name": "Amara Okafor",
        "title": "Accountant",
        "department": "Finance",
        "manager": "Noor Haddad",
        "status": "active",
        "last_login": "2026-03-04T08:15:00.000Z",
        "groups": ["Everyone", "Finance"],
        "mfa": True,
    }


def test_a_user_is_found_by_id_under_the_name_that_the_alert_has(directory: FakeOktaUsers) -> None:
    assert facts(users(directory), AMARA)["name"] == "Amara Okafor"


def test_what_is_not_wanted_is_not_asked_for(directory: FakeOktaUsers) -> None:
    directory.denied = {"groups", "factors"}
    told = facts(users(directory, groups=False, factors=False), "amara@example.com")
    assert "groups" not in told
    assert "mfa" not in told
    assert len(directory.requests) == 1


def test_a_user_without_an_active_factor_has_none(directory: FakeOktaUsers) -> None:
    directory.factors[0]["status"] = "PENDING_ACTIVATION"
    assert facts(users(directory), "amara@example.com")["mfa"] is False


def test_the_owner_of_the_token_is_not_taken_for_a_user_named_me(directory: FakeOktaUsers) -> None:
    assert users(directory).enrich(an_alert(user="me")) is None


@pytest.mark.parametrize("name", ["..", ".", "amara@example.com/groups", "amara%2Fgroups/..", "a" * 101, " amara"])
def test_names_that_lead_elsewhere_are_not_asked_about(directory: FakeOktaUsers, name: str) -> None:
    assert users(directory).enrich(an_alert(user=name)) is None
    assert directory.requests == []


@pytest.mark.parametrize("name", ["amara?fields=x", "amara#x", "amara%2F..%2Fme", "größe@example.com", "'; drop"])
def test_a_name_is_one_part_of_the_path_whatever_is_in_it(directory: FakeOktaUsers, name: str) -> None:
    assert users(directory).enrich(an_alert(user=name)) is None
    assert [request.route.count("/") for request in directory.requests] == [4]


def test_many_groups_and_long_texts_stay_small(directory: FakeOktaUsers) -> None:
    directory.groups = [{"id": str(each), "profile": {"name": f"group {each} " + "x" * 5_000}} for each in range(200)]
    directory.user["profile"]["title"] = "x" * 100_000
    found = users(directory).enrich(an_alert(user="amara@example.com"))
    assert found
    assert len(json.dumps(dict(found.facts))) < 16 * 1024


def test_a_missing_permission_is_named(directory: FakeOktaUsers) -> None:
    directory.denied = {"factors"}
    with pytest.raises(NeedsOperator, match=r"Read-only Administrator.*E0000006"):
        users(directory).enrich(an_alert(user="amara@example.com"))


def test_the_check_lists_a_user(directory: FakeOktaUsers) -> None:
    users(directory).check()
    assert directory.requests[0].query == {"limit": "1"}


def test_when_it_is_throttled_it_says_for_how_long(directory: FakeOktaUsers) -> None:
    directory.retry_after = 40
    directory.inject(Fault.BUSY)
    with pytest.raises(Retry) as caught:
        users(directory).enrich(an_alert(user="amara@example.com"))
    assert caught.value.after == 40
