"""Entra ID's sign-ins, audit log and risk detections, from Microsoft Graph.

References: https://learn.microsoft.com/en-us/graph/api/signin-list, …/directoryaudit-list, …/riskdetection-list.
Events are handed over as diagnostic settings export them: Graph's object under ``properties``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal

import httpx
from mantissa_core.errors import MantissaError, NeedsOperator
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.vendor_api import (
    AccessToken,
    Batch,
    ClientCredentials,
    OAuth,
    Origin,
    TokenEndpoint,
    Vendor,
    VendorClient,
    Walk,
    WindowReader,
    next_address,
    require_sendable,
)
from mantissa_core.vendor_api.http import http_client
from pydantic import Field, SecretStr, StringConstraints

Name = Literal["signins", "audits", "risk_detections"]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,100}$")]
NEXT = "@odata.nextLink"


@dataclass(frozen=True, slots=True)
class Log:
    """One of Graph's logs. ``time`` is the property that windows are about, ``most`` the largest page."""

    path: str
    log_type: str
    time: str
    most: int
    permission: str
    licence: str
    record: Callable[[Mapping[str, Any]], Mapping[str, Any]]


def _sign_in(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """As exports have it. Of Graph's version 1.0 all are interactive."""
    status = event.get("status")
    code = status.get("errorCode") if isinstance(status, dict) else None
    known = {} if code is None else {"resultType": str(code), "resultSignature": "FAILURE" if code else "SUCCESS"}
    head = {"time": event.get("createdDateTime"), "category": "SignInLogs", "operationName": "Sign-in activity"}
    return {**head, **known, "properties": event}


def _audit(event: Mapping[str, Any]) -> Mapping[str, Any]:
    head = {"time": event.get("activityDateTime"), "category": "AuditLogs"}
    return {**head, "operationName": event.get("activityDisplayName"), "properties": event}


def _risk_detection(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"time": event.get("detectedDateTime"), "category": "UserRiskEvents", "properties": event}


LOGS: Mapping[Name, Log] = {
    "signins": Log(
        "/v1.0/auditLogs/signIns", "entra.signin", "createdDateTime", 1000,
        "AuditLog.Read.All", "Microsoft Entra ID P1 or P2", _sign_in,
    ),
    "audits": Log(
        "/v1.0/auditLogs/directoryAudits", "entra.audit", "activityDateTime", 1000,
        "AuditLog.Read.All", "none", _audit,
    ),
    "risk_detections": Log(
        "/v1.0/identityProtection/riskDetections", "entra.risk_detection", "detectedDateTime", 500,
        "IdentityRiskEvent.Read.All", "Microsoft Entra ID P1 or P2", _risk_detection,
    ),
}  # fmt: skip
_UNLICENSED = frozenset({"Authentication_RequestFromNonPremiumTenantOrB2CTenant"})


class Graph(Vendor):
    """Microsoft Graph, whose refusals depend on the log: each has its permission and its licence."""

    def refusal(self, response: httpx.Response) -> MantissaError | None:
        """As any vendor's, and of a 403 what exactly is missing."""
        log = next((log for log in LOGS.values() if response.url.path == log.path), None)
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
ENTRA = Vendor(
    "Entra ID",
    request_id="x-ms-request-id",
    remedies={404: "Entra ID knows no such tenant: check tenant_id, and login_url for a national cloud"},
)


class _Application(ClientCredentials):
    """Says which settings a refusal is about; Entra ID's own words are not repeated."""

    def fetch(self) -> AccessToken:
        try:
            return super().fetch()
        except NeedsOperator as error:
            raise NeedsOperator(
                f"{error}: tenant_id, client_id and client_secret must belong together; client_secret is the secret's "
                "value, not its id, and it expires"
            ) from None


class GraphCollector:
    """Collects the logs of one Entra tenant."""

    class Config(PluginConfig):
        """Settings of ``entra.graph``."""

        tenant_id: Id = Field(json_schema_extra={"env": ["AZURE_TENANT_ID", "TENANT_ID"]})
        """Id or domain of the tenant."""
        client_id: Id = Field(json_schema_extra={"env": "AZURE_CLIENT_ID"})
        """Application (client) id of the app registration."""
        client_secret: SecretStr = Field(json_schema_extra={"env": "AZURE_CLIENT_SECRET"})
        """Value of a client secret of it."""
        logs: tuple[Name, ...] = Field(default=tuple(LOGS), min_length=1)
        """Which logs are read: signins, audits, risk_detections."""
        page_size: int = Field(default=1000, ge=1, le=1000)
        """Events per request; Microsoft Graph gives at most 1,000, of risk detections 500."""
        overlap_minutes: float = Field(default=15, ge=0, le=1440)
        """How late events may appear: that much is read again at each poll, repeats are dropped by id."""
        delay_minutes: float = Field(default=5, ge=0, le=1440)
        """How far behind the present a window ends: until then most events have appeared."""
        requests_per_minute: float = Field(default=30, gt=0, le=600)
        """Microsoft allows five in ten seconds for its reports, to all who read with one application."""
        graph_url: Origin = "https://graph.microsoft.com"
        """Address of Microsoft Graph; national clouds have their own."""
        login_url: Origin = "https://login.microsoftonline.com"
        """Address where Entra ID gives tokens; national clouds have their own."""
        timeout: float = Field(default=60, gt=0, le=300)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        require_sendable(config.client_secret.get_secret_value(), "client_secret")
        self._config = config
        self._overlap = timedelta(minutes=config.overlap_minutes)
        self._logins = http_client("mantissa-entra", config.timeout)
        endpoint = TokenEndpoint(ENTRA, f"{config.login_url}/{config.tenant_id}/oauth2/v2.0/token", self._logins)
        scope = {"scope": f"{config.graph_url}/.default"}
        self._api = VendorClient(
            GRAPH,
            config.graph_url,
            OAuth(_Application(endpoint, config.client_id, config.client_secret, extra=scope)),
            timeout=config.timeout,
            per_minute=config.requests_per_minute,
            burst=5,
        )
        second = timedelta(seconds=1)
        self._readers = {
            name: WindowReader(GRAPH.name, partial(self._fetch, LOGS[name]), self._overlap, second)
            for name in dict.fromkeys(config.logs)
        }

    @hookimpl
    def check(self) -> None:
        """Ask each log for one event."""
        for name in self._readers:
            self._api.get(LOGS[name].path, {"$top": "1"}).records("value")

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """A stream for each log."""
        delay = timedelta(minutes=self._config.delay_minutes)
        return [Stream(name, LOGS[name].log_type, overlap=self._overlap, delay=delay) for name in self._readers]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        return self._readers[stream.name].read(window, state)  # type: ignore[index]  # our own stream's name

    def close(self) -> None:
        """Release the connections."""
        self._api.close()
        self._logins.close()

    def _fetch(self, log: Log, walk: Walk) -> Batch:
        """A page. Both bounds are part of it, Graph knows no others; the cursor is the address of the next one."""
        if walk.cursor is None:
            since, until = (_second(moment) for moment in (walk.since, walk.until))
            query = {"$filter": f"{log.time} ge {since} and {log.time} le {until}"}
            answer = self._api.get(log.path, {**query, "$top": str(min(self._config.page_size, log.most))})
        else:
            answer = self._api.get(walk.cursor, cursor_refused={400, 410})
        return Batch([log.record(event) for event in answer.records("value")], next_address(answer, NEXT))


def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
