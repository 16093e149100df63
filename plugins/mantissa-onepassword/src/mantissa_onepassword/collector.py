"""1Password's sign-in attempts, item usages and audit events, from its Events API.

Reference: https://developer.1password.com/docs/events-api/reference/ and, for cursors and limits,
https://developer.1password.com/docs/events-api/pagination/, https://developer.1password.com/docs/events-api/rate-limits/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Literal

from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.vendor_api import (
    Answer,
    Batch,
    Bearer,
    Origin,
    Vendor,
    VendorClient,
    Walk,
    WindowReader,
    in_body,
    timestamp,
)
from pydantic import Field, SecretStr

Events = Literal["signin", "item_usage", "audit"]
FEATURES: Mapping[str, str] = {"signin": "signinattempts", "item_usage": "itemusages", "audit": "auditevents"}
"""The feature of a token that each kind of event takes; its endpoint has the same name."""
INTROSPECT = "/api/v2/auth/introspect"
MILLISECOND = timedelta(milliseconds=1)
ONEPASSWORD = Vendor(
    "1Password",
    error_code="status",
    remedies={
        400: "1Password refuses the query",
        401: "1Password refuses the token, which was revoked or has expired: issue a new one for the integration",
        403: "1Password does not let the token read these events: issue one that may report them",
        404: "There is no 1Password Events API at this address: check url",
    },
)


class OnePasswordEvents:
    """Collects the events of one 1Password Business account."""

    class Config(PluginConfig):
        """Settings of ``onepassword.events``."""

        url: Origin = "https://events.1password.com"
        """Address of the Events API, which goes by where the account is."""
        token: SecretStr = Field(json_schema_extra={"env": "EVENTS_API_TOKEN"})
        """Bearer token of an Events Reporting integration."""
        events: tuple[Events, ...] = Field(default=("signin", "item_usage", "audit"), min_length=1)
        """What is read: signin, item_usage, audit. The token must be allowed to report it."""
        page_size: int = Field(default=1000, ge=1, le=1000)
        """Events per request; 1Password gives at most 1,000."""
        overlap_minutes: float = Field(default=15, ge=0, le=1440)
        """How late events may appear: that much is read again at each poll, repeats are dropped by id."""
        requests_per_minute: float = Field(default=480, gt=0, le=600)
        """1Password allows 600 a minute and 30,000 an hour; the streams share them."""
        timeout: float = Field(default=30, gt=0, le=300)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self._page_size, self._overlap = config.page_size, timedelta(minutes=config.overlap_minutes)
        self._api = VendorClient(
            ONEPASSWORD,
            config.url,
            Bearer(config.token),
            timeout=config.timeout,
            per_minute=config.requests_per_minute,
        )
        self._readers: dict[str, WindowReader] = {
            name: WindowReader(ONEPASSWORD.name, partial(self._fetch, name), self._overlap)
            for name in FEATURES
            if name in config.events
        }

    @hookimpl
    def check(self) -> None:
        """Ask what the token may report."""
        features = self._api.get(INTROSPECT).at("features")
        if not isinstance(features, list):
            raise Retry("1Password's answer does not say what the token may report")
        missing = [FEATURES[name] for name in self._readers if FEATURES[name] not in features]
        if missing:
            raise NeedsOperator(
                f"the token may not report {', '.join(missing)}: issue one that may, or set events to what it may"
            )

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """A stream for each kind of event."""
        return [Stream(name, f"onepassword.{name}", overlap=self._overlap) for name in self._readers]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        return self._readers[stream.name].read(window, state)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _fetch(self, name: str, walk: Walk) -> Batch:
        """A page. There is a cursor even at the end, where it would wait for events to come: ``has_more`` tells.

        1Password does not say whether the bounds are part of the answer: it is asked for a millisecond more.
        """
        path = f"/api/v2/{FEATURES[name]}"
        if walk.cursor is None:
            bounds = {
                "start_time": timestamp(walk.since - MILLISECOND),
                "end_time": timestamp(walk.until + MILLISECOND),
            }
            answer = self._api.request("POST", path, body={"limit": self._page_size, **bounds})
        else:  # 400: the cursor is not known, or no longer
            answer = self._api.request("POST", path, body={"cursor": walk.cursor}, cursor_refused={400})
        return Batch(answer.records("items"), _next(answer))


def _next(answer: Answer) -> str | None:
    """The cursor where there is more. Raises ``Retry`` where the answer does not say, or gives none."""
    more, cursor = answer.at("has_more"), in_body(answer, "cursor")
    if not isinstance(more, bool) or (more and cursor is None):
        raise Retry(f"1Password's answer does not say whether there is more{answer.quoted}")
    return cursor if more else None
