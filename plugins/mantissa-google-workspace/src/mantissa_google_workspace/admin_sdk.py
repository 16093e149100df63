"""What is peculiar to the refusals of the Admin SDK's APIs.

Reference: https://developers.google.com/workspace/admin/reports/v1/troubleshoot/error-codes
"""

from __future__ import annotations

import json
from typing import Final

import httpx
from mantissa_core.vendor_api import Vendor

REPORTS_SCOPE: Final = "https://www.googleapis.com/auth/admin.reports.audit.readonly"
DIRECTORY_SCOPE: Final = "https://www.googleapis.com/auth/admin.directory.user.readonly"
_QUOTA = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"})
"""Reasons of a 403 that pass by themselves."""
_OFF = "The Admin SDK API is not enabled in the Google Cloud project of the service account"
_TOKEN = "Google Workspace refuses the access token: check the service account's key and subject"  # noqa: S105
_SCOPE = "The service account lacks the scope {}: add it to its domain-wide delegation"


class AdminSDK(Vendor):
    """A vendor that tells by a reason what a status 403 means."""

    __slots__ = ()

    def _code(self, response: httpx.Response) -> str:
        """The reason of the first error; the status where there is none."""
        try:
            error = json.loads(response.content)["error"]
            reason = error["errors"][0]["reason"] if error.get("errors") else error["status"]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            return ""
        return reason if isinstance(reason, str) else ""


REPORTS = AdminSDK(
    "Google Workspace",
    remedies={
        400: "Google Workspace refuses the query: check applications",
        401: _TOKEN,
        403: "Google Workspace does not let 'subject' read reports: it must be an administrator with the privilege "
        "Reports",
        404: "There is no Reports API at this address: check api_url",
    },
    code_remedies={
        "accessNotConfigured": _OFF,
        "forbidden": "Google Workspace does not let 'subject' read reports: it must be an administrator with the "
        "privilege Reports, and the edition must have this log",
        "insufficientPermissions": _SCOPE.format(REPORTS_SCOPE),
    },
    limit_codes=_QUOTA,
)
_NO_USERS = (
    "Google Workspace does not let 'subject' read users: it must be an administrator with the privilege Users › Read, "
    "and 'domains' must be the customer's own"
)
DIRECTORY = AdminSDK(
    "Google Workspace",
    remedies={401: _TOKEN, 403: _NO_USERS, 404: "There is no Directory API at this address: check api_url"},
    code_remedies={
        "accessNotConfigured": _OFF,
        "forbidden": _NO_USERS,
        "insufficientPermissions": _SCOPE.format(DIRECTORY_SCOPE),
    },
    limit_codes=_QUOTA,
)
