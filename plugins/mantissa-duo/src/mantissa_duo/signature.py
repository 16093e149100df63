"""How Duo's APIs are signed: an HMAC over date, method, host, path and parameters, as a password.

Reference: https://duo.com/docs/adminapi#authentication.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from email.utils import formatdate
from typing import Literal
from urllib.parse import parse_qsl, quote

import httpx
from mantissa_core.vendor_api import identity_of
from pydantic import SecretStr

Digest = Literal["sha1", "sha512"]


class DuoSignature:
    """The scheme of Duo's Admin API for requests without a body."""

    def __init__(self, integration_key: str, secret_key: SecretStr, digest: Digest) -> None:
        self._integration_key, self._secret_key, self._digest = integration_key, secret_key, digest
        self.identity = identity_of(integration_key, secret_key.get_secret_value())

    def sign(self, request: httpx.Request) -> None:
        """Date and sign the request: Duo accepts no date that is far from its own clock."""
        date = formatdate()
        password = signature(
            date,
            request.method,
            request.url.host,
            request.url.path,
            request.url.query.decode(),
            self._secret_key,
            self._digest,
        )
        pair = base64.b64encode(f"{self._integration_key}:{password}".encode()).decode()
        request.headers["Date"], request.headers["Authorization"] = date, f"Basic {pair}"

    def renew(self, refused: httpx.Request) -> bool:
        """There is no other key."""
        return False


def signature(
    date: str, method: str, host: str, path: str, query: str, secret_key: SecretStr, digest: Digest = "sha1"
) -> str:
    """The hexadecimal HMAC; ``query`` is that of the address, in whatever order and encoding."""
    lines = [date, method.upper(), host.lower(), path, canonical(query)]
    return hmac.new(secret_key.get_secret_value().encode(), "\n".join(lines).encode(), _DIGESTS[digest]).hexdigest()


def canonical(query: str) -> str:
    """The parameters sorted by name, everything encoded but letters, digits and ``_.~-`` (RFC 3986, section 2.3)."""
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)


_DIGESTS = {"sha1": hashlib.sha1, "sha512": hashlib.sha512}
