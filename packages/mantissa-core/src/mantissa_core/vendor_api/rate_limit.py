"""What a vendor's headers say about its rate limit. All spans are in seconds, by the server's clock."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import httpx

from mantissa_core import web

LONGEST = 3600.0
"""Seconds; what a header asks for beyond that is not believed."""

Reading = Literal["epoch", "epoch_ms", "delta"]
"""What the number in a reset header is: a moment in seconds or milliseconds since 1970, or seconds from now."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The names of a vendor's headers and how to read them; vendors differ, so ``reading`` is declared, not guessed.

    ``Retry-After`` (RFC 9110, section 10.2.3) is understood besides, in seconds or as a date. The names that begin
    with ``X-`` are conventions; ``RateLimit-Remaining`` and ``RateLimit-Reset`` are those of an expired draft
    (draft-ietf-httpapi-ratelimit-headers-07), whose reset is a ``delta``. ``reserve`` requests are left to others
    who use the same credential.
    """

    remaining: str = "X-RateLimit-Remaining"
    reset: str = "X-RateLimit-Reset"
    reading: Reading = "epoch"
    reserve: int = 0

    def used_up(self, headers: httpx.Headers) -> bool:
        """Whether the next request would run into the limit."""
        text = headers.get(self.remaining, "").strip()
        return text.isascii() and text.isdigit() and int(text[:18]) <= self.reserve

    def wait(self, headers: httpx.Headers) -> float | None:
        """Seconds until the limit is renewed, at least one; ``None`` where the headers do not say."""
        now = server_time(headers)
        asked = web.retry_after(headers, datetime.fromtimestamp(now, UTC))
        if asked is not None:
            return _believed(asked)
        try:
            reset = float(headers[self.reset])
        except (KeyError, ValueError):
            return None
        if self.reading == "delta":
            return _believed(reset)
        return _believed((reset / 1000 if self.reading == "epoch_ms" else reset) - now)


def server_time(headers: httpx.Headers) -> float:
    """The server's clock in epoch seconds, as moments in its headers go by it; ours where it does not tell."""
    try:
        moment = parsedate_to_datetime(headers.get("Date", ""))
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return time.time()


def _believed(seconds: float) -> float | None:
    return min(max(seconds, 1.0), LONGEST) if math.isfinite(seconds) else None
