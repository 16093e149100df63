"""The Okta System Log, read in bounded queries: ``GET /api/v1/logs``.

Reference: https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/ and
https://developer.okta.com/docs/reference/rl-best-practices/ for the rate-limit headers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.vendor_api import (
    Batch,
    HeaderToken,
    Origin,
    RateLimit,
    Vendor,
    VendorClient,
    Walk,
    WindowReader,
    in_link,
    timestamp,
)
from pydantic import Field, SecretStr

LOGS = "/api/v1/logs"
OKTA = Vendor(
    "Okta",
    request_id="X-Okta-Request-Id",
    error_code="errorCode",
    rate_limit=RateLimit("X-Rate-Limit-Remaining", "X-Rate-Limit-Reset", "epoch"),
    remedies={
        400: "Okta refuses the query: check the filter expression",
        401: "Okta refuses the API token: it was revoked or has expired, create a new one",
        403: "Okta does not let the API token read the System Log: its owner needs the role Read-only Administrator",
        404: "There is no Okta API at this address: check org_url",
    },
)


class SystemLog:
    """Collects the System Log of one Okta organisation."""

    class Config(PluginConfig):
        """Settings of ``okta.system``."""

        org_url: Origin = Field(json_schema_extra={"env": "OKTA_ORG_URL"})
        """Address of the organisation, such as https://example.okta.com (not the -admin address)."""
        api_token: SecretStr = Field(json_schema_extra={"env": "OKTA_API_TOKEN"})
        """API token of an administrator who may read the System Log."""
        page_size: int = Field(default=1000, ge=1, le=1000)
        """Events per request; Okta gives at most 1,000."""
        filter: str = ""
        """Okta filter expression; only events that match it are collected."""
        overlap_minutes: float = Field(default=10, ge=0, le=1440)
        """How late events may appear: that much is read again at each poll, repeats are dropped by id."""
        timeout: float = Field(default=30, gt=0, le=300)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._overlap = timedelta(minutes=config.overlap_minutes)
        token = HeaderToken(config.api_token, prefix="SSWS ", setting="api_token")
        self._api = VendorClient(OKTA, config.org_url, token, timeout=config.timeout)
        self._reader = WindowReader(OKTA.name, self._fetch, self._overlap)

    @hookimpl
    def check(self) -> None:
        """Read one event."""
        self._api.get(LOGS, {"limit": "1"}).records()

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """One stream: an organisation has one System Log."""
        return [Stream("system", "okta.system", overlap=self._overlap)]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        return self._reader.read(window, state)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _fetch(self, walk: Walk) -> Batch:
        """A page of one query.

        Okta may give a next link for ever, so an empty page ends the walk. A short page does not: Okta promises
        nothing about it, and one more request is cheaper than a lost event.
        """
        query = {"since": timestamp(walk.since), "until": timestamp(walk.until), "limit": str(self._config.page_size)}
        query["sortOrder"] = "ASCENDING"
        if self._config.filter:
            query["filter"] = self._config.filter
        if walk.cursor is None:
            answer = self._api.get(LOGS, query)
        else:
            answer = self._api.get(LOGS, {**query, "after": walk.cursor}, cursor_refused={400})
        events, cursor = answer.records(), in_link(answer, "after")
        return Batch(events, cursor if events else None)
