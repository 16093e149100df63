"""Who a user is, by Entra ID's directory.

Reference: https://learn.microsoft.com/en-us/graph/api/user-get, …/user-list-memberof, …/userregistrationdetails-get.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mantissa_core.alert.enrich.facts import known, worth_asking
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Alert, Enrichment
from mantissa_core.vendor_api import Vendor, VendorClient, identity_of
from mantissa_core.vendor_api.http import http_client
from pydantic import Field

from .tenant import Tenant, sign_in

USERS = "/v1.0/users"
REGISTRATION = "/v1.0/reports/authenticationMethods/userRegistrationDetails"
MEMBERSHIPS = 100
"""Groups and roles that are read of a user; the first ones are told."""
_SELECT = "id,displayName,jobTitle,department,accountEnabled,userType"
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NAME = re.compile(r"(?=.{1,113}$)[A-Za-z0-9'._!#^~-]+@[A-Za-z0-9.-]+")
"""Object ids, and what Entra ID admits as a user principal name: nothing else is asked about."""
_DIRECTORY = Vendor(
    "Microsoft Graph",
    request_id="request-id",
    error_code="error.code",
    remedies={
        401: "Microsoft Graph refuses the access token: check tenant_id, and graph_url for a national cloud",
        403: "Microsoft Graph refuses: the application takes the permissions User.Read.All and, for groups and roles, "
        "Directory.Read.All; with 'sign_ins' also AuditLog.Read.All; each with the consent of an administrator",
        404: "There is no Microsoft Graph at this address: check graph_url",
    },
    code_remedies={
        "Authentication_RequestFromNonPremiumTenantOrB2CTenant": "'sign_ins' takes a licence for Microsoft Entra ID P1 "
        "or P2, which the tenant does not have",
    },
)


class Users:
    """Tells of users by user principal name or object id."""

    about = ("user",)

    class Config(Tenant):
        """Settings of ``entra.users``."""

        groups: bool = True
        """Whether a user's groups and roles are read, which takes a request."""
        sign_ins: bool = False
        """Whether the last sign-in is read, and if a second factor is registered: two requests, and a licence."""
        timeout: float = Field(default=3, gt=0, le=10)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._logins = http_client("mantissa-entra", config.timeout)
        auth = sign_in(config, config.graph_url, self._logins)
        auth.identity = identity_of(auth.identity, "directory")  # the reports' low limit is another one
        self._api = VendorClient(_DIRECTORY, config.graph_url, auth, timeout=config.timeout)

    @hookimpl
    def check(self) -> None:
        """Read one user, with all that is asked for of an alert's users."""
        for each in self._api.get(USERS, {"$top": "1", "$select": "id"}).records("value"):
            self._user(str(each.get("id")))

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        """What the directory says of the alert's users."""
        names = [each for each in worth_asking(alert, self.about) if _ID.fullmatch(each) or _NAME.fullmatch(each)]
        users = {name: facts for name in names if (facts := self._user(name))}
        return Enrichment({"users": users}) if users else None

    def close(self) -> None:
        """Release the connections."""
        self._api.close()
        self._logins.close()

    def _user(self, name: str) -> Mapping[str, Any] | None:
        query = {"$select": _SELECT, "$expand": "manager($select=displayName)"}
        user = self._api.find(f"{USERS}/{quote(name, safe='')}", query)
        if user is None:
            return None
        own = quote(str(user.at("id")), safe="")  # sign-ins and registrations are found by id alone
        return known(
            name=user.at("displayName"),
            title=user.at("jobTitle"),
            department=user.at("department"),
            manager=user.at("manager.displayName"),
            status=_status(user.at("accountEnabled"), user.at("userType")),
            **(self._memberships(own) if self._config.groups else {}),
            **(self._sign_ins(own) if self._config.sign_ins else {}),
        )

    def _memberships(self, own: str) -> dict[str, Any]:
        """Names of groups and roles; Graph leaves out the names of what the application may not read."""
        answer = self._api.find(f"{USERS}/{own}/memberOf", {"$select": "id,displayName", "$top": str(MEMBERSHIPS)})
        found = answer.records("value") if answer else []
        return {"groups": _names(found, "group"), "roles": _names(found, "directoryRole")}

    def _sign_ins(self, own: str) -> dict[str, Any]:
        activity = self._api.find(f"{USERS}/{own}", {"$select": "signInActivity"})
        registered = self._api.find(f"{REGISTRATION}/{own}")  # there is none of a disabled user
        return {
            "last_login": activity.at("signInActivity.lastSignInDateTime") if activity else None,
            "mfa": registered.at("isMfaRegistered") if registered else None,
        }


def _names(found: list[dict[str, Any]], kind: str) -> list[str]:
    kinds = {f"#microsoft.graph.{kind}"}
    return [str(each["displayName"]) for each in found if each.get("@odata.type") in kinds and each.get("displayName")]


def _status(enabled: Any, kind: Any) -> str:
    state = {True: "active", False: "disabled"}.get(enabled, "") if isinstance(enabled, bool) else ""
    return ", ".join(filter(None, [state, "guest" if kind == "Guest" else ""]))
