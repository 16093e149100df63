"""Who a user is, by Google Workspace's directory.

Reference: https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/get
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from mantissa_core.alert.enrich.facts import known, worth_asking
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Alert, Enrichment
from mantissa_core.vendor_api import OAuth, VendorClient
from mantissa_core.vendor_api.http import http_client
from pydantic import Field

from .admin_sdk import DIRECTORY, DIRECTORY_SCOPE
from .service_account import Administrator, Delegated

USERS = "/admin/directory/v1/users"
Domain = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]
_FIELDS = (
    "name/fullName,organizations(title,department,primary),relations(type,value),suspended,archived,isAdmin,"
    "isDelegatedAdmin,isEnrolledIn2Sv,lastLoginTime,orgUnitPath"
)
_NEVER = "1970-01-01"
"""How the time of the last sign-in begins where there was none."""


class Users:
    """Tells of users by e-mail address, also an alias."""

    about = ("user",)

    class Config(Administrator):
        """Settings of ``gworkspace.users``."""

        domains: tuple[Domain, ...] = ()
        """The customer's domains, whose users are asked about; by default that of ``subject``."""
        timeout: float = Field(default=3, gt=0, le=10)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self._domains = frozenset(config.domains or {config.subject.rpartition("@")[2].lower()})
        self._tokens = http_client("mantissa-google-workspace", config.timeout)
        auth = OAuth(Delegated(config, DIRECTORY_SCOPE, DIRECTORY, self._tokens))
        self._subject = config.subject
        self._api = VendorClient(DIRECTORY, config.api_url, auth, timeout=config.timeout)

    @hookimpl
    def check(self) -> None:
        """Read the administrator."""
        self._user(self._subject)

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        """What the directory says of the alert's users."""
        addresses = [each for each in worth_asking(alert, self.about) if self._is_ours(each)]
        users = {address: facts for address in addresses if (facts := self._user(address))}
        return Enrichment({"users": users}) if users else None

    def close(self) -> None:
        """Release the connections."""
        self._api.close()
        self._tokens.close()

    def _is_ours(self, address: str) -> bool:
        """Google answers 403 about users of others, as it does where a privilege is missing."""
        local, _, domain = address.rpartition("@")
        return bool(local) and domain.lower() in self._domains

    def _user(self, address: str) -> Mapping[str, Any] | None:
        user = self._api.find(f"{USERS}/{quote(address, safe='')}", {"projection": "full", "fields": _FIELDS})
        if user is None:
            return None
        post = _first(user.at("organizations"), "primary", True)
        last = str(user.at("lastLoginTime") or "")
        facts = known(
            name=user.at("name.fullName"),
            title=post.get("title"),
            department=post.get("department"),
            manager=_first(user.at("relations"), "type", "manager").get("value"),
            org_unit=user.at("orgUnitPath"),
            mfa=user.at("isEnrolledIn2Sv"),
            last_login="" if last.startswith(_NEVER) else last,
            roles=[name for key, name in _ROLES.items() if user.at(key) is True],
        )
        states = [state for state in ("suspended", "archived") if user.at(state) is True]
        return {**facts, "status": ", ".join(states) or "active"}


_ROLES = {"isAdmin": "super administrator", "isDelegatedAdmin": "delegated administrator"}


def _first(entries: Any, key: str, value: object) -> Mapping[str, Any]:
    """The entry of which that is said; of others the first where there is but one."""
    found = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    marked = [each for each in found if each.get(key) == value]
    if marked:
        return marked[0]
    return found[0] if len(found) == 1 and key == "primary" else {}
