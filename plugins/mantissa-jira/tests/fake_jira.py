"""A Jira Cloud site with one project, over the wire: what it refuses, how its search lags, and its workflow."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from adf_rules import problems
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Fault, Request

EMAIL, TOKEN = "amara@example.com", "ATATT3xFfGF0-secret-of-the-tests"
BASIC = "Basic " + base64.b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()
PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
PERMISSIONS = ("BROWSE_PROJECTS", "CREATE_ISSUES", "ADD_COMMENTS")
TYPES = [
    {"id": "10001", "name": "Task", "subtask": False},
    {"id": "10002", "name": "Incident", "subtask": False},
    {"id": "10003", "name": "Sub-task", "subtask": True},
]
STATUSES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done", "Won't Do": "done"}
TEXT = 32_767


class FakeJira(FakeHTTP):
    """Project ``SEC``. ``issues`` are in the order of their creation.

    ``screen`` are the fields that an issue may be created with, ``required`` those that it must have. While ``lags``
    is set the search does not learn of new issues. ``losing`` is how many answers to changes get lost.
    ``ways`` leads from a status to those that can be reached.
    """

    def __init__(self) -> None:
        super().__init__()
        self.issues: list[dict[str, Any]] = []
        self.lags, self.losing, self.asks_resolution = False, 0, False
        self.screen = {"project", "issuetype", "summary", "description", "labels", "priority"}
        self.required = {"project", "issuetype", "summary"}
        self.permissions = set(PERMISSIONS)
        self.ways = {name: set(STATUSES) - {name} for name in STATUSES}
        self._indexed: set[str] = set()

    faults = frozenset(Fault)

    def messages(self) -> list[str]:
        """What people see in the project: each issue with its comments."""
        return [
            json.dumps(
                [each["fields"]["summary"], each["fields"]["description"], [one["body"] for one in each["comments"]]],
                ensure_ascii=False,
            )
            for each in self.issues
        ]

    def issue(self, key: str) -> dict[str, Any] | None:
        return next((each for each in self.issues if key in (each["key"], each["id"])), None)

    def respond(self, request: Request) -> Answer | None:  # type: ignore[override]  # a lost answer
        answer = super().respond(request)
        change = request.method == "POST" and not request.route.endswith(("/search/jql", "/bulkfetch"))
        if self.losing and change and answer.status < 300:
            self.losing -= 1
            return None
        return answer

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") not in (BASIC, f"Bearer {TOKEN}"):
            return Answer(401, {"message": "Client must be authenticated to access this resource."})
        if not self.lags:
            self._indexed |= {each["key"] for each in self.issues}
        path = unquote(request.route).removeprefix("/rest/api/3")
        for method, pattern, handle in _ROUTES:
            if method == request.method and (found := re.fullmatch(pattern, path)):
                return getattr(self, handle)(request, *found.groups())
        return Answer(404, {"errorMessages": ["null for uri"]})

    # -- search and read ---------------------------------------------------------------------------------------

    def _gone(self, _request: Request) -> Answer:
        return _refused(410, "The requested API has been removed. Please migrate to /rest/api/3/search/jql.")

    def _search(self, request: Request) -> Answer:
        asked = request.json()
        found = re.fullmatch(r'(labels|project) = "([^"\\]*)" ORDER BY created (ASC|DESC)', asked["jql"])
        if not found:
            return _refused(400, f"Error in the JQL Query: {asked['jql']}")
        field, value, order = found.groups()
        hits = [
            each
            for each in self.issues
            if each["key"] in self._indexed and (field == "project" or value in each["fields"]["labels"])
        ]
        hits = hits[::-1] if order == "DESC" else hits
        shown = [{"id": each["id"], **({"key": each["key"]} if asked.get("fields") else {})} for each in hits]
        return Answer(200, {"issues": shown[: asked.get("maxResults", 50)], "isLast": True})

    def _bulk(self, request: Request) -> Answer:
        asked = request.json()
        if not 0 < len(asked["issueIdsOrKeys"]) <= 100:
            return _refused(400, "Between 1 and 100 issues")
        found = [each for each in self.issues if each["key"] in asked["issueIdsOrKeys"]]
        names = asked["fields"]
        shown = [{**each, "fields": {name: each["fields"][name] for name in names}, "comments": None} for each in found]
        return Answer(200, {"issues": shown, "issueErrors": []})

    def _read(self, _request: Request, key: str) -> Answer:
        issue = self.issue(key)
        return Answer(200, {"key": key, "fields": {"status": _status(issue["status"])}}) if issue else _no_issue()

    # -- change ------------------------------------------------------------------------------------------------

    def _create(self, request: Request) -> Answer:
        fields = request.json()["fields"]
        if errors := dict(self._errors(fields)):
            return Answer(400, {"errorMessages": [], "errors": errors})
        number = len(self.issues) + 1
        issue = {
            "id": str(20_000 + number),
            "key": f"SEC-{number}",
            "status": "To Do",
            "comments": [],
            "fields": fields,
        }
        issue["fields"].setdefault("labels", [])
        self.issues.append(issue)
        return Answer(201, {"id": issue["id"], "key": issue["key"], "self": f"{self.url}/rest/api/3/issue/1"})

    def _errors(self, fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
        for name in sorted(self.required - set(fields)):
            yield name, f"{name} is required."
        for name in sorted(set(fields) - self.screen):
            yield name, f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
        if fields.get("project") not in ({"key": "SEC"}, {"id": "10000"}):
            yield "project", "valid project is required"
        if fields.get("issuetype") not in [{name: each[name]} for each in TYPES for name in ("id", "name")]:
            yield "issuetype", "Specify a valid issue type"
        text = fields.get("summary", "")
        if not text.strip() or re.search(r"[\r\n]", text):
            yield "summary", "The summary is invalid because it contains newline characters, or is empty."
        if len(text.encode("utf-16-le")) > 2 * 255:
            yield "summary", "Summary must be less than 255 characters."
        if "priority" in fields and "priority" in self.screen and fields["priority"].get("name") not in PRIORITIES:
            yield "priority", "The priority selected is invalid."
        if any(re.search(r"\s", each) or len(each) > 255 for each in fields.get("labels", ())):
            yield "labels", "The label can't contain spaces."
        if problem := next(_rich(fields.get("description")), None):
            yield "description", problem

    def _comments(self, request: Request, key: str) -> Answer:
        issue = self.issue(key)
        if not issue:
            return _no_issue()
        shown = issue["comments"][::-1] if request.query.get("orderBy") == "-created" else issue["comments"]
        hidden = () if request.query.get("expand") == "properties" else ("properties",)
        listed = [{name: value for name, value in each.items() if name not in hidden} for each in shown]
        return Answer(200, {"startAt": 0, "total": len(listed), "comments": listed})

    def _comment(self, request: Request, key: str) -> Answer:
        issue, body = self.issue(key), request.json()
        if not issue:
            return _no_issue()
        if problem := next(_rich(body["body"]), None):
            return Answer(400, {"errorMessages": [], "errors": {"comment": problem}})
        if STATUSES[issue["status"]] == "done":
            return _refused(400, "You do not have the permission to comment on this issue.")
        issue["comments"].append({"id": str(len(issue["comments"])), **body})
        return Answer(201, {"id": "1"})

    def _transitions(self, request: Request, key: str) -> Answer:
        issue = self.issue(key)
        if not issue:
            return _no_issue()
        allowed = [{"name": "Won't Do"}, {"name": "Done"}]
        asked = {"resolution": {"required": True, "hasDefaultValue": False, "allowedValues": allowed}}
        expanded = request.query.get("expand") == "transitions.fields"
        shown = [
            {
                "id": str(number),
                "to": _status(name),
                **({"fields": asked if self._wants(name) else {}} if expanded else {}),
            }
            for number, name in enumerate(STATUSES)
            if name in self.ways[issue["status"]]
        ]
        return Answer(200, {"transitions": shown})

    def _move(self, request: Request, key: str) -> Answer:
        issue, body = self.issue(key), request.json()
        name = list(STATUSES)[int(body["transition"]["id"])]
        if not issue or name not in self.ways[issue["status"]]:
            return _refused(400, "It seems that you have tried to perform an illegal workflow operation.")
        if self._wants(name) and body.get("fields", {}).get("resolution", {}).get("name") not in ("Done", "Won't Do"):
            return Answer(400, {"errorMessages": [], "errors": {"resolution": "Resolution is required."}})
        issue["status"] = name
        issue["resolution"] = body.get("fields", {}).get("resolution", {}).get("name")
        return Answer(204, b"")

    def _wants(self, status: str) -> bool:
        return self.asks_resolution and STATUSES[status] == "done"

    # -- the project -------------------------------------------------------------------------------------------

    def _project(self, _request: Request, name: str) -> Answer:
        if name not in ("SEC", "10000"):
            return _refused(404, f"No project could be found with key '{name}'.")
        return Answer(200, {"id": "10000", "key": "SEC", "name": "Security Engineering"})

    def _projects(self, request: Request) -> Answer:
        known = [
            {"id": str(10_000 + number), "key": f"P{number}", "name": f"Project {number}"} for number in range(120)
        ]
        return _page(request, "values", known if request.query.get("action") == "create" else [])

    def _types(self, request: Request, _project: str) -> Answer:
        return _page(request, "issueTypes", TYPES)

    def _fields(self, request: Request, _project: str, _kind: str) -> Answer:
        known = [
            {"fieldId": name, "name": name.title(), "required": name in self.required, "hasDefaultValue": False}
            for name in sorted(self.screen | self.required)
        ]
        return _page(request, "fields", known)

    def _priorities(self, request: Request) -> Answer:
        return _page(request, "values", [{"id": str(number), "name": name} for number, name in enumerate(PRIORITIES)])

    def _permissions(self, request: Request) -> Answer:
        names = request.query["permissions"].split(",")
        return Answer(
            200, {"permissions": {name: {"key": name, "havePermission": name in self.permissions} for name in names}}
        )


_ROUTES = (
    ("GET", r"/search", "_gone"),
    ("POST", r"/search", "_gone"),
    ("POST", r"/search/jql", "_search"),
    ("POST", r"/issue/bulkfetch", "_bulk"),
    ("POST", r"/issue", "_create"),
    ("GET", r"/issue/createmeta/([^/]+)/issuetypes", "_types"),
    ("GET", r"/issue/createmeta/([^/]+)/issuetypes/([^/]+)", "_fields"),
    ("GET", r"/issue/([^/]+)", "_read"),
    ("GET", r"/issue/([^/]+)/comment", "_comments"),
    ("POST", r"/issue/([^/]+)/comment", "_comment"),
    ("GET", r"/issue/([^/]+)/transitions", "_transitions"),
    ("POST", r"/issue/([^/]+)/transitions", "_move"),
    ("GET", r"/project/search", "_projects"),
    ("GET", r"/project/([^/]+)", "_project"),
    ("GET", r"/priority/search", "_priorities"),
    ("GET", r"/mypermissions", "_permissions"),
)


def _rich(field: Any) -> Iterator[str]:
    if not isinstance(field, dict):
        yield "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
        return
    yield from problems(field)
    if len(json.dumps(field, ensure_ascii=False).encode("utf-16-le")) // 2 > TEXT:
        yield "The entered text is too long. It exceeds the allowed limit of 32,767 characters."


def _status(name: str) -> dict[str, Any]:
    return {"name": name, "statusCategory": {"key": STATUSES[name]}}


def _page(request: Request, name: str, values: list[dict[str, Any]]) -> Answer:
    start, size = int(request.query.get("startAt", 0)), min(int(request.query.get("maxResults", 50)), 50)
    total = len(values)
    shown = {name: values[start : start + size], "startAt": start, "maxResults": size, "total": total}
    return Answer(200, {**shown, "isLast": start + size >= total})


def _refused(status: int, message: str) -> Answer:
    return Answer(status, {"errorMessages": [message], "errors": {}})


def _no_issue() -> Answer:
    return _refused(404, "Issue does not exist or you do not have permission to see it.")
