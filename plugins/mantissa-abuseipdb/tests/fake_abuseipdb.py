"""AbuseIPDB's API, version 2, over the wire: its check endpoint."""

from __future__ import annotations

import time
from ipaddress import ip_address
from typing import Any

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request

KEY = "a1b2c3d4" * 10
REPORTED = {
    "abuseConfidenceScore": 90,
    "totalReports": 12,
    "countryCode": "NO",
    "usageType": "Data Center/Web Hosting/Transit",
    "isp": "Example Net",
    "domain": "example.com",
    "hostnames": [],
    "isTor": True,
    "numDistinctUsers": 5,
    "lastReportedAt": "2026-03-01T10:00:00+00:00",
    "isWhitelisted": False,
}
QUIET = {"abuseConfidenceScore": 0, "totalReports": 0, "countryCode": None, "isTor": False, "lastReportedAt": None}


class FakeAbuseIPDB(FakeHTTP):
    """Knows reports by address. ``left`` is what is left of the day's questions, ``longest`` what the plan includes."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.longest, self.retry_after = 1000, 365, 29_241
        self.reports: dict[str, Any] = {"203.0.113.7": REPORTED}

    def asked(self) -> list[str]:
        return [request.query["ipAddress"] for request in self.requests]

    def answer(self, request: Request) -> Answer:
        if request.route != "/api/v2/check":
            return _errors(404, "Not found")
        if request.headers.get("key") != KEY:
            return _errors(401, "Authentication failed. Your API key is either missing, incorrect, or revoked.")
        days = int(request.query.get("maxAgeInDays", 30))
        if not 1 <= days <= 365 or not _is_address(request.query.get("ipAddress", "")):
            return _errors(422, "The ip address must be a valid IPv4 or IPv6 address")
        if days > self.longest:
            return _errors(402, "Your plan does not include that")
        if self.left == 0:
            return _errors(
                429,
                "Daily rate limit of 1000 requests exceeded",
                {"Retry-After": str(self.retry_after), **self._limits()},
            )
        self.left -= 1
        address = request.query["ipAddress"]
        data = {"ipAddress": address, "isPublic": True, "ipVersion": 4, **self.reports.get(address, QUIET)}
        return Answer(200, {"data": data}, self._limits())

    def _limits(self) -> dict[str, str]:
        reset = int(time.time()) + self.retry_after
        return {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": str(self.left), "X-RateLimit-Reset": str(reset)}


def _errors(status: int, detail: str, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, {"errors": [{"detail": detail, "status": status}]}, headers or {})


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
