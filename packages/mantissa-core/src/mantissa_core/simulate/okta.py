"""System Log events as Okta writes them.

Source: https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .company import Device, Person, Place
from .draw import Draw

Event = dict[str, Any]
Entity = Mapping[str, Any]

MESSAGES = {
    "application.user_membership.add": "Add user to application membership",
    "app.oauth2.token.grant.access_token": "OIDC access token is granted",
    "group.user_membership.add": "Add user to group membership",
    "policy.evaluate_sign_on": "Evaluation of sign-on policy",
    "policy.rule.update": "Update policy rule",
    "system.api_token.create": "Create API token",
    "system.push.send_factor_verify_push": "Verify user identity",
    "user.account.lock": "Max sign in attempts exceeded",
    "user.account.privilege.grant": "Grant user privilege",
    "user.account.unlock_by_admin": "Unlock user account by admin",
    "user.account.update_password": "User update password for Okta",
    "user.authentication.auth_via_mfa": "Authentication of user via MFA",
    "user.authentication.sso": "User single sign on to app",
    "user.lifecycle.create": "Create Okta user",
    "user.mfa.factor.activate": "Activate factor or authenticator enrollment for user",
    "user.mfa.factor.deactivate": "Reset factor or authenticator enrollment for user",
    "user.mfa.factor.reset_all": "Reset all factors for user",
    "user.mfa.okta_verify.deny_push": "User rejected Okta push verify",
    "user.session.access_admin_app": "User accessing Okta admin app",
    "user.session.end": "User logout from Okta",
    "user.session.start": "User login to Okta",
}
"""Okta's display message of each event type that is simulated."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who acts, from where and with what. ``id`` ties the events of one sign-in together."""

    actor: Entity
    place: Place
    device: Device
    id: str


def user(person: Person) -> Entity:
    """A person as actor or target."""
    return _entity(person.okta_id, "User", person.login, person.name)


def app(name: str) -> Entity:
    """An application as target. Its id follows from its name."""
    return _entity("0oa" + Draw("app", name).text(17), "AppInstance", name, name)


def policy(name: str) -> Entity:
    """A sign-on policy as target. Its id follows from its name."""
    return {
        **_entity("00p" + Draw("policy", name).text(17), "PolicyEntity", "unknown", name),
        "detailEntry": {"policyType": "OktaSignOn"},
    }


def session(draw: Draw, person: Person, place: Place | None = None, device: Device | None = None) -> Session:
    """A fresh session of a person, by default from the usual place with the usual device."""
    return Session(user(person), place or person.place, device or person.device, "102" + draw.text(22))


def event(
    draw: Draw,
    session: Session,
    when: datetime,
    kind: str,
    targets: Sequence[Entity] = (),
    *,
    result: str = "SUCCESS",
    reason: str | None = None,
    severity: str = "INFO",
    uri: str = "/api/v1/authn",
    debug: Mapping[str, Any] | None = None,
) -> Event:
    """One event. ``debug`` is added to ``debugContext.debugData``."""
    request = draw.text(24)
    where = _geography(session.place)
    data = {"requestId": request, "requestUri": uri, "threatSuspected": "false", "url": f"{uri}?", **(debug or {})}
    return {
        "actor": session.actor,
        "client": {
            "userAgent": {
                "rawUserAgent": session.device.agent,
                "os": session.device.os,
                "browser": session.device.browser,
            },
            "zone": "null",
            "device": "Computer",
            "id": None,
            "ipAddress": session.place.ip,
            "geographicalContext": where,
        },
        "device": None,
        "authenticationContext": {
            "authenticationProvider": None,
            "credentialProvider": None,
            "credentialType": None,
            "issuer": None,
            "interface": None,
            "authenticationStep": 0,
            "externalSessionId": session.id,
        },
        "displayMessage": MESSAGES[kind],
        "eventType": kind,
        "outcome": {"result": result, "reason": reason},
        "published": f"{when:%Y-%m-%dT%H:%M:%S}.{draw.randrange(1000):03d}Z",
        "securityContext": {
            "asNumber": session.place.asn,
            "asOrg": session.place.network,
            "isp": session.place.network,
            "domain": "example.net",
            "isProxy": session.place.proxy,
        },
        "severity": severity,
        "debugContext": {"debugData": data},
        "legacyEventType": None,
        "transaction": {"type": "WEB", "id": request, "detail": {}},
        "uuid": draw.uuid(),
        "version": "0",
        "request": {
            "ipChain": [{"ip": session.place.ip, "geographicalContext": where, "version": "V4", "source": None}]
        },
        "target": list(targets) or None,
    }


def _entity(number: str, kind: str, alternate: str, name: str) -> dict[str, Any]:
    return {"id": number, "type": kind, "alternateId": alternate, "displayName": name, "detailEntry": None}


def _geography(place: Place) -> dict[str, Any]:
    return {
        "city": place.city,
        "state": place.state,
        "country": place.country,
        "postalCode": place.postal,
        "geolocation": {"lat": place.lat, "lon": place.lon},
    }
