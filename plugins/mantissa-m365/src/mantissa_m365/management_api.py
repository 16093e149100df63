"""What is peculiar to the Office 365 Management Activity API's refusals.

Reference: https://learn.microsoft.com/en-us/office/office-365-management-api/office-365-management-activity-api-reference#errors
"""

from __future__ import annotations

from typing import Final

import httpx
from mantissa_core.errors import MantissaError, NeedsOperator
from mantissa_core.vendor_api import Vendor

NO_SUBSCRIPTION: Final = "AF20022"
ALREADY_ENABLED: Final = "AF20024"
INVALID_PAGE: Final = "AF20031"
GONE: Final = frozenset({"AF20050", "AF20051", "AF20052"})
"""Content that does not exist, or no longer."""
_THROTTLED = "AF429"
_SPAN = "Microsoft gives content of at most 24 hours at once, and of the last seven days: check this machine's clock"
_REMEDIES = {
    "AF10001": "Microsoft does not let the application read: it needs the application permission ActivityFeed.Read of "
    "'Office 365 Management APIs' (ActivityFeed.ReadDlp for DLP.All), with an administrator's consent",
    "AF20010": "The application is not one of this tenant: check tenant_id",
    "AF20011": "Microsoft knows no such tenant: check tenant_id",
    "AF20012": "The tenant is not set up for the Management Activity API: switch on auditing in the Purview portal",
    "AF20013": "tenant_id is not the tenant's GUID",
    "AF20020": "Microsoft knows no such content type: check content_types",
    NO_SUBSCRIPTION: "There is no subscription to this content type",
    "AF20023": "An administrator has disabled the subscription to this content type: start it again at Microsoft",
    ALREADY_ENABLED: "The subscription is enabled already",
    "AF20030": _SPAN,
    INVALID_PAGE: "Microsoft does not know the page",
    "AF20055": _SPAN,
    **dict.fromkeys(GONE, "Microsoft does not have this content, or no longer"),
}


class Refused(NeedsOperator):
    """The API refused a request for a reason with a ``code``. Some of them the collector can deal with."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class ManagementAPI(Vendor):
    """A vendor whose error codes, and not its statuses, say what is wrong."""

    __slots__ = ()

    def refusal(self, response: httpx.Response) -> MantissaError | None:
        """As for every vendor, with the remedy of the error code where there is one."""
        code = "" if response.is_success else self._code(response)
        if code in _REMEDIES:
            return Refused(_REMEDIES[code] + self.quoted(response), code)
        return super().refusal(response)

    def throttles(self, response: httpx.Response) -> bool:
        """429, whatever the status says."""
        return super().throttles(response) or (not response.is_success and self._code(response) == _THROTTLED)


MICROSOFT = ManagementAPI(
    "Microsoft 365",
    request_id="request-id",
    error_code="error.code",
    remedies={
        400: "Microsoft 365 refuses the request",
        401: "Microsoft 365 refuses the application: check tenant_id, client_id and client_secret, and that the "
        "application has the permission ActivityFeed.Read of 'Office 365 Management APIs'",
        403: "Microsoft 365 does not let the application read: it needs the application permission ActivityFeed.Read "
        "of 'Office 365 Management APIs', with an administrator's consent",
        404: "There is no Management Activity API at this address: check api_url",
    },
)
