"""What is peculiar to the Reports API's refusals.

Reference: https://developers.google.com/workspace/admin/reports/v1/troubleshoot/error-codes
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import httpx
from mantissa_core.errors import MantissaError, NeedsOperator
from mantissa_core.vendor_api import Vendor

SCOPE: Final = "https://www.googleapis.com/auth/admin.reports.audit.readonly"
_QUOTA = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"})
"""Reasons of a 403 that pass by themselves."""
_REMEDIES = {
    "accessNotConfigured": "The Admin SDK API is not enabled in the Google Cloud project of the service account",
    "forbidden": "Google Workspace does not let 'subject' read reports: it must be an administrator with the privilege "
    "Reports, and the edition must have this log",
    "insufficientPermissions": f"The service account lacks the scope {SCOPE}: add it to its domain-wide delegation",
}


class ReportsAPI(Vendor):
    """A vendor that tells by a reason what a status 403 means."""

    __slots__ = ()

    def refusal(self, response: httpx.Response) -> MantissaError | None:
        """As for every vendor, with the remedy of the reason where there is one."""
        if response.status_code == 403 and not self.throttles(response):
            remedy = _REMEDIES.get(self._code(response))
            return NeedsOperator(remedy + self.quoted(response)) if remedy else super().refusal(response)
        return super().refusal(response)

    def throttles(self, response: httpx.Response) -> bool:
        """429, and a 403 for a quota."""
        return super().throttles(response) or (response.status_code == 403 and self._code(response) in _QUOTA)

    def _code(self, response: httpx.Response) -> str:
        """The reason of the first error; the status where there is none."""
        try:
            error = json.loads(response.content)["error"]
            reason = error["errors"][0]["reason"] if error.get("errors") else error["status"]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            return ""
        return reason if isinstance(reason, str) else ""


_NOT_GRANTED: Mapping[int, str] = {
    400: "Google Workspace refuses the query: check applications",
    401: "Google Workspace refuses the access token: check the service account's key and subject",
    403: "Google Workspace does not let 'subject' read reports: it must be an administrator with the privilege Reports",
    404: "There is no Reports API at this address: check api_url",
}
GOOGLE = ReportsAPI("Google Workspace", error_code="error.status", remedies=_NOT_GRANTED)
