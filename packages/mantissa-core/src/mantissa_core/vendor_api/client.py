"""Asking a vendor's API: signed, within the budget, bounded, and with every failure named by what happens next."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping
from typing import Any, BinaryIO

import httpx

from mantissa_core import web
from mantissa_core.errors import Retry

from .answer import Answer
from .attempts import Attempts
from .auth import Auth
from .budget import shared
from .cursors import CursorRefused
from .http import http_client
from .vendor import Vendor

ANSWER_BYTES = 32 * 1024 * 1024
"""The largest answer that is read."""
PATIENCE = 2.0
"""Seconds that a call waits for the budget; for longer the runtime is asked to come back."""


class VendorClient:
    """One credential at one address. Threads may share it.

    ``per_minute`` and ``burst`` bound the requests of everyone in this process who uses the same credential at the
    same address. ``base_url`` comes from :func:`.address.base_url`. ``transport`` is that of :func:`.http.http_client`.
    """

    def __init__(
        self,
        vendor: Vendor,
        base_url: str,
        auth: Auth,
        *,
        timeout: float = 30,
        per_minute: float = 600,
        burst: int = 60,
        headers: Mapping[str, str] | None = None,
        answer_bytes: int = ANSWER_BYTES,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.vendor, self.base_url = vendor, base_url
        self._auth, self._headers, self._answer_bytes, self._sleep = auth, dict(headers or {}), answer_bytes, sleep
        self._http = http_client(f"mantissa-{vendor.name.lower().replace(' ', '-')}", timeout, transport)
        self._own_budget = f"the budget of {per_minute:g} requests a minute to {vendor.name}"
        self._budget = shared(f"{base_url} {auth.identity}", per_minute, burst)
        self._attempts = Attempts(sleep=sleep)

    def get(self, path: str, query: Mapping[str, Any] | None = None, *, cursor_refused: Container[int] = ()) -> Answer:
        """``GET`` a path below the base address.

        ``cursor_refused`` are the statuses by which the vendor says that the cursor in ``query`` has expired.

        Raises:
            Retry: no connection, no answer in time, throttled, a failure of the server, or no JSON.
            NeedsOperator: any other refusal, or an answer that is too large.
            CursorRefused: as above.
        """
        return self.request("GET", path, query=query, cursor_refused=cursor_refused)

    def find(self, path: str, query: Mapping[str, Any] | None = None, absent: Container[int] = (404,)) -> Answer | None:
        """As :meth:`get`, of something that need not be there: ``None`` where the vendor says so by ``absent``."""
        try:
            return self.get(path, query, cursor_refused=absent)
        except CursorRefused:
            return None

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        cursor_refused: Container[int] = (),
    ) -> Answer:
        """Ask with any method; ``body`` becomes JSON. Only safe methods are tried again within the call."""
        response = self.fetch(method, path, query=query, body=body, cursor_refused=cursor_refused)
        return Answer.read(response, self.vendor.name, self.vendor.quoted(response))

    def fetch(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        cursor_refused: Container[int] = (),
    ) -> httpx.Response:
        """As :meth:`request`, for an answer that is no JSON document, such as JSON lines: its bytes, unread."""

        def send(request: httpx.Request) -> httpx.Response:
            return web.send(self._http, request, self._answer_bytes)

        response = self._exchange(method, path, query, body, send)
        if response.status_code in cursor_refused:
            raise CursorRefused
        return self._accepted(response)

    def download(self, path: str, file: BinaryIO, *, limit: int, gone: Container[int] = ()) -> None:
        """``GET`` a path and write what comes into ``file``, at most ``limit`` bytes; whether it is whole is not known.

        ``gone`` are the statuses by which the vendor says that it has deleted the file.

        Raises:
            Retry: as :meth:`get`; also where the file is gone, or a web page comes in its place.
            NeedsOperator: as :meth:`get`.
        """

        def save(request: httpx.Request) -> httpx.Response:
            return web.save(self._http, request, file, limit)

        response = self._exchange("GET", path, None, None, save)
        if response.status_code in gone:
            raise Retry(f"{self.vendor.name} has deleted the file meanwhile{self.vendor.quoted(response)}")
        self._accepted(response)
        if "html" in response.headers.get("Content-Type", "").lower():
            raise Retry(f"{self.vendor.name} answered with a web page instead of a file{self.vendor.quoted(response)}")

    def close(self) -> None:
        """Release the connections."""
        self._http.close()

    def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Any,
        send: Callable[[httpx.Request], httpx.Response],
    ) -> httpx.Response:
        """Send a signed request, within the budget; once more with a new token where the vendor refuses the old one."""

        def attempt() -> httpx.Response:
            self._await_budget()
            request = self._http.build_request(
                method, self.base_url + path, params=dict(query) if query else None, json=body, headers=self._headers
            )
            self._auth.sign(request)
            return send(request)

        response = self._attempts.run(attempt, method)
        if response.status_code == 401 and self._auth.renew(response.request):
            response = self._attempts.run(attempt, method)
        return response

    def _accepted(self, response: httpx.Response) -> httpx.Response:
        """Take note of the limit for the next request, then raise what a refusal means."""
        throttled = self.vendor.throttles(response)
        if throttled or self.vendor.rate_limit.used_up(response.headers):
            self._budget.pause(self.vendor.wait(response) or 0.0)
        if error := self.vendor.refusal(response):
            raise error
        return response

    def _await_budget(self) -> None:
        """Wait shortly, or ask the runtime to come back: to run into a limit counts against the customer."""
        while (seconds := self._budget.take()) > 0:
            if seconds > PATIENCE:
                whose = f"{self.vendor.name}'s rate limit" if self._budget.paused else self._own_budget
                raise Retry(f"{whose} is used up: the next request is allowed in {seconds:.0f} s", after=seconds)
            self._sleep(seconds)
