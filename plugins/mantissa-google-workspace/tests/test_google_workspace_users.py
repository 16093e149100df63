from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fake_google_users import AMARA, FakeGoogleUsers
from fake_google_workspace import SUBJECT, pem
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import EnricherContract, an_alert
from mantissa_google_workspace.users import Users


def users(source: FakeGoogleUsers, **settings: Any) -> Users:
    given = {"subject": SUBJECT, "service_account_key": json.dumps(source.key), "api_url": source.url, "timeout": 3}
    return Users(Users.Config.model_validate({**given, **settings}))


@pytest.fixture
def directory() -> Iterator[FakeGoogleUsers]:
    with FakeGoogleUsers() as fake:
        yield fake


class TestGoogleUsers(EnricherContract):
    secrets = (pem().splitlines()[1], "access-")

    @pytest.fixture
    def source(self) -> Iterator[FakeGoogleUsers]:
        with FakeGoogleUsers() as fake:
            yield fake

    def enricher(self, source: FakeGoogleUsers) -> Users:
        return users(source)

    def known(self, source: FakeGoogleUsers) -> Alert:
        return an_alert(user=AMARA)


def facts(enricher: Users, user: str = AMARA) -> dict[str, Any]:
    found = enricher.enrich(an_alert(user=user))
    assert found
    told: dict[str, Any] = found.facts["users"][user]
    return told


def test_a_user_comes_with_the_primary_post_and_the_roles(directory: FakeGoogleUsers) -> None:
    assert facts(users(directory)) == {
        "name": "Amara Okafor",
        "title": "Accountant",
        "department": "Finance",
        "manager": "noor@example.com",
        "org_unit": "/Finance",
        "status": "active",
        "mfa": True,
        "last_login": "2026-03-04T08:15:00.000Z",
        "roles": ["super administrator"],
    }


def test_an_alias_is_told_under_the_name_that_the_alert_has(directory: FakeGoogleUsers) -> None:
    assert facts(users(directory), "amara.o@example.com")["name"] == "Amara Okafor"


def test_a_suspended_user_who_never_signed_in_is_told_as_such(directory: FakeGoogleUsers) -> None:
    directory.user |= {"suspended": True, "lastLoginTime": "1970-01-01T00:00:00.000Z", "organizations": None}
    told = facts(users(directory))
    assert told["status"] == "suspended"
    assert not told.keys() & {"last_login", "title", "department"}


@pytest.mark.parametrize("name", ["lin@example.org", "amara", "@example.com", "amara@example.com.example.org", "root"])
def test_users_of_others_are_not_asked_about(directory: FakeGoogleUsers, name: str) -> None:
    assert users(directory).enrich(an_alert(user=name)) is None
    assert directory.requests == []


def test_domains_are_those_that_are_configured(directory: FakeGoogleUsers) -> None:
    with pytest.raises(NeedsOperator, match="'domains' must be the customer's own"):
        users(directory, domains=["example.org"]).enrich(an_alert(user="lin@example.org"))


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("forbidden", "privilege Users"),
        ("insufficientPermissions", r"admin\.directory\.user\.readonly"),
        ("accessNotConfigured", "not enabled"),
    ],
)
def test_what_is_missing_is_named(directory: FakeGoogleUsers, reason: str, words: str) -> None:
    directory.refusal = reason
    with pytest.raises(NeedsOperator, match=words):
        users(directory).enrich(an_alert(user=AMARA))
    with pytest.raises(NeedsOperator, match=words):
        users(directory).check()


def test_a_quota_passes_by_itself(directory: FakeGoogleUsers) -> None:
    directory.refusal = "userRateLimitExceeded"
    with pytest.raises(Retry):
        users(directory).enrich(an_alert(user=AMARA))


def test_the_delegation_that_is_missing_is_named_with_its_scope(directory: FakeGoogleUsers) -> None:
    directory.tokens.delegated = set()
    with pytest.raises(NeedsOperator, match=r"delegation for https://.*admin\.directory\.user\.readonly"):
        users(directory).check()
