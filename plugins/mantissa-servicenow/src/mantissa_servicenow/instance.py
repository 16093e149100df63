"""The Table API of a ServiceNow instance.

Reference: https://www.servicenow.com/docs/r/api-reference/rest-apis/c_TableAPI.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from mantissa_core import web
from mantissa_core.errors import MantissaError, NeedsOperator, Retry
from mantissa_core.vendor_api import Answer, Auth, RateLimit, Vendor, VendorClient
from pydantic import SecretStr

_API = "/api/now/table"
_MOST = 1000


class Refused(NeedsOperator):
    """ServiceNow says why: a data policy, a business rule, an access control."""


class _ServiceNow(Vendor):
    """Reads ``{"error": {"message": …, "detail": …}, "status": "failure"}``."""

    def refusal(self, response: httpx.Response) -> MantissaError | None:
        if response.status_code in (400, 403, 404) and not self.throttles(response) and (said := _said(response)):
            return Refused(said)
        return super().refusal(response)


SERVICENOW = _ServiceNow(
    "ServiceNow",
    request_id="X-Transaction-ID",
    rate_limit=RateLimit(reading="epoch"),
    remedies={
        401: "ServiceNow refuses the credential: check user and password, or the OAuth client",
        403: "the user lacks a role: give it write access to the table",
        404: "there is no Table API at this address, or no such table",
    },
)


class Instance:
    """One instance, as one user sees it. ``secrets`` are struck out of what is quoted from it."""

    def __init__(self, address: str, auth: Auth, timeout: float, secrets: Sequence[SecretStr]) -> None:
        self._client = VendorClient(SERVICENOW, address, auth, timeout=timeout)
        self._secrets = list(secrets)

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def find(self, table: str, query: str, fields: Sequence[str], limit: int = _MOST) -> list[dict[str, str]]:
        """The records that fit an encoded query, with these fields as texts; empty is what cannot be seen.

        ServiceNow leaves out a condition on a field that it does not know and gives every record then
        (``glide.invalid_query.returns_no_rows``): look whether what comes fits.

        Raises:
            Refused: there is no such table, or the user may not read it.
        """
        asked = {
            "sysparm_query": query,
            "sysparm_fields": ",".join(fields),
            "sysparm_limit": limit,
            "sysparm_exclude_reference_link": "true",
        }
        found = self._ask("GET", f"{_API}/{table}", asked).records("result")
        return [{name: str(each.get(name) or "") for name in fields} for each in found]

    def create(self, table: str, record: Mapping[str, str], fields: Sequence[str]) -> dict[str, str]:
        """Insert a record and return these fields of it as they were stored, ``sys_id`` among them."""
        made = self._ask("POST", f"{_API}/{table}", _PLAIN, record).at("result")
        if not isinstance(made, dict) or not made.get("sys_id"):
            raise Retry("ServiceNow's answer has no record: a proxy's?")
        return {name: str(made.get(name) or "") for name in fields}

    def change(self, table: str, sys_id: str, record: Mapping[str, str]) -> None:
        """Change a record's fields, all of them or none."""
        self._ask("PATCH", f"{_API}/{table}/{sys_id}", _PLAIN, record)

    def _ask(self, method: str, path: str, query: Mapping[str, Any], body: Any = None) -> Answer:
        try:
            return self._client.request(method, path, query=query, body=body)
        except Refused as error:
            secrets = [each.get_secret_value() for each in self._secrets]
            raise Refused(f"ServiceNow refuses: {web.excerpt(str(error), secrets, 400)}") from None


_PLAIN = {"sysparm_exclude_reference_link": "true"}


def _said(response: httpx.Response) -> str:
    try:
        error = json.loads(response.content)["error"]
        parts = [error["message"], error.get("detail")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    return ": ".join(part for part in parts if isinstance(part, str) and part)
