"""Jamf Pro's action logs and the history of its settings, from the Jamf Pro API.

Reference: https://developer.jamf.com/jamf-pro/reference/jamf-pro-api and, for the access token,
https://developer.jamf.com/jamf-pro/docs/client-credentials. Pages are numbered from 0; filters are RSQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.vendor_api import (
    Answer,
    BaseUrl,
    Batch,
    ClientCredentials,
    OAuth,
    TokenEndpoint,
    Vendor,
    VendorClient,
    Walk,
    WindowReader,
    timestamp,
)
from mantissa_core.vendor_api.http import http_client
from pydantic import Field, SecretStr

NAME = "Jamf Pro"
LARGEST_PAGE = 2000


@dataclass(frozen=True, slots=True)
class Log:
    """One of the API's logs: its path below ``/api``, its field for the time, and the privilege that it needs."""

    path: str
    time: str
    privilege: str


LogName = Literal[
    "action-logs",
    "activation-code",
    "check-in",
    "cloud-distribution-point",
    "enrollment",
    "jamf-connect",
    "jamf-protect",
    "onboarding",
    "reenrollment",
    "smtp-server",
    "sso",
]
LOGS: Mapping[LogName, Log] = {
    "action-logs": Log("/v1/action-logs", "createdTime", "that reads action logs"),
    "activation-code": Log("/v1/activation-code/history", "date", "Read Activation Code"),
    "check-in": Log("/v3/check-in/history", "date", "Read Computer Check-In"),
    "cloud-distribution-point": Log("/v1/cloud-distribution-point/history", "date", "Read Cloud Distribution Point"),
    "enrollment": Log("/v2/enrollment/history", "date", "Read User-Initiated Enrollment"),
    "jamf-connect": Log("/v1/jamf-connect/history", "date", "Read Jamf Connect Settings"),
    "jamf-protect": Log("/v1/jamf-protect/history", "date", "Read Jamf Protect Settings"),
    "onboarding": Log("/v1/onboarding/history", "date", "Read Onboarding Configuration"),
    "reenrollment": Log("/v1/reenrollment/history", "date", "Read Re-enrollment"),
    "smtp-server": Log("/v1/smtp-server/history", "date", "Read SMTP Server"),
    "sso": Log("/v3/sso/history", "date", "Read SSO Settings"),
}


class JamfPro:
    """Collects what was done in one Jamf Pro."""

    class Config(PluginConfig):
        """Settings of ``jamf.pro``."""

        url: BaseUrl = Field(json_schema_extra={"env": "JAMF_URL"})
        """Address of Jamf Pro, such as https://example.jamfcloud.com."""
        client_id: str = Field(json_schema_extra={"env": "JAMF_CLIENT_ID"})
        """Client ID of the API client."""
        client_secret: SecretStr = Field(json_schema_extra={"env": "JAMF_CLIENT_SECRET"})
        """Its client secret."""
        logs: tuple[LogName, ...] = Field(default=tuple(LOGS), min_length=1)
        """Which logs are read; each needs a privilege of its own."""
        page_size: int = Field(default=200, ge=1, le=LARGEST_PAGE)
        """Entries per request."""
        overlap_minutes: float = Field(default=10, ge=0, le=1440)
        """How late entries may appear: that much is read again at each poll, repeats are dropped by id."""
        requests_per_minute: float = Field(default=120, gt=0, le=600)
        """Jamf Pro has no limit of its own, and asks for moderation."""
        timeout: float = Field(default=30, gt=0, le=300)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self._page_size, self._overlap = config.page_size, timedelta(minutes=config.overlap_minutes)
        self._tokens = http_client("mantissa-jamf-pro", config.timeout)
        endpoint = TokenEndpoint(Vendor(NAME), f"{config.url}/api/oauth/token", self._tokens)
        scheme = OAuth(ClientCredentials(endpoint, config.client_id, config.client_secret))
        self._apis = {
            name: VendorClient(
                _vendor(name),
                f"{config.url}/api",
                scheme,
                timeout=config.timeout,
                per_minute=config.requests_per_minute,
                burst=20,
            )
            for name in config.logs
        }

    @hookimpl
    def check(self) -> None:
        """Ask each log for one entry, and say what all of them lack."""
        lacking: dict[str, None] = {}
        for name, api in self._apis.items():
            try:
                api.get(LOGS[name].path, {"page": "0", "page-size": "1"}).records("results")
            except NeedsOperator as error:
                lacking[str(error)] = None
        if lacking:
            raise NeedsOperator("; ".join(lacking))

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """A stream for each log."""
        return [Stream(name, "jamf.pro", overlap=self._overlap) for name in self._apis]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        name: LogName = next(each for each in self._apis if each == stream.name)
        return WindowReader(NAME, lambda walk: self._fetch(name, walk), self._overlap).read(window, state)

    def close(self) -> None:
        """Release the connections."""
        self._tokens.close()
        for api in self._apis.values():
            api.close()

    def _fetch(self, name: LogName, walk: Walk) -> Batch:
        """A page of the entries of a window, the oldest first: what is added meanwhile comes behind."""
        log, number = LOGS[name], int(walk.cursor or 0)
        query = {
            "page": str(number),
            "page-size": str(self._page_size),
            "sort": f"{log.time}:asc",
            "filter": f"{log.time}>={timestamp(walk.since)};{log.time}<{timestamp(walk.until)}",
        }
        answer = self._apis[name].get(log.path, query)
        entries = answer.records("results")
        more = self._more(answer, number, len(entries))
        return Batch([{**entry, "log": name} for entry in entries], str(number + 1) if more else None)

    def _more(self, answer: Answer, number: int, count: int) -> bool:
        """Whether there is another page. A short page in the middle means that the pages are not what was asked for."""
        total = answer.at("totalCount")
        if not isinstance(total, int):
            raise Retry(f"{NAME}'s answer does not say how many entries there are{answer.quoted}")
        more = (number + 1) * self._page_size < total
        if more and count < self._page_size:
            raise Retry(
                f"{NAME} gave {count} instead of {self._page_size} entries though there are more: see page_size"
            )
        return more


def _vendor(name: LogName) -> Vendor:
    """Jamf Pro as errors about one log name it: 403 and 404 are about that log alone."""
    privilege = LOGS[name].privilege
    return Vendor(
        NAME,
        remedies={
            400: f"{NAME} refuses the query for {name}",
            401: f"{NAME} refuses the access token: check that the API client is enabled",
            403: f"{NAME} does not let the API client read {name}: its API role needs the privilege {privilege}",
            404: f"This {NAME} has no log {name}, its version may be too old: take it out of 'logs', or check url",
        },
    )
