"""The few calls of Jira Cloud's REST API v3 that a sink needs.

Reference: https://developer.atlassian.com/cloud/jira/platform/rest/v3/
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from mantissa_core import web
from mantissa_core.errors import MantissaError, NeedsOperator
from mantissa_core.vendor_api import Auth, Basic, Bearer, Vendor, VendorClient
from pydantic import SecretStr

from .adf import Node
from .answers import CreateField, IssueType, Project, Status, Transition, documented

_API = "/rest/api/3"
_PAGE, _PAGES = 50, 200
_LOOK_AHEAD = 50
"""Issues behind the newest one that the search knows, which are looked at one by one."""
_PROPERTY = "mantissa"
"""Key of the property by which a comment is recognised."""


class Refused(NeedsOperator):
    """Jira says what is wrong: ``fields`` by field, ``reasons`` besides."""

    def __init__(self, fields: Mapping[str, str], reasons: Sequence[str]) -> None:
        self.fields, self.reasons = dict(fields), list(reasons)
        said = [*self.reasons, *(f"{name}: {reason}" for name, reason in self.fields.items())]
        super().__init__(f"Jira refuses: {'; '.join(said)}")


class _Jira(Vendor):
    """Reads ``{"errorMessages": […], "errors": {field: …}}``."""

    def refusal(self, response: httpx.Response) -> MantissaError | None:
        if response.status_code in (400, 404, 409, 413):
            fields, reasons = _said(response)
            if fields or reasons:
                return Refused(fields, reasons)
        return super().refusal(response)


JIRA = _Jira(
    "Jira",
    request_id="Atl-Traceid",
    remedies={
        401: "Jira refuses the credential: check e-mail and API token, and that a token with scopes is used at "
        "https://api.atlassian.com/ex/jira/<cloud id>",
        403: "the account lacks a permission in the project",
        404: "there is no Jira Cloud site or no such issue at this address",
    },
)


class Site:
    """One Jira Cloud site, as one account sees it."""

    def __init__(self, address: str, email: str, token: SecretStr, timeout: float) -> None:
        auth: Auth = Basic(email, token) if email else Bearer(token, setting="api_token")
        pair = base64.b64encode(f"{email}:{token.get_secret_value()}".encode()).decode()
        self._secrets = (SecretStr(pair), token)
        self._client = VendorClient(JIRA, address, auth, timeout=timeout)

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    # -- issues ------------------------------------------------------------------------------------------------

    def labelled(self, label: str) -> str | None:
        """Key of the first issue with this label that the search knows; it learns of new ones after some seconds."""
        return self._first(f'labels = "{label}" ORDER BY created ASC')

    def labelled_lately(self, label: str, project: str) -> str | None:
        """As :meth:`labelled`, among the issues that are too new for the search.

        Keys count up within a project, and an issue can be read by its key at once: the next ones are tried.
        """
        name = self.project(project).key
        newest = self._first(f'project = "{name}" ORDER BY created DESC')
        with documented():
            last = int(newest.rpartition("-")[2]) if newest else 0
        keys = [f"{name}-{number}" for number in range(last, last + _LOOK_AHEAD + 1) if number]
        answer = self._call("POST", "/issue/bulkfetch", {"issueIdsOrKeys": keys, "fields": ["labels"]})
        with documented():
            fitting = [str(each["key"]) for each in answer["issues"] if label in (each["fields"].get("labels") or ())]
        return fitting[0] if fitting else None

    def create(self, fields: Mapping[str, Any]) -> str:
        """Create an issue and return its key.

        Raises:
            Refused: a field is missing, unknown, or its value is not allowed.
        """
        answer = self._call("POST", "/issue", {"fields": fields})
        with documented():
            return str(answer["key"])

    def comment(self, issue: str, body: Node, key: str) -> None:
        """Add a comment, unless the one with this key is there."""
        query = {"expand": "properties", "orderBy": "-created", "maxResults": _PAGE}
        ours = {"key": _PROPERTY, "value": key}
        answer = self._call("GET", f"/issue/{issue}/comment", query=query)
        with documented():
            told = any(ours in (each.get("properties") or ()) for each in answer["comments"])
        if not told:
            self._send("POST", f"/issue/{issue}/comment", {"body": body, "properties": [ours]})

    def status(self, issue: str) -> Status:
        """Where the issue stands."""
        answer = self._call("GET", f"/issue/{issue}", query={"fields": "status"})
        with documented():
            return Status.read(answer["fields"]["status"])

    def transitions(self, issue: str) -> list[Transition]:
        """Where the issue may go from where it is."""
        answer = self._call("GET", f"/issue/{issue}/transitions", query={"expand": "transitions.fields"})
        with documented():
            return [Transition.read(each) for each in answer["transitions"]]

    def move(self, issue: str, transition: str, fields: Mapping[str, Any]) -> None:
        """Make a transition."""
        body = {"transition": {"id": transition}, **({"fields": fields} if fields else {})}
        self._send("POST", f"/issue/{issue}/transitions", body)

    # -- the project -------------------------------------------------------------------------------------------

    def project(self, project: str) -> Project:
        """A project by its id or key."""
        answer = self._call("GET", f"/project/{project}")
        with documented():
            return Project.read(answer)

    def projects(self) -> list[Project]:
        """The projects in which the account may create issues."""
        found = self._pages("/project/search", "values", {"action": "create", "orderBy": "name"})
        with documented():
            return [Project.read(each) for each in found]

    def issue_types(self, project: str) -> list[IssueType]:
        """What kinds of issues may be created there."""
        found = self._pages(f"/issue/createmeta/{project}/issuetypes", "issueTypes", {})
        with documented():
            return [IssueType.read(each) for each in found]

    def create_fields(self, project: str, issue_type: str) -> list[CreateField]:
        """What an issue of the type (by id) may have."""
        found = self._pages(f"/issue/createmeta/{project}/issuetypes/{issue_type}", "fields", {})
        with documented():
            return [CreateField.read(each) for each in found]

    def priorities(self) -> list[str]:
        """Names of the site's priorities."""
        found = self._pages("/priority/search", "values", {})
        with documented():
            return [str(each["name"]) for each in found]

    def lacking(self, project_id: str, permissions: Sequence[str]) -> list[str]:
        """Which of these permissions the account lacks in the project."""
        query = {"projectId": project_id, "permissions": ",".join(permissions)}
        answer = self._call("GET", "/mypermissions", query=query)
        with documented():
            known = answer["permissions"]
            return [name for name in permissions if not known.get(name, {}).get("havePermission")]

    # -- inside ------------------------------------------------------------------------------------------------

    def _first(self, jql: str) -> str | None:
        """Key of the first issue that the search finds."""
        answer = self._call("POST", "/search/jql", {"jql": jql, "fields": ["key"], "maxResults": 1})
        with documented():
            return str(answer["issues"][0]["key"]) if answer["issues"] else None

    def _pages(self, path: str, values: str, query: Mapping[str, Any]) -> list[Any]:
        found: list[Any] = []
        for _page in range(_PAGES):
            answer = self._call("GET", path, query={**query, "startAt": len(found), "maxResults": _PAGE})
            with documented():
                more = list(answer[values])
                found += more
                ended = not more or answer.get("isLast") or len(found) >= int(answer.get("total", len(found) + 1))
            if ended:
                break
        return found

    def _call(
        self, method: str, path: str, body: Any = None, *, query: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        response = self._send(method, path, body, query)
        with documented():
            return _object(json.loads(response.content))

    def _send(self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> httpx.Response:
        try:
            return self._client.fetch(method, _API + path, query=query, body=body)
        except Refused as error:
            secrets = [each.get_secret_value() for each in self._secrets]
            fields = {web.excerpt(name, secrets): web.excerpt(said, secrets) for name, said in error.fields.items()}
            raise Refused(fields, [web.excerpt(each, secrets) for each in error.reasons]) from None


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no JSON object")
    return value


def _said(response: httpx.Response) -> tuple[dict[str, str], list[str]]:
    try:
        found = _object(json.loads(response.content))
    except (ValueError, TypeError, RecursionError):
        return {}, []
    errors, messages = found.get("errors"), found.get("errorMessages")
    return (
        {str(name): str(reason) for name, reason in errors.items()} if isinstance(errors, dict) else {},
        [str(each) for each in messages] if isinstance(messages, list) else [],
    )
