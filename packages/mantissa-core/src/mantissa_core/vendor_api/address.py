"""Addresses of vendors' APIs: https, or http on this machine only. A credential travels with every request."""

from __future__ import annotations

import re
from typing import Annotated

import httpx
from pydantic import AfterValidator

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"[A-Za-z0-9.-]+|::1")


def base_url(text: str) -> str:
    """The address of an API without a slash at its end; ``https://`` is assumed where no scheme is given.

    Raises:
        ValueError: no https, or credentials, a query or a fragment in it.
    """
    try:
        url = httpx.URL(text if "://" in text else f"https://{text}")
    except httpx.InvalidURL as error:
        raise ValueError(f"an address such as https://api.example.com ({error})") from None
    if not _HOST.fullmatch(url.host) or url.query or url.userinfo or url.fragment:
        raise ValueError("an address such as https://api.example.com, without credentials and query")
    if url.scheme != "https" and not (url.host in _LOCAL and url.scheme == "http"):
        raise ValueError("an https:// address: the credential travels with every request")
    return f"{url.scheme}://{url.netloc.decode()}{url.path.rstrip('/')}"


def origin(text: str) -> str:
    """As :func:`base_url`, and without a path."""
    found = base_url(text)
    if httpx.URL(found).path not in {"", "/"}:
        raise ValueError("an address without path, such as https://api.example.com")
    return found


BaseUrl = Annotated[str, AfterValidator(base_url)]
"""A setting that holds the address of an API."""
Origin = Annotated[str, AfterValidator(origin)]
"""A setting that holds a scheme, a host and maybe a port; the host alone will do."""


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Whether scheme, host and port are the same (RFC 6454, section 5)."""
    return (one.scheme, one.host, _port(one)) == (other.scheme, other.host, _port(other))


def _port(url: httpx.URL) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme)
