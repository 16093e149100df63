"""A token endpoint for fake vendors: client credentials, and refresh tokens that are good for one use."""

from __future__ import annotations

import base64
import itertools

from .loopback import Answer, Request


class FakeTokens:
    """Gives access tokens that hold ``expires_in`` seconds by its own word, and forever until :meth:`lapse`.

    A client proves itself in the form or by basic authentication. ``rotate``: each use of a refresh token gives a
    new one and ends the old.
    """

    def __init__(self, client_id: str, client_secret: str, *, expires_in: int = 3600, rotate: bool = False) -> None:
        self.client_id, self.client_secret, self.expires_in, self.rotate = client_id, client_secret, expires_in, rotate
        self.given: list[str] = []
        self._numbers = itertools.count(1)
        self.refresh_token = f"refresh-{next(self._numbers)}"
        self._good: set[str] = set()

    def answer(self, request: Request) -> Answer:
        """Answer a request for a token (RFC 6749, sections 5.1 and 5.2)."""
        form = request.form
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") != self.refresh_token:
                return Answer(400, {"error": "invalid_grant"})
            if self.rotate:
                self.refresh_token = f"refresh-{next(self._numbers)}"
        elif form.get("grant_type") != "client_credentials":
            return Answer(400, {"error": "unsupported_grant_type"})
        elif not self._knows(request):
            return Answer(401, {"error": "invalid_client"})
        token = f"access-{next(self._numbers)}"
        self.given.append(token)
        self._good.add(token)
        rotated = {"refresh_token": self.refresh_token} if self.rotate else {}
        members = {"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in}
        return Answer(200, {**members, **rotated})

    def accepts(self, request: Request) -> bool:
        """Whether a request carries a token that is good."""
        return request.headers.get("authorization", "").removeprefix("Bearer ") in self._good

    def lapse(self) -> None:
        """End every token given so far."""
        self._good.clear()

    def _knows(self, request: Request) -> bool:
        pair = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        form = request.form
        return request.headers.get("authorization") == f"Basic {pair}" or (
            (form.get("client_id"), form.get("client_secret")) == (self.client_id, self.client_secret)
        )
