"""A ServiceNow instance over the wire: its Table API with data policies, a business rule, and what it does silently."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Fault, Request

USER, PASSWORD = "mantissa", "pa55word-of-the-tests"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
CLIENT, SECRET, TOKEN = "be3aeb583ace210011c15b24a43e25d8", "client-secret-of-the-tests", "access-of-the-tests"
LENGTHS = {
    "short_description": 160,
    "description": 4000,
    "correlation_id": 100,
    "correlation_display": 100,
    "close_code": 40,
    "close_notes": 4000,
    "work_notes": 4000,
    **dict.fromkeys(("impact", "urgency", "state", "active", "category", "number", "sys_created_on"), 40),
    **dict.fromkeys(("sys_id", "caller_id", "assignment_group"), 32),
}
"""The fields of an incident, and how many characters they keep."""
PRIORITIES = {"1/1": "1", "1/2": "2", "2/1": "2", "1/3": "3", "2/2": "3", "3/1": "3", "2/3": "4", "3/2": "4"}
GROUP, CALLER = f"{1:032x}", f"{2:032x}"
OTHERS: dict[str, list[dict[str, str]]] = {
    "sys_user_group": [{"sys_id": GROUP, "name": "Security Operations", "active": "true"}],
    "sys_user": [
        {"sys_id": CALLER, "user_name": "lin", "email": "lin@example.com", "name": "Lin"},
        {"sys_id": f"{3:032x}", "user_name": "lin2", "email": "lin2@example.com", "name": "Lin"},
    ],
    "sys_choice": [
        {"name": "incident", "element": "close_code", "inactive": "false", "value": "Duplicate", "label": "Duplicate"},
        {"name": "incident", "element": "state", "inactive": "false", "value": "6", "label": "Resolved"},
    ],
}


class FakeServiceNow(FakeHTTP):
    """The table ``incident``. ``losing`` is how many answers to changes get lost.

    ``fields`` are those that the table has and the user may write, ``mandatory`` those that a new record must have.
    """

    faults = frozenset(Fault)

    def __init__(self) -> None:
        super().__init__()
        self.records: list[dict[str, str]] = []
        self.notes: list[str] = []
        self.losing = 0
        self.fields, self.mandatory = set(LENGTHS), {"short_description"}

    def messages(self) -> list[str]:
        """What people read in each record; the notes are those of all."""
        return [
            json.dumps([each["short_description"], each["description"], self.notes], ensure_ascii=False)
            for each in self.records
        ]

    def respond(self, request: Request) -> Answer | None:  # type: ignore[override]  # a lost answer
        answer = super().respond(request)
        if self.losing and request.method in ("POST", "PATCH") and answer.status < 300:
            self.losing -= 1
            return None
        return answer

    def answer(self, request: Request) -> Answer:
        if request.route == "/oauth_token.do":
            good = (request.form.get("client_id"), request.form.get("client_secret")) == (CLIENT, SECRET)
            if request.form.get("grant_type") != "client_credentials" or not good:
                return Answer(401, {"error": "invalid_client", "error_description": "access_denied"})
            return Answer(200, {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 1799})
        if request.headers.get("authorization") not in (BASIC, f"Bearer {TOKEN}"):
            return _failure(401, "User Not Authenticated", "Required to provide Auth information")
        table, _, sys_id = request.route.removeprefix("/api/now/table/").partition("/")
        if table in OTHERS and request.method == "GET":
            return self._read(request, OTHERS[table], {name for each in OTHERS[table] for name in each})
        if table != "incident":
            return _failure(400, f"Invalid table {table}", None)
        if request.method == "GET":
            return self._read(request, self.records, self.fields)
        return self._insert(request) if request.method == "POST" else self._change(request, sys_id)

    def _read(self, request: Request, records: list[dict[str, str]], fields: set[str]) -> Answer:
        """A condition on a field that is not there is ignored, and so is the order."""
        conditions = request.query.get("sysparm_query", "").split("^")
        known: list[list[tuple[str, str]]] = []
        for each in conditions:
            field, _, value = each.removeprefix("OR").partition("=")
            if each.startswith("ORDERBY") or field not in fields:
                continue
            if each.startswith("OR"):
                known[-1].append((field, value))
            else:
                known.append([(field, value)])
        fitting = [
            each for each in records if all(any(each.get(name) == value for name, value in one) for one in known)
        ]
        names = request.query["sysparm_fields"].split(",")
        shown = [{name: each[name] for name in names if name in each} for each in fitting]
        return Answer(200, {"result": shown[: int(request.query["sysparm_limit"])]})

    def _insert(self, request: Request) -> Answer:
        number = len(self.records) + 1
        made = {"sys_id": f"{number:032x}", "number": f"INC{number:07}", "state": "1", "active": "true"}
        given = self._kept(request.json())
        if missing := sorted(name for name in self.mandatory if not given.get(name)):
            policy = f"Data Policy Exception: {', '.join(missing)} mandatory"
            return _failure(403, "Operation Failed", policy)
        made |= given
        made["priority"] = PRIORITIES.get(f"{made.get('impact')}/{made.get('urgency')}", "5")
        self.records.append(made)
        return Answer(201, {"result": made}, {"Location": f"{self.url}{request.route}/{made['sys_id']}"})

    def _change(self, request: Request, sys_id: str) -> Answer:
        record = next((each for each in self.records if each["sys_id"] == sys_id), None)
        if record is None:
            return _failure(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
        given = self._kept(request.json())
        if given.get("state") == "6" and not (given.get("close_code") and given.get("close_notes")):
            return _failure(403, "Operation Failed", "Data Policy Exception: close_code, close_notes mandatory")
        if record["state"] in ("7", "8") and "state" in given:
            return _failure(403, "Operation Failed", "aborted by Business Rule 'Closed incidents stay closed'")
        if note := given.pop("work_notes", ""):
            self.notes.append(note)
        record |= given
        return Answer(200, {"result": record})

    def _kept(self, given: dict[str, Any]) -> dict[str, str]:
        """As the instance keeps it: values are texts, cut without a mark; what the user may not write is dropped."""
        assert all(isinstance(each, str) for each in given.values()), given
        assert not any(re.search(r"\[/?code\]", each, re.IGNORECASE) for each in given.values()), "would be HTML"
        return {name: each[: LENGTHS[name]] for name, each in given.items() if name in self.fields}


def _failure(status: int, message: str, detail: str | None) -> Answer:
    return Answer(status, {"error": {"message": message, "detail": detail}, "status": "failure"})
