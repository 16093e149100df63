"""The audit log of a Microsoft 365 tenant, from the Office 365 Management Activity API.

Reference: https://learn.microsoft.com/en-us/office/office-365-management-api/office-365-management-activity-api-reference
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal
from uuid import UUID

import httpx
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Page, Rejected, Stream, Window
from mantissa_core.vendor_api import (
    Answer,
    Batch,
    ClientCredentials,
    CursorRefused,
    OAuth,
    Origin,
    TokenEndpoint,
    VendorClient,
    Walk,
    WindowReader,
    require_sendable,
)
from mantissa_core.vendor_api.http import http_client
from pydantic import Field, SecretStr

from .content import Content, Place
from .management_api import ALREADY_ENABLED, GONE, INVALID_PAGE, MICROSOFT, NO_SUBSCRIPTION, Refused

ContentType = Literal["Audit.AzureActiveDirectory", "Audit.Exchange", "Audit.SharePoint", "Audit.General", "DLP.All"]
KEPT = timedelta(days=7) - timedelta(minutes=5)
"""Microsoft lists content of the last seven days; a request takes a while."""
EVENTS = 5_000
"""Events after which a page ends, so that it fits into memory however much is listed."""
FIRST_CONTENT = 900.0
"""Seconds after which a new subscription is asked for content. The first may take 12 hours to appear."""


def now_utc() -> datetime:
    """The present."""
    return datetime.now(UTC)


class ManagementActivity:
    """Collects the audit log of one tenant."""

    class Config(PluginConfig):
        """Settings of ``m365.management_activity``."""

        tenant_id: UUID = Field(json_schema_extra={"env": "TENANT_ID"})
        """Id of the tenant (directory), a GUID."""
        client_id: str = Field(json_schema_extra={"env": "AZURE_CLIENT_ID"})
        """Id of the application that is registered in the tenant."""
        client_secret: SecretStr = Field(json_schema_extra={"env": "AZURE_CLIENT_SECRET"})
        """A client secret of the application: its value, not its id."""
        content_types: tuple[ContentType, ...] = Field(
            default=("Audit.AzureActiveDirectory", "Audit.Exchange", "Audit.SharePoint", "Audit.General"), min_length=1
        )
        """What is collected, a stream each."""
        start_subscriptions: bool = True
        """Whether a subscription that there is not is started. Otherwise the operator is asked to."""
        publisher_identifier: str = ""
        """Tenant id of who wrote the client, by which Microsoft counts requests; tenant_id where none is given."""
        api_url: Origin = "https://manage.office.com"
        """Address of the API; that of a national cloud where the tenant is in one."""
        login_url: Origin = "https://login.microsoftonline.com"
        """Where access tokens are given; that of a national cloud where the tenant is in one."""
        overlap_minutes: float = Field(default=15, ge=0, le=1440)
        """How long after it became available content may appear in the list: that much is read again at each poll."""
        requests_per_minute: float = Field(default=1000, gt=0, le=10_000)
        """Requests a minute, of all streams together. Microsoft allows a tenant 2,000, or more."""
        timeout: float = Field(default=60, gt=0, le=300)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = now_utc) -> None:
        require_sendable(config.client_secret.get_secret_value(), "client_secret")
        self._types, self._starts, self._clock = config.content_types, config.start_subscriptions, clock
        self._overlap = timedelta(minutes=config.overlap_minutes)
        self._root = f"/api/v1.0/{config.tenant_id}/activity/feed"
        self._publisher = {"PublisherIdentifier": config.publisher_identifier or str(config.tenant_id)}
        self._tokens = http_client("mantissa-m365", config.timeout)
        self._api = VendorClient(
            MICROSOFT,
            config.api_url,
            _auth(config, self._tokens),
            timeout=config.timeout,
            per_minute=config.requests_per_minute,
        )

    @hookimpl
    def check(self) -> None:
        """Ask for the subscriptions; one that is missing and shall not be started needs the operator."""
        found = self._get("/subscriptions/list").records()
        states = {each.get("contentType"): each.get("status", "enabled") for each in found}
        disabled = [name for name in self._types if states.get(name, "enabled") != "enabled"]
        if disabled:
            raise NeedsOperator(f"the subscription to {', '.join(disabled)} is disabled: start it again at Microsoft")
        missing = [name for name in self._types if name not in states]
        if missing and not self._starts:
            raise NeedsOperator(f"{_no_subscription(*missing)}: start it, or set start_subscriptions = true")

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """A stream for each type of content. Windows select by when content became available."""
        return [Stream(name, "m365.audit", overlap=self._overlap, by_arrival=True) for name in self._types]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``.

        What became available too long ago is given up with a dead letter: Microsoft does not give it to anybody.
        """
        oldest = self._clock() - KEPT
        if window.start < oldest:
            lost = Window(window.start, min(oldest, window.end))
            yield Page({}, complete_until=lost.end, more=lost.end < window.end, rejected=[_too_old(stream, lost)])
            window, state = Window(lost.end, window.end), {}
        if window.start < window.end:
            fetch = partial(self._fetch, stream.name)
            yield from WindowReader(MICROSOFT.name, fetch, self._overlap, timedelta(seconds=1)).read(window, state)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()
        self._tokens.close()

    def _fetch(self, content_type: str, walk: Walk) -> Batch:
        """Fetch content of one page of the listing, all of it or as much as makes a page of ours."""
        place = Place.from_text(walk.cursor)
        answer = self._list(content_type, walk, place)
        rest = place.rest(Content.listed(answer))
        events: list[dict[str, Any]] = []
        rejected: list[Rejected] = []
        for number, content in enumerate(rest, start=1):
            found, none = self._events(content)
            events += found
            rejected += none
            if len(events) >= EVENTS and number < len(rest):
                return Batch(events, Place(place.page, content.id).to_text(), rejected)
        following = _next_page(answer)
        return Batch(events, Place(following).to_text() if following else None, rejected)

    def _list(self, content_type: str, walk: Walk, place: Place) -> Answer:
        query = {"contentType": content_type, "startTime": _second(walk.since), "endTime": _second(walk.until)}
        if place.page:
            query["nextPage"] = place.page
        try:
            return self._get("/subscriptions/content", query)
        except Refused as refused:
            if refused.code == INVALID_PAGE and place.page:
                raise CursorRefused from None
            if refused.code == NO_SUBSCRIPTION:
                raise self._subscribe(content_type) from None
            raise

    def _subscribe(self, content_type: str) -> Retry | NeedsOperator:
        """Start a subscription, where that is wanted. Its content appears later: nothing counts as read before."""
        missing = _no_subscription(content_type)
        if not self._starts:
            return NeedsOperator(f"{missing}: start it, or set start_subscriptions = true")
        try:
            self._api.request(
                "POST", f"{self._root}/subscriptions/start", query={"contentType": content_type, **self._publisher}
            )
        except Refused as refused:
            if refused.code != ALREADY_ENABLED:
                raise
        return Retry(f"{missing}: it was started, its first content may take 12 hours", after=FIRST_CONTENT)

    def _events(self, content: Content) -> tuple[list[dict[str, Any]], list[Rejected]]:
        try:
            return content.events(self._api.get(content.path, self._publisher))
        except Refused as refused:
            if refused.code not in GONE:
                raise
            return [], [content.lost(str(refused))]

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        return self._api.get(self._root + path, {**(query or {}), **self._publisher})


