"""IPinfo's APIs over the wire: Lite, Core, Plus and the legacy one at the root."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request

TOKEN = "f00dfeed123456"
ROUTE = re.compile(r"/(?:(lite|lookup|plus)/([^/]+)|([^/]+)/json)")
LITE = {
    "asn": "AS64496",
    "as_name": "Example Net",
    "as_domain": "example.com",
    "country_code": "NO",
    "country": "Norway",
    "continent_code": "EU",
    "continent": "Europe",
}
CORE = {
    "hostname": "host.example.com",
    "geo": {"city": "Oslo", "country": "Norway", "country_code": "NO", "latitude": 59.9, "longitude": 10.8},
    "as": {"asn": "AS64496", "name": "Example Net", "domain": "example.com", "type": "hosting"},
    "is_hosting": True,
}
LEGACY = {"city": "Oslo", "region": "Oslo", "country": "NO", "loc": "59.9,10.8", "org": "AS64496 Example Net"}
ANSWERS: dict[str | None, dict[str, Any]] = {"lite": LITE, "lookup": CORE, "plus": CORE, None: LEGACY}


class FakeIPinfo(FakeHTTP):
    """Knows ``known``; what is in ``bogons`` belongs to nobody. ``left`` is what is left of the plan."""

    def __init__(self) -> None:
        super().__init__()
        self.known, self.bogons, self.left = {"203.0.113.7", "8.8.8.8"}, {"192.0.2.254"}, 1000

    def asked(self) -> list[str]:
        return [request.route for request in self.requests]

    def answer(self, request: Request) -> Answer:
        found = ROUTE.fullmatch(request.route)
        credential = request.headers.get("authorization")
        if credential not in ({f"Bearer {TOKEN}"} if found and found[1] else {f"Bearer {TOKEN}", None}):
            return _error(403, "Unknown token", "Please ensure you've entered your token correctly.")
        if self.left == 0:
            return _error(429, "Rate limit exceeded", "You've hit the daily limit for the unauthenticated API.")
        self.left -= 1
        address = (found[2] or found[3]) if found else ""
        if found is None or not _is_address(address):
            return _error(404, "Wrong ip", "Please provide a valid IP address")
        if address in self.bogons:
            return Answer(200, {"ip": address, "bogon": True})
        return Answer(200, {"ip": address, **(ANSWERS[found[1]] if address in self.known else {})})


def _error(status: int, title: str, message: str) -> Answer:
    return Answer(status, {"status": status, "error": {"title": title, "message": message}})


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
