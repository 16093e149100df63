"""Asking a vendor about one value while an alert waits: one attempt, a short answer, within the quota."""

from __future__ import annotations

from collections.abc import Mapping

from mantissa_core import web
from mantissa_core.errors import Retry

from .answer import Answer
from .auth import Auth
from .budget import shared
from .http import http_client
from .vendor import Vendor

ANSWER_BYTES = 4 * 1024 * 1024
"""The largest answer that is read."""

PAUSE = 60.0
"""Seconds to wait where a vendor's limit is reached and it does not say for how long."""


class Lookup:
    """One credential at one address, or none. Threads may share it.

    Unlike :class:`.client.VendorClient` it neither waits nor tries again: the caller has a second or two, and comes
    back with the next alert. ``per_minute`` bounds the questions of everyone in this process who uses the same
    credential at the same address; so many may come at once.
    """

    def __init__(self, vendor: Vendor, base_url: str, auth: Auth | None, *, timeout: float, per_minute: int) -> None:
        self.vendor, self._base_url, self._auth, self._per_minute = vendor, base_url, auth, per_minute
        self._http = http_client("mantissa-log", timeout)
        self._budget = shared(f"{base_url} {auth.identity if auth else ''}", per_minute, per_minute)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer | None:
        """``GET`` a path below the base address; ``None`` where the vendor says that nothing is known.

        Raises:
            Retry: no connection, no answer in time, a quota that is used up, a failure of the server, or no JSON.
            NeedsOperator: any other refusal, or an answer that is too large.
        """
        if (seconds := self._budget.take()) > 0:
            said = f"{self.vendor.name}: the quota of requests is used up ({self._per_minute} a minute are configured)"
            raise Retry(said, after=seconds)
        request = self._http.build_request("GET", self._base_url + path, params=query)
        if self._auth:
            self._auth.sign(request)
        response = web.send(self._http, request, ANSWER_BYTES)
        if self.vendor.knows_nothing(response):
            return None
        if error := self.vendor.refusal(response):
            silent = self.vendor.throttles(response) and self.vendor.wait(response) is None
            raise Retry(str(error), after=PAUSE) if silent else error
        if self.vendor.rate_limit.used_up(response.headers):
            self._budget.pause(self.vendor.rate_limit.wait(response.headers) or 0.0)
        return Answer.read(response, self.vendor.name, self.vendor.quoted(response))

    def close(self) -> None:
        """Release the connections."""
        self._http.close()
