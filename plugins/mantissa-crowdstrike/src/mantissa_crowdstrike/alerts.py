"""CrowdStrike's detections, from its Alerts API: first the ids of a page, then what they stand for.

Reference: https://developer.crowdstrike.com/api-reference/collections/alerts/: GetQueriesAlertsV2, PostEntitiesAlertsV2
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from mantissa_core.errors import Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.vendor_api import Answer, Batch, Walk, WindowReader, timestamp
from pydantic import Field

from .falcon import FALCON, FalconAccess, falcon_client

QUERIES = "/alerts/queries/alerts/v2"
ENTITIES = "/alerts/entities/alerts/v2"
CHANGED = "updated_timestamp"
DELAY = timedelta(minutes=1)
"""A window ends that long ago: what changes while it is read, changes after its end."""


class Alerts:
    """Collects the detections of one customer, each again after every change.

    Detections are asked for in the order of their last change, and the next page begins where this one ends. One that
    changes meanwhile moves to a later window; by number of the first result, those behind it would be skipped.
    """

    log_types: ClassVar[tuple[str, ...]] = ("crowdstrike.detection",)

    class Config(FalconAccess):
        """Settings of ``crowdstrike.alerts``."""

        page_size: int = Field(default=1000, ge=1, le=1000)
        """Detections per page; CrowdStrike gives the details of at most 1,000 at once."""
        overlap_minutes: float = Field(default=10, ge=0, le=1440)
        """How late changes may appear: that much is read again at each poll, repeats are dropped by id."""

    def __init__(self, config: Config) -> None:
        self._page_size, self._overlap = config.page_size, timedelta(minutes=config.overlap_minutes)
        self._api = falcon_client(config, "Alerts: Read")
        self._reader = WindowReader(FALCON.name, self._fetch, self._overlap)

    @hookimpl
    def check(self) -> None:
        """Ask for the id of one detection."""
        _ids(self._api.get(QUERIES, {"limit": "1"}))

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """CrowdStrike has one list of detections."""
        return [Stream("alerts", "crowdstrike.detection", overlap=self._overlap, delay=DELAY)]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        return self._reader.read(window, state)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _fetch(self, walk: Walk) -> Batch:
        """A page. Its last change is where the next one begins, which repeats it; a full page of one instant stops."""
        since = walk.cursor or timestamp(walk.since)
        query = {
            "filter": f"{CHANGED}:>='{since}'+{CHANGED}:<'{timestamp(walk.until)}'",
            "sort": f"{CHANGED}.asc",
            "limit": str(self._page_size),
        }
        ids = _ids(self._api.get(QUERIES, query))
        alerts = self._details(ids) if ids else []
        if len(ids) < self._page_size:
            return Batch(alerts, None)
        changes = [alert[CHANGED] for alert in alerts if _before(alert.get(CHANGED), walk.until)]
        return Batch(alerts, max(changes, key=_instant, default=since))

    def _details(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        answer = self._api.request("POST", ENTITIES, body={"composite_ids": list(ids)})
        alerts = answer.records("resources")
        if len(alerts) < len(ids):
            raise Retry(
                f"CrowdStrike gave {len(alerts)} of {len(ids)} detections that it had just listed{answer.quoted}"
            )
        return alerts


def _ids(answer: Answer) -> list[str]:
    """The ids of an answer. Raises ``Retry`` where there is something else, such as an error document."""
    found = answer.at("resources")
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Retry(f"CrowdStrike's answer has no list of ids at resources{answer.quoted}")
    return found


def _before(change: object, until: datetime) -> bool:
    """Whether the change was in the window. A later one happened since the ids were listed: it says nothing of them."""
    try:
        return isinstance(change, str) and datetime.fromisoformat(change) < until
    except (ValueError, TypeError):  # no time, or none with a zone
        return False


def _instant(change: str) -> tuple[datetime, str]:
    """Orders times, also those that differ by less than a microsecond."""
    return datetime.fromisoformat(change), change