def _auth(config: ManagementActivity.Config, http: httpx.Client) -> OAuth:
    endpoint = TokenEndpoint(MICROSOFT, f"{config.login_url}/{config.tenant_id}/oauth2/v2.0/token", http)
    scope = {"scope": f"{config.api_url}/.default"}
    return OAuth(ClientCredentials(endpoint, config.client_id, config.client_secret, extra=scope))


def _next_page(answer: Answer) -> str:
    """What the header ``NextPageUri`` says of the next page. The address itself is not followed.

    Raises:
        Retry: it says nothing about the page.
    """
    address = answer.response.headers.get("NextPageUri", "")
    if not address:
        return ""
    try:
        page = httpx.URL(address).params.get("nextPage", "")
    except httpx.InvalidURL:
        page = ""
    if not page:
        raise Retry(f"{answer.vendor}'s next page has no address{answer.quoted}")
    return str(page)


def _no_subscription(*content_types: str) -> str:
    return f"there is no subscription to {', '.join(content_types)}"


def _too_old(stream: Stream, lost: Window) -> Rejected:
    span = f"{stream.name} {lost.start.isoformat()} to {lost.end.isoformat()}".encode()
    return Rejected(span, "Microsoft lists content of the last seven days only: this span is lost", 0, len(span))


def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
