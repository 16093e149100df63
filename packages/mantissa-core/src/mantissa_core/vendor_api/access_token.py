"""Access tokens that expire: fetched once for all threads, renewed early, and once more on 401."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import httpx

from .auth import require_sendable

_EARLY = 60.0
"""Seconds before its end that a token is replaced, or a tenth of its life where that is less."""


@dataclass(frozen=True, slots=True, repr=False)
class AccessToken:
    """A token and for how many seconds it holds; ``None`` where the server does not say."""

    value: str
    expires_in: float | None = None


class Grant(Protocol):
    """How a new access token is obtained."""

    @property
    def identity(self) -> str:
        """Stands for the credential without telling it."""

    def fetch(self) -> AccessToken:
        """Ask for a token.

        Raises:
            Retry: the server is unavailable or throttles.
            NeedsOperator: it refuses the credential.
        """


class OAuth:
    """The scheme ``Authorization: Bearer <access token>`` for any grant. ``clock`` counts seconds."""

    def __init__(self, grant: Grant, clock: Callable[[], float] = time.monotonic) -> None:
        self._grant, self._clock = grant, clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._renew_at: float | None = None
        self.identity = grant.identity

    def sign(self, request: httpx.Request) -> None:
        """Set the header; fetch a token where there is none that holds."""
        request.headers["Authorization"] = f"Bearer {self._current()}"

    def renew(self, refused: httpx.Request) -> bool:
        """Forget the refused token, unless another thread has replaced it already."""
        with self._lock:
            if refused.headers.get("Authorization") == f"Bearer {self._token}":
                self._token = None
        return True

    def _current(self) -> str:
        with self._lock:  # others wait for the one that fetches
            if self._token is None or (self._renew_at is not None and self._clock() >= self._renew_at):
                asked = self._clock()  # before the request: its way counts as the token's age
                token = self._grant.fetch()
                require_sendable(token.value, "access_token")
                self._token, life = token.value, token.expires_in
                self._renew_at = None if life is None else asked + life - min(_EARLY, life / 10)
            return self._token
