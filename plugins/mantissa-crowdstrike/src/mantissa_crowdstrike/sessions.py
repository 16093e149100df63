"""Sessions of event streams: which partitions there are, where each is read, and keeping one open.

Reference: https://developer.crowdstrike.com/api-reference/collections/event-streams/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from mantissa_core.errors import Retry
from mantissa_core.vendor_api import VendorClient, same_origin

DISCOVERY = "/sensors/entities/datafeed/v2"
FIRST = "partition-0"
"""Our stream of the partition that every customer has."""
_PARTITION = re.compile(r"/(\d{1,6})/?$")


@dataclass(frozen=True, slots=True)
class Session:
    """A partition's stream. ``token`` opens it; ``refresh`` is the path that keeps it open, within ``seconds``."""

    partition: str
    url: httpx.URL
    token: str
    refresh: str
    seconds: float

    @property
    def stream(self) -> str:
        """The name of our stream."""
        return f"partition-{self.partition}"


class Sessions:
    """Opens and keeps sessions under one application id: CrowdStrike gives each partition to it once at a time."""

    def __init__(self, api: VendorClient, app_id: str) -> None:
        self._api, self._app_id = api, app_id

    def discover(self) -> dict[str, Session]:
        """A new session for each partition, by the name of our stream.

        Raises:
            Retry: also where there is none, because another connection uses the application id.
            NeedsOperator: the API client is refused.
        """
        answer = self._api.get(DISCOVERY, {"appId": self._app_id})
        found = answer.at("resources")
        if found is None and answer.at("errors") == []:
            found = []
        if not isinstance(found, list):
            raise Retry(f"CrowdStrike's answer has no list of event streams{answer.quoted}")
        if not found:
            raise Retry(
                f"CrowdStrike gives no event stream to the application id {self._app_id}: "
                "another connection uses it, or the one before has not ended yet"
            )
        sessions = [self._session(each) for each in found]
        return {session.stream: session for session in sessions}

    def refresh(self, session: Session) -> None:
        """Keep the stream open for another span. Raises ``Retry`` and ``NeedsOperator``."""
        self._api.request("POST", session.refresh)

    def _session(self, said: Any) -> Session:
        try:
            url, refresh = httpx.URL(said["dataFeedURL"]), httpx.URL(said["refreshActiveSessionURL"])
            token, seconds = said["sessionToken"]["token"], float(said["refreshActiveSessionInterval"])
            partition = _PARTITION.search(url.path)
        except (KeyError, TypeError, ValueError, httpx.InvalidURL):
            raise Retry("CrowdStrike describes an event stream without address, token or interval") from None
        if partition is None or not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Retry("CrowdStrike describes an event stream without a number or a usable token")
        base = httpx.URL(self._api.base_url)
        if not _belongs(url, base):
            raise Retry(f"an event stream leads to a host that is not CrowdStrike's ({url.host}); it was not opened")
        if not same_origin(refresh, base):
            raise Retry(f"the refresh of an event stream leads to another host ({refresh.host}); it was not followed")
        return Session(partition[1], url, token, refresh.raw_path.decode("ascii"), seconds)


def parameters(url: httpx.URL, offset: str | None) -> Mapping[str, str]:
    """The query of a stream's address, from the event with this offset on."""
    return {**url.params, **({"offset": offset} if offset is not None else {})}


def _belongs(url: httpx.URL, base: httpx.URL) -> bool:
    """Streams have hosts of their own: of the same domain as the API, such as crowdstrike.com, and by https."""
    domain = ".".join(base.host.split(".")[-2:])
    return same_origin(url, base) or (url.scheme == "https" and url.host.endswith(f".{domain}"))
