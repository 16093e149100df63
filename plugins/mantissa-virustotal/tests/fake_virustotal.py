"""VirusTotal's API v3 over the wire, as far as reports of addresses, domains and files go."""

from __future__ import annotations

import re
from typing import Any

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request

KEY = "0123456789abcdef" * 4
EVIL = {"malicious": 12, "suspicious": 1, "harmless": 50, "undetected": 27, "timeout": 3}
CLEAN = {"malicious": 0, "suspicious": 0, "harmless": 60, "undetected": 30, "timeout": 0}
HASH = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"
PATH = re.compile(r"/api/v3/(ip_addresses/[0-9a-f.:]+|domains/[a-z0-9_.-]+|files/[0-9a-f]+)")
"""What the vendor takes; anything else is a question that must not be asked."""


class FakeVirusTotal(FakeHTTP):
    """Has reports by path below ``/api/v3``. ``quota`` is what is left of the minute."""

    def __init__(self) -> None:
        super().__init__()
        self.quota = 1000
        self.reports: dict[str, Any] = {
            "ip_addresses/203.0.113.7": EVIL,
            "ip_addresses/198.51.100.9": CLEAN,
            "domains/evil.example": EVIL,
            "domains/virustotal.com": CLEAN,
            f"files/{HASH}": {**EVIL, "failure": 1, "type-unsupported": 9, "confirmed-timeout": 1},
        }

    def asked(self) -> list[str]:
        return [request.route.removeprefix("/api/v3/") for request in self.requests]

    def answer(self, request: Request) -> Answer:
        if not request.headers.get("x-apikey"):
            return _error(401, "AuthenticationRequiredError", "X-Apikey header is missing")
        if request.headers["x-apikey"] != KEY:
            return _error(401, "WrongCredentialsError", "Wrong API key")
        if self.quota == 0:
            return _error(429, "QuotaExceededError", "Quota exceeded")
        self.quota -= 1
        path = PATH.fullmatch(request.route)
        if path is None:
            return _error(400, "InvalidArgumentError", f"{request.route} is not valid")
        kind, name = path[1].split("/")
        stats = self.reports.get(path[1])
        if stats is None:
            return _error(404, "NotFoundError", f'"{name}" not found')
        attributes = {"last_analysis_stats": stats, "last_analysis_results": {f"engine {n}": {} for n in range(90)}}
        return Answer(200, {"data": {"id": name, "type": kind.removesuffix("s"), "attributes": attributes}})


def _error(status: int, code: str, message: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": message}})
