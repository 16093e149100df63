"""The activity logs of Google Workspace, from the Reports API of the Admin SDK.

Reference: https://developers.google.com/workspace/admin/reports/reference/rest/v1/activities/list
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Annotated

from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.vendor_api import Answer, Batch, OAuth, VendorClient, Walk, WindowReader, in_body, timestamp
from mantissa_core.vendor_api.http import http_client
from pydantic import Field

from .activity import events_of
from .admin_sdk import REPORTS, REPORTS_SCOPE
from .service_account import Administrator, Delegated

Application = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
PROMPT = timedelta(minutes=30)
"""How late events may be of logs that Google calls near real time."""
LATE = timedelta(hours=4)
"""How late they may be of the others, for which Google names up to a few hours."""
NEAR_REAL_TIME = frozenset(
    {
        "access_transparency",
        "admin",
        "chat",
        "chrome",
        "context_aware_access",
        "drive",
        "mobile",
        "rules",
        "user_accounts",
    }
)


class Reports:
    """Collects the activities of one customer."""

    class Config(Administrator):
        """Settings of ``gworkspace.reports``."""

        applications: tuple[Application, ...] = Field(default=("admin", "login", "drive", "token"), min_length=1)
        """The applications whose activities are read, a stream each, by Google's names."""
        customer_id: str = ""
        """The customer, where the administrator has several; otherwise the administrator's own."""
        page_size: int = Field(default=1000, ge=1, le=1000)
        """Activities per request; Google gives at most 1,000."""
        overlap_minutes: float | None = Field(default=None, ge=0, le=4320)
        """How late events may appear, for every application; by default what Google says of each."""
        requests_per_minute: float = Field(default=600, gt=0, le=2400)
        """Requests a minute, of all streams together; Google allows 2,400 for each user of a project."""
        timeout: float = Field(default=60, gt=0, le=300)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._tokens = http_client("mantissa-google-workspace", config.timeout)
        self._api = VendorClient(
            REPORTS,
            config.api_url,
            OAuth(Delegated(config, REPORTS_SCOPE, REPORTS, self._tokens)),
            timeout=config.timeout,
            per_minute=config.requests_per_minute,
        )

    @hookimpl
    def check(self) -> None:
        """Ask for one activity of each application."""
        for application in self._config.applications:
            _activities(self._api.get(_path(application), self._query({"maxResults": "1"})))

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """A stream for each application."""
        return [Stream(name, "gworkspace.activity", overlap=self._overlap(name)) for name in self._config.applications]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        return WindowReader(REPORTS.name, partial(self._fetch, stream.name), stream.overlap).read(window, state)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()
        self._tokens.close()

    def _fetch(self, application: str, walk: Walk) -> Batch:
        """A page, the newest activities first. Both bounds are inclusive: one at ``until`` comes again.

        A record is an event: an activity with several makes as many (:mod:`.activity`).
        """
        query = {"startTime": timestamp(walk.since), "endTime": timestamp(walk.until)}
        query["maxResults"] = str(self._config.page_size)
        if walk.cursor is None:
            answer = self._api.get(_path(application), self._query(query))
        else:
            query["pageToken"] = walk.cursor
            answer = self._api.get(_path(application), self._query(query), cursor_refused={400})
        events = [event for activity in _activities(answer) for event in events_of(activity)]
        return Batch(events, in_body(answer, "nextPageToken"))

    def _query(self, query: Mapping[str, str]) -> Mapping[str, str]:
        customer = self._config.customer_id
        return {**query, "customerId": customer} if customer else query

    def _overlap(self, application: str) -> timedelta:
        if self._config.overlap_minutes is not None:
            return timedelta(minutes=self._config.overlap_minutes)
        return PROMPT if application in NEAR_REAL_TIME else LATE


def _path(application: str) -> str:
    return f"/admin/reports/v1/activity/users/all/applications/{application}"


def _activities(answer: Answer) -> list[dict[str, object]]:
    """The activities of a page. Where there are none Google leaves ``items`` out; ``kind`` tells that it is a page.

    Raises:
        Retry: it is something else.
    """
    if answer.at("items") is None and answer.at("kind") == "admin#reports#activities":
        return []
    return answer.records("items")
