"""Salesforce's event log files and login history, from the REST API.

Reference: https://developer.salesforce.com/docs/platform/api-rest/guide/resources-query.html and, for the access token,
https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_jwt_flow.htm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Literal

from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.vendor_api import (
    Batch,
    JWTBearer,
    OAuth,
    Origin,
    TokenEndpoint,
    Vendor,
    VendorClient,
    Walk,
    WindowReader,
    next_address,
    timestamp,
)
from mantissa_core.vendor_api.http import http_client
from mantissa_core.vendor_api.jwt import private_key
from pydantic import Field, SecretStr, StringConstraints

from .event_log_files import EventLogFiles, Interval

NAME = "Salesforce"
LogName = Literal["event_log", "login"]
EVENT_LOG: Literal["event_log"] = "event_log"
LOGIN: Literal["login"] = "login"
OBJECTS = {EVENT_LOG: "EventLogFile", LOGIN: "LoginHistory"}
FILES_OVERLAP = timedelta(hours=1)
"""How late a file may appear behind the time at which it says that it was made."""
EventType = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,100}$")]


class SalesforceLogs:
    """Collects the logs of one organisation."""

    class Config(PluginConfig):
        """Settings of ``salesforce.logs``."""

        instance_url: Origin = Field(json_schema_extra={"env": "SALESFORCE_INSTANCE_URL"})
        """Address of the organisation, such as https://example.my.salesforce.com."""
        client_id: str = Field(json_schema_extra={"env": "SALESFORCE_CLIENT_ID"})
        """Consumer key of the connected app, or external client app."""
        username: str = Field(json_schema_extra={"env": "SALESFORCE_USERNAME"})
        """The user as whom the logs are read."""
        private_key: SecretStr = Field(json_schema_extra={"env": "SALESFORCE_PRIVATE_KEY"})
        """RSA key in PEM, whose certificate the app has."""
        audience: Origin = "https://login.salesforce.com"
        """Whom the assertion is for; of a sandbox https://test.salesforce.com."""
        logs: tuple[LogName, ...] = Field(default=(EVENT_LOG, LOGIN), min_length=1)
        """Which logs are read."""
        interval: Interval = "Hourly"
        """Which event log files are read: those of each hour, or of each day. They hold the same events."""
        event_types: tuple[EventType, ...] = ()
        """Types of event log files that are read, such as Login and ReportExport; all of them where none is given."""
        api_version: str = Field(default="62.0", pattern=r"^[1-9][0-9]\.0$")
        """Version of the REST API."""
        overlap_minutes: float = Field(default=15, ge=0, le=1440)
        """How late sign-ins may appear: that much is read again at each poll, repeats are dropped by id."""
        requests_per_minute: float = Field(default=60, gt=0, le=600)
        """Requests count against the organisation's limit for 24 hours."""
        timeout: float = Field(default=60, gt=0, le=600)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self._data = f"/services/data/v{config.api_version}"
        self._overlap = timedelta(minutes=config.overlap_minutes)
        self._tokens = http_client("mantissa-salesforce", config.timeout)
        endpoint = TokenEndpoint(Vendor(NAME), f"{config.instance_url}/services/oauth2/token", self._tokens)
        claims = {"iss": config.client_id, "sub": config.username, "aud": config.audience}
        scheme = OAuth(JWTBearer(endpoint, claims, private_key(config.private_key)))
        self._apis = {
            name: VendorClient(
                VENDORS[name],
                config.instance_url,
                scheme,
                timeout=config.timeout,
                per_minute=config.requests_per_minute,
                burst=30,
            )
            for name in config.logs
        }
        if EVENT_LOG in self._apis:
            self._files = EventLogFiles(
                self._apis[EVENT_LOG], self._data, config.interval, config.event_types, FILES_OVERLAP
            )
        self._logins = WindowReader(NAME, self._sign_ins, self._overlap)

    @hookimpl
    def check(self) -> None:
        """Ask each log for one entry, and say what all of them lack."""
        lacking: dict[str, None] = {}
        for name, api in self._apis.items():
            try:
                api.get(f"{self._data}/query", {"q": f"SELECT Id FROM {OBJECTS[name]} LIMIT 1"}).records("records")
            except NeedsOperator as error:
                lacking[str(error)] = None
        if lacking:
            raise NeedsOperator("; ".join(lacking))

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """A stream for each log. Windows of event log files are about the time at which they were made."""
        overlaps = {EVENT_LOG: FILES_OVERLAP, LOGIN: self._overlap}
        return [Stream(name, f"salesforce.{name}", overlap=overlaps[name]) for name in self._apis]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        return (self._files if stream.name == EVENT_LOG else self._logins).read(window, state)

    def close(self) -> None:
        """Release the connections."""
        self._tokens.close()
        for api in self._apis.values():
            api.close()

    def _sign_ins(self, walk: Walk) -> Batch:
        """A page of the login history; Salesforce keeps the result of a query, and its place in it, for two days."""
        if walk.cursor is None:
            since, until = timestamp(walk.since), timestamp(walk.until)
            where = f"LoginTime >= {since} AND LoginTime < {until} ORDER BY LoginTime"
            soql = f"SELECT FIELDS(STANDARD) FROM LoginHistory WHERE {where}"
            answer = self._apis[LOGIN].get(f"{self._data}/query", {"q": soql})
        else:
            answer = self._apis[LOGIN].get(walk.cursor, cursor_refused={400, 404})
        cursor = next_address(answer, "nextRecordsUrl")
        if cursor is not None and not cursor.startswith(f"{self._data}/query/"):
            raise Retry(f"{NAME}'s next page is not at {self._data}/query{answer.quoted}")
        return Batch(answer.records("records"), cursor)


def _vendor(permissions: str) -> Vendor:
    """Salesforce as errors about one log name it."""
    return Vendor(
        NAME,
        error_code="0.errorCode",
        limit_codes=frozenset({"REQUEST_LIMIT_EXCEEDED"}),
        remedies={
            400: f"{NAME} refuses the query: the user needs {permissions}",
            401: f"{NAME} refuses the access token: check that the app is not blocked and the user is active",
            403: f"{NAME} does not let the user in: it needs the permission API Enabled, and {permissions}",
            404: f"There is no such API at this address: check instance_url and api_version. It needs {permissions}",
        },
    )


VENDORS = {
    EVENT_LOG: _vendor("the permission View Event Log Files, in an organisation that has Event Monitoring"),
    LOGIN: _vendor("the permission Manage Users or Monitor Login History"),
}
