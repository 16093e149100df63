"""What is peculiar to a vendor's answers, and what a refusal means for the runtime."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from mantissa_core.errors import MantissaError, NeedsOperator, Retry

from .rate_limit import RateLimit

_QUOTABLE = re.compile(r"[A-Za-z0-9:._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor as errors name it.

    ``request_id`` is the header with its id of a request, for its support. ``error_code`` is the path of its error
    code in a refusal's JSON, if it has one (numbers are indices). ``remedies`` say for a status what the operator must
    do. ``limit_codes`` are error codes that mean a limit, where a 403 alone does not say so; ``unknown_codes`` that
    nothing is known of what was asked about, where a 404 alone may also mean a wrong address.
    """

    name: str
    request_id: str = "X-Request-Id"
    error_code: str = ""
    remedies: Mapping[int, str] = field(default_factory=dict)
    code_remedies: Mapping[str, str] = field(default_factory=dict)
    rate_limit: RateLimit = field(default_factory=RateLimit)
    limit_codes: frozenset[str] = frozenset()
    unknown_codes: frozenset[str] = frozenset()

    def refusal(self, response: httpx.Response) -> MantissaError | None:
        """What a status other than 2xx means: ``Retry`` or ``NeedsOperator``; ``None`` for 2xx."""
        status = response.status_code
        if response.is_success:
            return None
        if self.throttles(response):
            return Retry(f"{self.name}'s rate limit is used up{self.quoted(response)}", after=self.wait(response))
        if status >= 500 or status in (408, 425):
            return Retry(f"{self.name} answered {status}{self.quoted(response)}", after=self.wait(response, busy=False))
        remedy = (
            self.code_remedies.get(self._code(response))
            or self.remedies.get(status)
            or _REMEDIES.get(status, "check the settings").format(status)
        )
        said = remedy if self.name in remedy else f"{self.name} answered {status}: {remedy}"
        return NeedsOperator(said + self.quoted(response))

    def throttles(self, response: httpx.Response) -> bool:
        """429, or a 403 that comes of a limit: GitHub answers so and names the time, Salesforce with an error code."""
        if response.status_code != 403:
            return response.status_code == 429
        headers = response.headers
        limited = "Retry-After" in headers or self.rate_limit.used_up(headers)
        return limited or self._code(response) in self.limit_codes

    def knows_nothing(self, response: httpx.Response) -> bool:
        """Whether a refusal says no more than that."""
        return not response.is_success and self._code(response) in self.unknown_codes

    def wait(self, response: httpx.Response, *, busy: bool = True) -> float | None:
        """Seconds that the vendor asks for. A failure that is not ``busy`` has nothing to do with the reset header."""
        return self.rate_limit.wait(response.headers) if busy or "Retry-After" in response.headers else None

    def quoted(self, response: httpx.Response) -> str:
        """Error code and request id in brackets: never more of an answer, it is not ours."""
        parts = (self._code(response), response.headers.get(self.request_id, ""))
        known = [part for part in parts if _QUOTABLE.fullmatch(part)]
        return f" ({', '.join(known)})" if known else ""

    def _code(self, response: httpx.Response) -> str:
        if not self.error_code:
            return ""
        try:
            found = json.loads(response.content)
            for key in self.error_code.split("."):
                found = found[int(key)] if isinstance(found, list) else found[key]
        except (ValueError, LookupError, TypeError, RecursionError):
            return ""
        return str(found) if isinstance(found, (str, int)) else ""


_REMEDIES = {
    400: "it refuses the query, check the settings",
    401: "it refuses the credential, which was revoked or has expired: create a new one",
    403: "the credential lacks a permission",
    404: "there is no such API at this address: check it",
}
