"""The connections of one client."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


def http_client(name: str, timeout: float, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """A client that follows no redirect. ``name`` is its User-Agent, ``timeout`` in seconds.

    ``transport`` is another way than TCP with the public authorities: a Unix socket, a client certificate.
    """
    headers = {"Accept": "application/json", "User-Agent": name}
    if transport is not None:
        return httpx.Client(headers=headers, timeout=timeout, transport=transport)
    return httpx.Client(headers=headers, timeout=timeout, verify=_trusted())


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that are trusted: reading them takes longer than a request, one reading serves every client."""
    return httpx.create_ssl_context()
