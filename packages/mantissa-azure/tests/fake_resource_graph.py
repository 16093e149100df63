"""Azure Resource Graph over the wire: two queries in the form that the enricher writes, taken apart strictly."""

from __future__ import annotations

import re
from typing import Any

from fake_graph import CLIENT, SECRET, TOKENS
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request
from mantissa_core.testing.fake_tokens import FakeTokens

SUBSCRIPTION = "00000000-0000-0000-0000-0000000000a5"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/web"
MACHINE = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web-1"
INTERFACE = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/lonely"
_LIST = r"\(((?:'[^'\\\n]*'(?:, )?)+)\)"
_IDS = re.compile(rf"resources \| where id in~ {_LIST} \| project [A-Za-z, ]+")
_ADDRESSES = re.compile(rf"resources\n.*\n\| where private in~ {_LIST} or public in~ {_LIST}\n\| project .*", re.DOTALL)


class FakeResourceGraph(FakeHTTP):
    """One tenant. ``readable``: whether the application has a role; without one, answers are empty, not refused."""

    retry_after = 1

    def __init__(self) -> None:
        super().__init__()
        self.tokens = FakeTokens(CLIENT, SECRET)
        self.readable, self.forbidden = True, False
        self.bodies: list[Any] = []
        self.interfaces = [
            {"private": "10.7.1.4", "public": "203.0.113.77", "owner": MACHINE},
            {"private": "10.7.1.5", "public": "", "owner": INTERFACE},
        ]
        self.resources = [
            resource(MACHINE, "Microsoft.Compute/virtualMachines", Owner="web@example.com", env="production"),
            resource(INTERFACE, "microsoft.network/networkinterfaces"),
        ]

    def respond(self, request: Request) -> Answer:
        if request.route == TOKENS:
            return self.tokens.answer(request)
        return super().respond(request)

    def answer(self, request: Request) -> Answer:
        if not self.tokens.accepts(request):
            return _refused(401, "InvalidAuthenticationToken")
        if self.forbidden:
            return _refused(403, "AuthorizationFailed")
        if (request.method, request.path) != (
            "POST",
            "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01",
        ):
            return _refused(404, "InvalidResourceType")
        body = request.json()
        self.bodies.append(body)
        if not 1 <= body["options"]["$top"] <= 1000 or body["options"]["resultFormat"] != "objectArray":
            return _refused(400, "BadRequest")
        found = self._found(body["query"])
        if found is None:
            return _refused(400, "InvalidQuery")
        rows = found if self.readable else []
        return Answer(200, {"totalRecords": len(rows), "count": len(rows), "resultTruncated": "false", "data": rows})

    def _found(self, query: str) -> list[dict[str, Any]] | None:
        if query == "resources | project id | limit 1":
            return [{"id": self.resources[0]["id"]}]
        if by_id := _IDS.fullmatch(query):
            wanted = {text.lower() for text in re.findall("'([^']*)'", by_id[1])}
            return [each for each in self.resources if each["id"].lower() in wanted]
        if by_address := _ADDRESSES.fullmatch(query):
            wanted = set(re.findall("'([^']*)'", by_address[1]))
            return [each for each in self.interfaces if {each["private"], each["public"]} & wanted]
        return None


def resource(path: str, kind: str, **tags: str) -> dict[str, Any]:
    """A row as Azure gives it."""
    place = {"location": "northeurope", "subscriptionId": SUBSCRIPTION, "resourceGroup": "web"}
    return {"id": path, "name": path.rsplit("/", 1)[1], "type": kind.lower(), **place, "tags": tags or None}


def _refused(status: int, code: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": "refused"}}, {"x-ms-request-id": "1"})
