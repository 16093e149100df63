"""Cloud Asset Inventory over the wire: a search whose query is taken apart strictly, and finds by words."""

from __future__ import annotations

import re
from typing import Any

from fake_google import FakeTokens, key_file
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request

SCOPE = "organizations/123456789012"
MACHINE = "projects/example-prod/zones/europe-north1-a/instances/web-1"
_TERM = re.compile(r'(name=)?"([^"\\]*)"')


class FakeAssets(FakeHTTP):
    """One organisation. ``denied``: the identity lacks the role."""

    retry_after = 1

    def __init__(self) -> None:
        super().__init__()
        self.tokens = FakeTokens("cloud-platform")
        self.denied = False
        self.resources: list[dict[str, Any]] = [
            {
                "name": f"//compute.googleapis.com/{MACHINE}",
                "assetType": "compute.googleapis.com/Instance",
                "displayName": "web-1",
                "project": "projects/555",
                "location": "europe-north1-a",
                "state": "RUNNING",
                "labels": {"team": "web", "env": "production"},
                "additionalAttributes": {"internalIPs": ["10.7.1.4"], "externalIPs": ["203.0.113.77"], "id": "1"},
            },
            {
                "name": "//compute.googleapis.com/projects/example-prod/regions/europe-north1/addresses/shop",
                "assetType": "compute.googleapis.com/Address",
                "displayName": "shop",
                "additionalAttributes": {"address": "203.0.113.77"},
            },
            {
                "name": "//storage.googleapis.com/example-salaries",
                "assetType": "storage.googleapis.com/Bucket",
                "displayName": "example-salaries",
                "project": "projects/555",
                "location": "eu",
            },
        ]

    @property
    def key_file(self) -> str:
        """The service account's key file."""
        return key_file(self.url)

    def respond(self, request: Request) -> Answer:
        return self.tokens.answer(request) if request.route == "/token" else super().respond(request)

    def answer(self, request: Request) -> Answer:
        if not self.tokens.accepts(request):
            return _refused(401, "UNAUTHENTICATED")
        if self.denied:
            return _refused(403, "PERMISSION_DENIED")
        query = request.query
        if request.route != f"/v1/{SCOPE}:searchAllResources":
            return _refused(404, "NOT_FOUND")
        terms = query["query"].split(" OR ") if query["query"] else []
        parsed = [_TERM.fullmatch(term) for term in terms]
        if not 1 <= int(query["pageSize"]) <= 500 or not all(parsed):
            return _refused(400, "INVALID_ARGUMENT")
        found = [each for each in self.resources if not parsed or any(_matches(each, term) for term in parsed if term)]
        return Answer(200, {"results": found[: int(query["pageSize"])]} if found else {})


def _matches(resource: dict[str, Any], term: re.Match[str]) -> bool:
    """By name exactly; else by words, as a search does: 10.7.1.4 is found in a description as well."""
    return resource["name"] == term[2] if term[1] else term[2] in str(resource)


def _refused(status: int, code: str) -> Answer:
    return Answer(status, {"error": {"code": status, "message": "refused", "status": code}})
