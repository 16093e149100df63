"""The collector ``acme.gadget``: ``GET /v1/gadget``, page by page.

Acme takes ``since`` (inclusive), ``until`` (exclusive), ``limit`` and ``cursor``, and answers
``{"events": [...], "next": "<cursor>" or null}``. A cursor is opaque and expires: 410.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.vendor_api import BaseUrl, Batch, Bearer, Vendor, VendorClient, Walk, WindowReader, in_body
from pydantic import Field, SecretStr

LOG_TYPE = "acme.gadget"
VENDOR = Vendor("Acme")


class Gadget:
    """Collects the events of one Acme account."""

    class Config(PluginConfig):
        """Settings of ``acme.gadget``."""

        url: BaseUrl
        """Address of the API."""
        token: SecretStr = Field(json_schema_extra={"env": "ACME_TOKEN"})
        """API token that may read the events."""
        page_size: int = Field(default=500, ge=1, le=1000)
        """Events per request."""
        overlap_minutes: float = Field(default=10, ge=0, le=1440)
        """How late events may appear: that much is read again, repeats are dropped by id."""
        timeout: float = Field(default=30, gt=0, le=300)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._overlap = timedelta(minutes=config.overlap_minutes)
        self._api = VendorClient(VENDOR, config.url, Bearer(config.token), timeout=config.timeout)
        self._reader = WindowReader(VENDOR.name, self._fetch, self._overlap)

    @hookimpl
    def check(self) -> None:
        """Read one event."""
        self._api.get("/v1/gadget", {"limit": "1"}).records("events")

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """An account has one sequence of events."""
        return [Stream("events", LOG_TYPE, overlap=self._overlap)]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        return self._reader.read(window, state)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _fetch(self, walk: Walk) -> Batch:
        """Ask for one page of a walk through time."""
        query = {"since": walk.since.isoformat(), "until": walk.until.isoformat(), "limit": str(self.config.page_size)}
        if walk.cursor is None:
            answer = self._api.get("/v1/gadget", query)
        else:
            answer = self._api.get("/v1/gadget", {**query, "cursor": walk.cursor}, cursor_refused={410})
        return Batch(answer.records("events"), in_body(answer, "next"))
