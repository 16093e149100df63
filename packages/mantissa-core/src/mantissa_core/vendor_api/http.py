"""The connections of one client."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


def http_client(name: str, timeout: float) -> httpx.Client:
    """A client that follows no redirect. ``name`` is its User-Agent, ``timeout`` in seconds."""
    return httpx.Client(headers={"Accept": "application/json", "User-Agent": name}, timeout=timeout, verify=_trusted())


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that are trusted: reading them takes longer than a request, one reading serves every client."""
    return httpx.create_ssl_context()
