"""Who a user is, by Okta's directory.

Reference: https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/ (a user by id or login),
…/tag/UserResources/ (its groups) and …/tag/UserFactor/ (its factors).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from mantissa_core.alert.enrich.facts import known, worth_asking
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Alert, Enrichment
from mantissa_core.vendor_api import Answer, HeaderToken, Origin, VendorClient, identity_of
from pydantic import Field, SecretStr

from .collector import OKTA

USERS = "/api/v1/users"
LOGIN = 100
"""Characters that a login has at most."""
_NOBODY = frozenset({"me", ".", ".."})
"""What Okta, or the way there, takes for something else than a login; ``me`` is the token's owner."""
_DIRECTORY = replace(
    OKTA,
    remedies={
        401: OKTA.remedies[401],
        403: "Okta does not let the API token read users, their groups and factors: its owner needs the role Read-only "
        "Administrator; without 'factors' or 'groups' it takes less",
        404: OKTA.remedies[404],
    },
)


class Users:
    """Tells of users by login or Okta's id."""

    about = ("user",)

    class Config(PluginConfig):
        """Settings of ``okta.users``."""

        org_url: Origin = Field(json_schema_extra={"env": "OKTA_ORG_URL"})
        """Address of the organisation, such as https://example.okta.com (not the -admin address)."""
        api_token: SecretStr = Field(json_schema_extra={"env": "OKTA_API_TOKEN"})
        """API token of an administrator who may read users."""
        groups: bool = True
        """Whether a user's groups are read, which takes a request."""
        factors: bool = True
        """Whether it is read if a user has a second factor, which takes a request."""
        timeout: float = Field(default=3, gt=0, le=10)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self._config = config
        token = HeaderToken(config.api_token, prefix="SSWS ", setting="api_token")
        token.identity = identity_of(token.identity, "users")  # Okta's limit for its log is another one
        self._api = VendorClient(_DIRECTORY, config.org_url, token, timeout=config.timeout)

    @hookimpl
    def check(self) -> None:
        """List one user."""
        self._api.get(USERS, {"limit": "1"}).records()

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        """What the directory says of the alert's users."""
        logins = [each for each in worth_asking(alert, self.about) if len(each) <= LOGIN and each not in _NOBODY]
        users = {login: facts for login in logins if (facts := self._user(login))}
        return Enrichment({"users": users}) if users else None

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _user(self, login: str) -> Mapping[str, Any] | None:
        answer = self._api.find(f"{USERS}/{quote(login, safe='')}")
        if answer is None:
            return None
        profile = answer.at("profile")
        profile = profile if isinstance(profile, dict) else {}
        full = " ".join(str(profile[each]) for each in ("firstName", "lastName") if profile.get(each))
        return known(
            name=profile.get("displayName") or full,
            title=profile.get("title"),
            department=profile.get("department"),
            manager=profile.get("manager") or profile.get("managerId"),
            status=_in_words(answer.at("status")),
            last_login=answer.at("lastLogin"),
            groups=self._groups(answer) if self._config.groups else None,
            mfa=self._has_factor(answer) if self._config.factors else None,
        )

    def _groups(self, user: Answer) -> list[str]:
        profiles = (each.get("profile") for each in self._of(user, "groups"))
        return [str(each["name"]) for each in profiles if isinstance(each, dict) and each.get("name")]

    def _has_factor(self, user: Answer) -> bool:
        return any(each.get("status") == "ACTIVE" for each in self._of(user, "factors"))

    def _of(self, user: Answer, what: str) -> list[dict[str, Any]]:
        """A list that belongs to a user; empty for one who is being removed."""
        answer = self._api.find(f"{USERS}/{quote(str(user.at('id')), safe='')}/{what}")
        return answer.records() if answer else []


def _in_words(status: Any) -> str:
    """``LOCKED_OUT`` as people write it."""
    return str(status or "").replace("_", " ").lower()
