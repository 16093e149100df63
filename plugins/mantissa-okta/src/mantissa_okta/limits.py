"""Okta's rate limits: how long to wait. Reference: https://developer.okta.com/docs/reference/rl-best-practices/."""

from __future__ import annotations

import math
import time
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx
from mantissa_core.errors import Retry

LONGEST = 3600.0
"""Seconds; what a header asks for beyond that is not believed."""


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that ``Retry-After`` asks for, given in seconds or as a date."""
    text = response.headers.get("Retry-After")
    if text is None:
        return None
    try:
        return _believed(float(text))
    except ValueError:
        moment = _epoch(text)
        return None if moment is None else _believed(moment - _server_time(response))


def seconds_to_wait(response: httpx.Response) -> float | None:
    """Seconds until the limit is renewed; ``None`` where the answer does not say."""
    asked = retry_after(response)
    if asked is not None:
        return asked
    try:
        reset = float(response.headers["X-Rate-Limit-Reset"])
    except (KeyError, ValueError):
        return None
    return _believed(reset - _server_time(response))


def pause_when_used_up(response: httpx.Response) -> None:
    """Raise ``Retry`` where no request is left: to run into the limit would count against the organisation."""
    if response.headers.get("X-Rate-Limit-Remaining", "").strip() == "0":
        raise Retry("Okta's rate limit is used up", after=seconds_to_wait(response))


def _believed(seconds: float) -> float | None:
    return min(max(seconds, 1.0), LONGEST) if math.isfinite(seconds) else None


def _server_time(response: httpx.Response) -> float:
    """The server's clock, as the reset is given in it; ours may be wrong."""
    moment = _epoch(response.headers.get("Date", ""))
    return time.time() if moment is None else moment


def _epoch(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).replace(tzinfo=UTC).timestamp()
    except (ValueError, TypeError):
        return None
