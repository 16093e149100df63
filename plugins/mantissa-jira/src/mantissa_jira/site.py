"""The few calls of Jira Cloud's REST API v3 that a sink needs.

Reference: https://developer.atlassian.com/cloud/jira/platform/rest/v3/
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
from mantissa_core import web
from mantissa_core.errors import MantissaError, NeedsOperator, Retry
from mantissa_core.vendor_api import Auth, Basic, Bearer, Vendor, VendorClient
from pydantic import SecretStr

from .adf import Node

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
        found = self._search(f'labels = "{label}" ORDER BY created ASC')
        return str(found[0]["key"]) if found else None

    def labelled_lately(self, label: str, project: str) -> str | None:
        """As :meth:`labelled`, among the issues that are too new for the search.

        Keys count up within a project, and an issue can be read by its key at once: the next ones are tried.
        """
        name = self.project(project)["key"]
        newest = self._search(f'project = "{name}" ORDER BY created DESC')
        last = int(str(newest[0]["key"]).rpartition("-")[2]) if newest else 0
        keys = [f"{name}-{number}" for number in range(last, last + _LOOK_AHEAD + 1) if number]
        answer = self._call("POST", "/issue/bulkfetch", {"issueIdsOrKeys": keys, "fields": ["labels"]})
        fitting = (each for each in answer.get("issues", ()) if label in each["fields"].get("labels", ()))
        return next((str(each["key"]) for each in fitting), None)

    def create(self, fields: Mapping[str, Any]) -> str:
        """Create an issue and return its key.

        Raises:
            Refused: a field is missing, unknown, or its value is not allowed.
        """
        return str(self._call("POST", "/issue", {"fields": fields})["key"])

    def comment(self, issue: str, body: Node, key: str) -> None:
        """Add a comment, unless the one with this key is there."""
        query = {"expand": "properties", "orderBy": "-created", "maxResults": _PAGE}
        told = self._call("GET", f"/issue/{issue}/comment", query=query).get("comments", ())
        if not any({"key": _PROPERTY, "value": key} in each.get("properties", ()) for each in told):
            self._call(
                "POST", f"/issue/{issue}/comment", {"body": body, "properties": [{"key": _PROPERTY, "value": key}]}
            )

    def status(self, issue: str) -> Mapping[str, Any]:
        """``{"name": …, "statusCategory": {"key": "new" | "indeterminate" | "done"}}``."""
        answer = self._call("GET", f"/issue/{issue}", query={"fields": "status"})
        return _object(answer["fields"]["status"])

    def transitions(self, issue: str) -> list[dict[str, Any]]:
        """Where the issue may go from where it is, each ``{"id", "to": <status>, "fields": {…}}``."""
        answer = self._call("GET", f"/issue/{issue}/transitions", query={"expand": "transitions.fields"})
        return list(answer.get("transitions", ()))

    def move(self, issue: str, transition: str, fields: Mapping[str, Any]) -> None:
        """Make a transition."""
        body = {"transition": {"id": transition}, **({"fields": fields} if fields else {})}
        self._send("POST", f"/issue/{issue}/transitions", body)

    # -- the project -------------------------------------------------------------------------------------------

    def project(self, project: str) -> Mapping[str, Any]:
        """``{"id", "key", "name"}`` of a project by id or key."""
        return self._call("GET", f"/project/{project}")

    def projects(self) -> list[dict[str, Any]]:
        """The projects in which the account may create issues."""
        return list(self._pages("/project/search", "values", {"action": "create", "orderBy": "name"}))

    def issue_types(self, project: str) -> list[dict[str, Any]]:
        """What kinds of issues may be created there: ``{"id", "name", "subtask"}``."""
        return list(self._pages(f"/issue/createmeta/{project}/issuetypes", "issueTypes", {}))

    def create_fields(self, project: str, issue_type: str) -> list[dict[str, Any]]:
        """What an issue of the type (by id) may have: ``{"fieldId", "name", "required", "hasDefaultValue"}``."""
        return list(self._pages(f"/issue/createmeta/{project}/issuetypes/{issue_type}", "fields", {}))

    def priorities(self) -> list[dict[str, Any]]:
        """The site's priorities: ``{"id", "name"}``."""
        return list(self._pages("/priority/search", "values", {}))

    def permissions(self, project_id: str, names: Sequence[str]) -> dict[str, bool]:
        """Which of these the account has in the project."""
        query = {"projectId": project_id, "permissions": ",".join(names)}
        known = self._call("GET", "/mypermissions", query=query).get("permissions", {})
        return {name: bool(known.get(name, {}).get("havePermission")) for name in names}

    # -- inside ------------------------------------------------------------------------------------------------

    def _search(self, jql: str) -> list[dict[str, Any]]:
        body = {"jql": jql, "fields": ["key"], "maxResults": 1}
        return list(self._call("POST", "/search/jql", body).get("issues", ()))

    def _pages(self, path: str, values: str, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        start = 0
        for _page in range(_PAGES):
            answer = self._call("GET", path, query={**query, "startAt": start, "maxResults": _PAGE})
            found = answer.get(values) or ()
            yield from found
            start += len(found)
            if not found or answer.get("isLast") or start >= answer.get("total", start + 1):
                return

    def _call(
        self, method: str, path: str, body: Any = None, *, query: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            return _object(json.loads(self._send(method, path, body, query).content))
        except (ValueError, RecursionError):
            raise Retry("Jira's answer is no JSON: a proxy's, or a notice of maintenance") from None

    def _send(self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> httpx.Response:
        try:
            return self._client.fetch(method, _API + path, query=query, body=body)
        except Refused as error:
            secrets = [each.get_secret_value() for each in self._secrets]
            fields = {web.excerpt(name, secrets): web.excerpt(said, secrets) for name, said in error.fields.items()}
            raise Refused(fields, [web.excerpt(each, secrets) for each in error.reasons]) from None


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Retry("Jira's answer is none of its own: a proxy's?")
    return value


def _said(response: httpx.Response) -> tuple[dict[str, str], list[str]]:
    try:
        found = _object(json.loads(response.content))
    except (ValueError, RecursionError, Retry):
        return {}, []
    errors, messages = found.get("errors"), found.get("errorMessages")
    return (
        {str(name): str(reason) for name, reason in errors.items()} if isinstance(errors, dict) else {},
        [str(each) for each in messages] if isinstance(messages, list) else [],
    )
