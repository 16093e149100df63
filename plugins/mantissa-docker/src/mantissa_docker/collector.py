"""Events of a Docker engine, from its API.

Reference: https://docs.docker.com/reference/api/engine/version/v1.51/#tag/System/operation/SystemEvents. The engine
keeps its last events in memory, and no others: what a window had beyond them is gone, and is said to be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Annotated, Any, Self

from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Page, Rejected, Stream, Window
from mantissa_core.vendor_api import Vendor, VendorClient
from pydantic import AfterValidator, Field, model_validator

from .engine import Peer, address, engine_host, require_access, transport

KEPT = 256
"""Events that the engine keeps."""
DELAY = timedelta(seconds=3)
"""So far behind the present a window ends: the engine says its time in whole seconds."""
OVERLAP = timedelta(seconds=10)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DOCKER = Vendor(
    "Docker",
    request_id="X-Request-Id",
    remedies={
        400: "Docker refuses the query",
        401: "Docker refuses the connection: check the credential of whatever stands before the engine",
        403: "Docker does not let this client read events: an authorization plugin forbids GET /events",
        404: "There is no Docker engine at this address: check host",
    },
)


class EngineEvents:
    """Collects the events of one engine."""

    class Config(PluginConfig):
        """Settings of ``docker.events``."""

        host: Annotated[str, AfterValidator(engine_host)] = Field(
            default="unix:///var/run/docker.sock", json_schema_extra={"env": "DOCKER_HOST"}
        )
        """The engine: unix:///path of its socket, or tcp://host:port."""
        cert_path: Path | None = Field(default=None, json_schema_extra={"env": "DOCKER_CERT_PATH"})
        """Folder with ca.pem, cert.pem and key.pem, for TCP; without it only an engine on this machine is asked."""
        kept: int = Field(default=KEPT, ge=1, le=1_000_000)
        """How many events the engine keeps: that many in one answer mean that older ones may be gone."""
        timeout: float = Field(default=30, gt=0, le=300)
        """Seconds to wait for an answer."""

        @model_validator(mode="after")
        def _safe_way(self) -> Self:
            try:
                address(self.host, self.cert_path)
            except ValueError:
                raise ValueError("cert_path: an engine on another machine is asked with a certificate only") from None
            return self

    def __init__(self, config: Config) -> None:
        self._host, self._kept = config.host, config.kept
        self._api = VendorClient(
            DOCKER,
            address(config.host, config.cert_path),
            Peer(config.host),
            timeout=config.timeout,
            transport=transport(config.host, config.cert_path),
        )

    @hookimpl
    def check(self) -> None:
        """Ask for the events of 1970."""
        self._events({"since": "0", "until": "1"}, self._engine().version)

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """One stream: what the engine remembers."""
        return [Stream("events", "docker.event", overlap=OVERLAP, delay=DELAY)]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Read the window in one answer: the engine keeps too few events for pages.

        It is asked for everything up to its present, because only then does the number of events tell whether it
        has forgotten some. ``state`` says up to where it was read: what was forgotten before is nobody's loss.
        """
        engine = self._engine()
        if engine.now < window.start:
            raise Retry(f"the clock of the Docker engine is behind this machine's: it says {engine.now.isoformat()}")
        until = min(window.end, engine.now)
        query = {"since": _seconds(window.start), "until": _seconds(engine.now)}
        found = self._events(query, engine.version)
        events = [event for event in found.events if (time := _time(event)) is None or window.start <= time < until]
        rejected = found.rejected + self._lost(found, window, state)
        yield Page({"until": until.isoformat()}, events, complete_until=until, rejected=rejected)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _engine(self) -> _Engine:
        """Ask which version of the API the engine speaks, and by its Date header what time it is there."""
        require_access(self._host)
        answer = self._api.get("/version")
        version, date = answer.at("ApiVersion"), answer.response.headers.get("Date", "")
        if not isinstance(version, str):
            raise Retry("Docker's answer says no version of its API")
        if not re.fullmatch(r"\d{1,3}\.\d{1,3}", version):
            raise NeedsOperator("what answers at host is no Docker engine: it says no version of Docker's API")
        try:
            return _Engine(version, parsedate_to_datetime(date).astimezone(UTC))
        except ValueError:
            raise Retry("Docker's answer has no date") from None

    def _events(self, query: Mapping[str, str], version: str) -> _Found:
        response = self._api.fetch("GET", f"/v{version}/events", query=query)
        return _parsed(response.content)

    def _lost(self, found: _Found, window: Window, state: Mapping[str, object]) -> list[Rejected]:
        """A dead letter for what the engine has forgotten since the last reading, if it has."""
        read_to = state.get("until")
        if len(found.events) < self._kept or not isinstance(read_to, str):
            return []
        start = max(window.start, datetime.fromisoformat(read_to))
        oldest = min((time for event in found.events if (time := _time(event)) is not None), default=start)
        if oldest <= start:
            return []
        reason = (
            f"the Docker engine keeps its last {self._kept} events: those from {start.isoformat()} to "
            f"{oldest.isoformat()} may be incomplete; set a shorter 'every', or deliver the events as a file"
        )
        return [Rejected(reason.encode(), reason, 0, len(reason))]


@dataclass(frozen=True, slots=True)
class _Engine:
    version: str
    now: datetime


@dataclass(frozen=True, slots=True)
class _Found:
    events: list[dict[str, Any]]
    rejected: list[Rejected]


def _parsed(content: bytes) -> _Found:
    """The objects of JSON lines. A line that is none is a dead letter; an answer that breaks off is none at all.

    Raises:
        Retry: it breaks off, is a web page, or says an error in the place of events.
    """
    found = _Found([], [])
    if content.lstrip()[:1] == b"<":
        raise Retry("Docker answered with a web page instead of events")
    if content and not content.endswith(b"\n"):
        raise Retry(f"Docker's answer breaks off after {len(content)} bytes")
    for number, line in enumerate(content.splitlines()):
        event = _object(line)
        if event is None:
            found.rejected.append(Rejected(line, "a line of the engine's answer is no JSON object", number, len(line)))
        elif not event.keys() & {"Type", "Action", "status"}:
            raise Retry("Docker's answer has something else than events, such as an error")
        else:
            found.events.append(event)
    return found


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _time(event: Mapping[str, Any]) -> datetime | None:
    """When it happened, to the microsecond; ``None`` where the event does not say."""
    nanoseconds, seconds = event.get("timeNano"), event.get("time")
    try:
        if isinstance(nanoseconds, int):
            return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
        return _EPOCH + timedelta(seconds=seconds) if isinstance(seconds, int) else None
    except OverflowError:
        return None


def _seconds(moment: datetime) -> str:
    """Seconds since 1970 with nine decimals, as the engine reads them."""
    microseconds = (moment - _EPOCH) // timedelta(microseconds=1)
    return f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}000"
