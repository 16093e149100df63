"""Microsoft Graph's logs of Entra ID: where they are, what they take, and what a refusal means.

References: https://learn.microsoft.com/en-us/graph/api/signin-list, …/directoryaudit-list, …/riskdetection-list.
Events are handed over as diagnostic settings export them: Graph's object under ``properties``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import httpx
from mantissa_core.errors import MantissaError, NeedsOperator
from mantissa_core.vendor_api import Vendor

Name = Literal[
    "signins",
    "audits",
    "risk_detections",
    "noninteractive_signins",
    "service_principal_signins",
    "managed_identity_signins",
]
STABLE, BETA = "/v1.0", "/beta"


@dataclass(frozen=True, slots=True)
class Log:
    """One of Graph's logs.

    ``version`` is that of the API, ``time`` the property that windows are about, ``most`` the largest page, ``only``
    what is asked for besides.
    """

    version: str
    path: str
    log_type: str
    time: str
    most: int
    permission: str
    licence: str
    record: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    only: str = ""


def _sign_in(category: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
    status = event.get("status")
    code = status.get("errorCode") if isinstance(status, dict) else None
    known = {} if code is None else {"resultType": str(code), "resultSignature": "FAILURE" if code else "SUCCESS"}
    head = {"time": event.get("createdDateTime"), "category": category, "operationName": "Sign-in activity"}
    return {**head, **known, "properties": event}


def _audit(event: Mapping[str, Any]) -> Mapping[str, Any]:
    head = {"time": event.get("activityDateTime"), "category": "AuditLogs"}
    return {**head, "operationName": event.get("activityDisplayName"), "properties": event}


def _risk_detection(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"time": event.get("detectedDateTime"), "category": "UserRiskEvents", "properties": event}


def _sign_ins(version: str, category: str, kind: str = "") -> Log:
    """Sign-ins of one kind; without one those that Graph gives unasked, the interactive ones."""
    only = f" and signInEventTypes/any(t: t eq '{kind}')" if kind else ""
    return Log(
        version,
        "/auditLogs/signIns",
        "entra.signin",
        "createdDateTime",
        1000,
        "AuditLog.Read.All",
        "Microsoft Entra ID P1 or P2",
        partial(_sign_in, category),
        only,
    )


LOGS: Mapping[Name, Log] = {
    "signins": _sign_ins(STABLE, "SignInLogs"),
    "audits": Log(
        STABLE,
        "/auditLogs/directoryAudits",
        "entra.audit",
        "activityDateTime",
        1000,
        "AuditLog.Read.All",
        "Microsoft Entra ID",
        _audit,
    ),
    "risk_detections": Log(
        STABLE,
        "/identityProtection/riskDetections",
        "entra.risk_detection",
        "detectedDateTime",
        500,
        "IdentityRiskEvent.Read.All",
        "Microsoft Entra ID P1 or P2",
        _risk_detection,
    ),
    "noninteractive_signins": _sign_ins(BETA, "NonInteractiveUserSignInLogs", "nonInteractiveUser"),
    "service_principal_signins": _sign_ins(BETA, "ServicePrincipalSignInLogs", "servicePrincipal"),
    "managed_identity_signins": _sign_ins(BETA, "ManagedIdentitySignInLogs", "managedIdentity"),
}
_UNLICENSED = frozenset({"Authentication_RequestFromNonPremiumTenantOrB2CTenant"})


class Graph(Vendor):
    """Microsoft Graph, whose refusals depend on the log: each has its permission and its licence."""

    def refusal(self, response: httpx.Response) -> MantissaError | None:
        """As any vendor's, and of a 403 what exactly is missing."""
        log = next((log for log in LOGS.values() if response.url.path.endswith(log.path)), None)
        if response.status_code != httpx.codes.FORBIDDEN or log is None or self.throttles(response):
            return super().refusal(response)
        told = self.quoted(response)
        if self._code(response) in _UNLICENSED or "licen" in _message(response):
            return NeedsOperator(f"{log.path} takes a licence for {log.licence}, which the tenant does not have{told}")
        return NeedsOperator(
            f"{log.path} takes the application permission {log.permission} of Microsoft Graph, with the consent of an "
            f"administrator{told}"
        )


def _message(response: httpx.Response) -> str:
    """What a refusal says; it is looked at and never repeated."""
    return response.content[:4096].decode("utf-8", "replace").lower()


GRAPH = Graph(
    "Microsoft Graph",
    request_id="request-id",
    error_code="error.code",
    remedies={
        400: "Microsoft Graph refuses the query",
        401: "Microsoft Graph refuses the access token: check tenant_id, and graph_url for a national cloud",
        404: "There is no Microsoft Graph at this address: check graph_url",
    },
)
