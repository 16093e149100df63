"""Entra ID's sign-ins, audit log and risk detections, from Microsoft Graph.

Reference: https://learn.microsoft.com/en-us/graph/api/resources/azure-ad-auditlog-overview
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.vendor_api import Batch, VendorClient, Walk, WindowReader, next_address
from mantissa_core.vendor_api.http import http_client
from pydantic import Field

from .graph_logs import BETA, GRAPH, LOGS, Log, Name
from .tenant import Tenant, sign_in

NEXT = "@odata.nextLink"


class GraphCollector:
    """Collects the logs of one Entra tenant."""

    class Config(Tenant):
        """Settings of ``entra.graph``."""

        logs: tuple[Name, ...] = Field(default=("signins", "audits", "risk_detections"), min_length=1)
        """Which logs are read; the other kinds of sign-ins are in Microsoft Graph's beta only."""
        beta: bool = False
        """Read interactive sign-ins from the beta too: with the protocol, the factors, the user agent and more."""
        page_size: int = Field(default=1000, ge=1, le=1000)
        """Events per request; Microsoft Graph gives at most 1,000, of risk detections 500."""
        overlap_minutes: float = Field(default=15, ge=0, le=1440)
        """How late events may appear: that much is read again at each poll, repeats are dropped by id."""
        delay_minutes: float = Field(default=5, ge=0, le=1440)
        """How far behind the present a window ends: until then most events have appeared."""
        requests_per_minute: float = Field(default=30, gt=0, le=600)
        """Microsoft allows five in ten seconds for its reports, to all who read with one application."""
        timeout: float = Field(default=60, gt=0, le=300)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._overlap = timedelta(minutes=config.overlap_minutes)
        self._logins = http_client("mantissa-entra", config.timeout)
        self._api = VendorClient(
            GRAPH,
            config.graph_url,
            sign_in(config, config.graph_url, self._logins),
            timeout=config.timeout,
            per_minute=config.requests_per_minute,
            burst=5,
        )
        second = timedelta(seconds=1)
        self._logs = {name: LOGS[name] for name in config.logs}
        if config.beta and "signins" in self._logs:
            self._logs["signins"] = replace(LOGS["signins"], version=BETA)
        self._readers = {
            str(name): WindowReader(GRAPH.name, partial(self._fetch, log), self._overlap, second)
            for name, log in self._logs.items()
        }

    @hookimpl
    def check(self) -> None:
        """Ask each log for one event."""
        for log in self._logs.values():
            self._api.get(log.version + log.path, {"$top": "1"}).records("value")

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """A stream for each log."""
        delay = timedelta(minutes=self._config.delay_minutes)
        return [Stream(name, log.log_type, overlap=self._overlap, delay=delay) for name, log in self._logs.items()]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        return self._readers[stream.name].read(window, state)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()
        self._logins.close()

    def _fetch(self, log: Log, walk: Walk) -> Batch:
        """A page. Both bounds are part of it, Graph knows no others; the cursor is the address of the next one."""
        if walk.cursor is None:
            since, until = (_second(moment) for moment in (walk.since, walk.until))
            query = {"$filter": f"{log.time} ge {since} and {log.time} le {until}{log.only}"}
            query["$top"] = str(min(self._config.page_size, log.most))
            answer = self._api.get(log.version + log.path, query)
        else:
            answer = self._api.get(walk.cursor, cursor_refused={400, 410})
        return Batch([log.record(event) for event in answer.records("value")], next_address(answer, NEXT))


def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
