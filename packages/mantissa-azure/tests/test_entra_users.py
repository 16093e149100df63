from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fake_entra_users import AMARA, NAME, FakeEntraUsers
from fake_graph import CLIENT, SECRET, TENANT
from mantissa_azure.users import Users
from mantissa_core.errors import NeedsOperator
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import EnricherContract, an_alert


def users(source: FakeEntraUsers, **settings: Any) -> Users:
    place = {"graph_url": source.url, "login_url": source.url, "tenant_id": TENANT}
    given = {**place, "client_id": CLIENT, "client_secret": SECRET, "timeout": 3, **settings}
    return Users(Users.Config.model_validate(given))


@pytest.fixture
def directory() -> Iterator[FakeEntraUsers]:
    with FakeEntraUsers() as fake:
        yield fake


class TestEntraUsers(EnricherContract):
    secrets = (SECRET, "access-")

    @pytest.fixture
    def source(self) -> Iterator[FakeEntraUsers]:
        with FakeEntraUsers() as fake:
            yield fake

    def enricher(self, source: FakeEntraUsers) -> Users:
        return users(source)

    def known(self, source: FakeEntraUsers) -> Alert:
        return an_alert(user=NAME)


def facts(enricher: Users, user: str = NAME) -> dict[str, Any]:
    found = enricher.enrich(an_alert(user=user))
    assert found
    told: dict[str, Any] = found.facts["users"][user]
    return told


def test_a_user_comes_with_manager_groups_and_roles(directory: FakeEntraUsers) -> None:
    assert facts(users(directory)) == {
        "name": "Amara Okafor",
        "title": "Accountant",
        "department": "Finance",
        "manager": "Noor Haddad",
        "status": "active",
        "groups": ["Finance"],
        "roles": ["Global Reader"],
    }


def test_the_last_sign_in_and_the_factor_come_where_they_are_asked_for(directory: FakeEntraUsers) -> None:
    told = facts(users(directory, sign_ins=True))
    assert (told["last_login"], told["mfa"]) == ("2026-03-04T08:15:00Z", True)


def test_of_a_disabled_user_no_factor_is_known(directory: FakeEntraUsers) -> None:
    directory.user["accountEnabled"] = False
    directory.registration = None
    told = facts(users(directory, sign_ins=True), AMARA)
    assert told["status"] == "disabled"
    assert "mfa" not in told


def test_a_guest_without_manager_is_told_as_one(directory: FakeEntraUsers) -> None:
    directory.user["userType"], directory.manager = "Guest", None
    told = facts(users(directory))
    assert told["status"] == "active, guest"
    assert "manager" not in told


@pytest.mark.parametrize(
    "name",
    ["amara", "root", "$amara@example.com", "a b@example.com", "amara@example.com?x=1", "a" * 102 + "@example.com"],
)
def test_what_is_no_name_in_entra_is_not_asked_about(directory: FakeEntraUsers, name: str) -> None:
    assert users(directory).enrich(an_alert(user=name)) is None
    assert directory.requests == []


def test_a_guests_name_with_a_hash_stays_in_the_path(directory: FakeEntraUsers) -> None:
    assert users(directory).enrich(an_alert(user="lin_example.org#EXT#@example.com")) is None
    assert "%23EXT%23" in directory.requests[0].route


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        ("memberOf", "Authorization_RequestDenied", "Directory.Read.All"),
        (NAME, "Authorization_RequestDenied", "User.Read.All"),
        (AMARA, "Authorization_RequestDenied", "AuditLog.Read.All"),
        ("signInActivity", "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "licence"),
    ],
    ids=["groups", "user", "registration", "licence"],
)
def test_what_is_missing_is_named(directory: FakeEntraUsers, end: str, code: str, words: str) -> None:
    directory.denied = {end: code}
    with pytest.raises(NeedsOperator, match=words):
        users(directory, sign_ins=True).enrich(an_alert(user=NAME))


def test_the_check_reads_a_user_with_all_that_is_asked_for(directory: FakeEntraUsers) -> None:
    directory.denied = {"memberOf": "Authorization_RequestDenied"}
    with pytest.raises(NeedsOperator, match=r"Directory\.Read\.All"):
        users(directory).check()
    users(directory, groups=False).check()
