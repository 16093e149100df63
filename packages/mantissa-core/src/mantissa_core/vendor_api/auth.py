"""How a request proves who sends it. A scheme is one small class with :class:`Auth`'s methods."""

from __future__ import annotations

import base64
import hashlib
from typing import Protocol

import httpx
from pydantic import SecretStr

from mantissa_core.errors import NeedsOperator


class Auth(Protocol):
    """Puts the credential into a request, just before it is sent."""

    @property
    def identity(self) -> str:
        """Stands for the credential without telling it: requests with one identity share a budget."""

    def sign(self, request: httpx.Request) -> None:
        """Add what proves the sender. Called again for every attempt.

        Raises:
            Retry: a token must be fetched first, and its server is unavailable.
            NeedsOperator: the credential is unusable or refused.
        """

    def renew(self, refused: httpx.Request) -> bool:
        """The vendor answered 401 to this request: say whether another attempt has a new credential."""


class HeaderToken:
    """A token that never changes, in a header: ``Authorization: SSWS …``, ``X-Api-Key: …``.

    ``setting`` is the token's key in the settings, for errors.
    """

    def __init__(
        self, token: SecretStr, *, header: str = "Authorization", prefix: str = "", setting: str = "token"
    ) -> None:
        require_sendable(token.get_secret_value(), setting)
        self._token, self._header, self._prefix = token, header, prefix
        self.identity = identity_of(header, token.get_secret_value())

    def sign(self, request: httpx.Request) -> None:
        """Set the header."""
        request.headers[self._header] = self._prefix + self._token.get_secret_value()

    def renew(self, refused: httpx.Request) -> bool:
        """There is no other token."""
        return False


class Bearer(HeaderToken):
    """``Authorization: Bearer …`` (RFC 6750, section 2.1)."""

    def __init__(self, token: SecretStr, *, setting: str = "token") -> None:
        super().__init__(token, prefix="Bearer ", setting=setting)


class Basic:
    """User and password (RFC 7617), in UTF-8."""

    def __init__(self, user: str, password: SecretStr) -> None:
        if ":" in user:
            raise NeedsOperator("user: found a colon, which HTTP's basic authentication cannot carry")
        self._user, self._password = user, password
        self.identity = identity_of("basic", user, password.get_secret_value())

    def sign(self, request: httpx.Request) -> None:
        """Set the header."""
        pair = f"{self._user}:{self._password.get_secret_value()}"
        request.headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"

    def renew(self, refused: httpx.Request) -> bool:
        """There is no other password."""
        return False


def require_sendable(token: str, setting: str) -> None:
    """Refuse what no header can carry, without quoting it: HTTP libraries would quote it in their error.

    Raises:
        NeedsOperator: names ``setting``.
    """
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise NeedsOperator(f"{setting}: found something else than printable ASCII without spaces: copy the token anew")


def identity_of(*parts: str) -> str:
    """A fingerprint under which a credential's requests are counted; it stays in memory."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
