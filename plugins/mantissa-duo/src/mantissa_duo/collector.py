"""Duo's authentication, administrator and telephony logs, from its Admin API.

Reference: https://duo.com/docs/adminapi#logs. The authentication log is asked for by version 2 (milliseconds, a
cursor), the others by version 1 (seconds, the 1,000 earliest events from a time on).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.vendor_api import (
    Batch,
    Origin,
    Vendor,
    VendorClient,
    Walk,
    WindowReader,
    epoch_ms,
    in_body,
    require_sendable,
)
from pydantic import Field, SecretStr

from .signature import Digest, DuoSignature

AUTHENTICATION = "/admin/v2/logs/authentication"
ADMINISTRATOR = "/admin/v1/logs/administrator"
TELEPHONY = "/admin/v1/logs/telephony"
EARLIEST = 1000
"""Events that version 1 gives at most; it takes no limit."""
DELAY = timedelta(minutes=2)
"""Duo says that the newest two minutes may be incomplete."""
DUO = Vendor(
    "Duo",
    error_code="code",
    remedies={
        400: "Duo refuses the query",
        401: "Duo refuses the request: check integration_key, secret_key, signature_digest and this machine's clock",
        403: "Duo does not let the integration read logs: it must be of the type Admin API, with 'Grant read log'",
        404: "There is no Duo Admin API at this address: check api_hostname",
    },
)


class DuoLogs:
    """Collects the logs of one Duo account."""

    class Config(PluginConfig):
        """Settings of ``duo.logs``."""

        api_hostname: Origin = Field(json_schema_extra={"env": "DUO_API_HOSTNAME"})
        """The API hostname of the Admin API application, such as api-12345678.duosecurity.com."""
        integration_key: str = Field(json_schema_extra={"env": "DUO_INTEGRATION_KEY"})
        """The application's integration key."""
        secret_key: SecretStr = Field(json_schema_extra={"env": "DUO_SECRET_KEY"})
        """The application's secret key."""
        signature_digest: Digest = "sha1"
        """The hash that requests are signed with: sha1 or sha512."""
        page_size: int = Field(default=1000, ge=1, le=1000)
        """Authentication events per request; Duo gives at most 1,000."""
        overlap_minutes: float = Field(default=5, ge=0, le=1440)
        """How late events may appear: that much is read again at each poll, repeats are dropped by id."""
        requests_per_minute: float = Field(default=1, gt=0, le=600)
        """Duo asks for no more than one a minute; the first three come at once, one for each log."""
        timeout: float = Field(default=30, gt=0, le=300)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        require_sendable(config.secret_key.get_secret_value(), "secret_key")
        if not config.integration_key.isalnum() or not config.integration_key.isascii():
            raise NeedsOperator("integration_key: found something else than ASCII letters and digits")
        self._page_size, self._overlap = config.page_size, timedelta(minutes=config.overlap_minutes)
        self._api = VendorClient(
            DUO,
            config.api_hostname,
            DuoSignature(config.integration_key, config.secret_key, config.signature_digest),
            timeout=config.timeout,
            per_minute=config.requests_per_minute,
            burst=3,
        )
        second = timedelta(seconds=1)
        self._readers = {
            "auth": WindowReader(DUO.name, self._authentications, self._overlap),
            "admin": WindowReader(DUO.name, lambda walk: self._earliest(ADMINISTRATOR, walk), self._overlap, second),
            "telephony": WindowReader(DUO.name, lambda walk: self._earliest(TELEPHONY, walk), self._overlap, second),
        }

    @hookimpl
    def check(self) -> None:
        """Ask for the telephony log from a time on that has not come."""
        self._api.get(TELEPHONY, {"mintime": str(2**32)}).records("response")

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """A stream for each log."""
        return [Stream(name, f"duo.{name}", overlap=self._overlap, delay=DELAY) for name in self._readers]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        return self._readers[stream.name].read(window, state)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _authentications(self, walk: Walk) -> Batch:
        """A page of version 2. Both bounds are inclusive: an event at ``until`` comes again with the next window."""
        query = {"mintime": str(epoch_ms(walk.since)), "maxtime": str(epoch_ms(walk.until)), "sort": "ts:asc"}
        query["limit"] = str(self._page_size)
        if walk.cursor is None:
            answer = self._api.get(AUTHENTICATION, query)
        else:
            answer = self._api.get(AUTHENTICATION, {**query, "next_offset": walk.cursor}, cursor_refused={400})
        return Batch(answer.records("response.authlogs"), in_body(answer, "response.metadata.next_offset"))

    def _earliest(self, path: str, walk: Walk) -> Batch:
        """A page of version 1, which knows no end and no cursor: the next page begins where this one ends.

        It is asked for from one second earlier, because Duo does not say whether ``mintime`` itself is part of it;
        what comes twice is dropped by id. A full page that does not get further stops as a repeated cursor.
        """
        since = int(walk.cursor) if walk.cursor is not None else epoch_ms(walk.since) // 1000
        events = self._api.get(path, {"mintime": str(since - 1)}).records("response")
        times = (event.get("timestamp") for event in events)
        last = max((time for time in times if isinstance(time, int)), default=since)
        ended = len(events) < EARLIEST or last * 1000 > epoch_ms(walk.until)
        return Batch(events, None if ended else str(last))
