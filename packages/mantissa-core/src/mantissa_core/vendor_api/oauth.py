"""OAuth 2.0 grants (RFC 6749): client credentials, refresh token, and an assertion signed by us (RFC 7523)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from pydantic import SecretStr

from mantissa_core import web
from mantissa_core.errors import Conflict, NeedsOperator, Retry, SecretError
from mantissa_core.stored_secret import StoredSecret

from .access_token import AccessToken
from .auth import Auth, identity_of
from .jwt import PrivateKey, signed
from .vendor import Vendor

_REFUSALS = frozenset(
    {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"}
    | {"invalid_scope"}
)
"""RFC 6749, section 5.2. Other words of the server are not repeated."""


class GrantRefused(NeedsOperator):
    """``invalid_grant``: the refresh token or the assertion is not accepted, or no longer."""


class TokenEndpoint:
    """Where tokens are given. ``client`` says who asks (basic authentication), or nobody where the form does."""

    def __init__(self, vendor: Vendor, url: str, http: httpx.Client, client: Auth | None = None) -> None:
        self._vendor, self.url, self._http, self._client = vendor, url, http, client

    def fetch(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Ask for a token with this form and return the answer's members.

        Raises:
            Retry: unavailable, throttled, or an answer without a token.
            GrantRefused: ``invalid_grant``.
            NeedsOperator: any other refusal.
        """
        request = self._http.build_request("POST", self.url, data=dict(form))
        if self._client:
            self._client.sign(request)
        response = web.send(self._http, request)
        members = _object(response)
        code = str(members.get("error", ""))
        if response.status_code in (400, 401) and code in _REFUSALS:
            kind = GrantRefused if code == "invalid_grant" else NeedsOperator
            raise kind(f"{self._vendor.name} gives no access token ({code}): check the credential and its scopes")
        if error := self._vendor.refusal(response):
            raise error
        if not isinstance(members.get("access_token"), str):
            raise Retry(f"{self._vendor.name}'s token endpoint gave no access token{self._vendor.quoted(response)}")
        return members


class ClientCredentials:
    """The client itself is the credential (RFC 6749, section 4.4)."""

    def __init__(
        self,
        endpoint: TokenEndpoint,
        client_id: str,
        client_secret: SecretStr,
        *,
        in_body: bool = True,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """``in_body``: id and secret stand in the form; else the endpoint's ``client`` sends them."""
        self._endpoint, self._extra, self._in_body = endpoint, dict(extra or {}), in_body
        self._id, self._secret = client_id, client_secret
        self.identity = identity_of(endpoint.url, client_id, client_secret.get_secret_value())

    def fetch(self) -> AccessToken:
        """Ask for a token."""
        form = {"grant_type": "client_credentials", **self._extra}
        if self._in_body:
            form |= {"client_id": self._id, "client_secret": self._secret.get_secret_value()}
        return _token(self._endpoint.fetch(form))


class JWTBearer:
    """An assertion that we sign stands for the user or the service account (RFC 7523, section 2.1).

    ``claims`` are ``iss``, ``sub``, ``aud`` and whatever the vendor adds (Google's ``scope``); the times are filled
    in, ``life`` seconds apart. Google allows an hour, Salesforce three minutes.
    """

    def __init__(
        self,
        endpoint: TokenEndpoint,
        claims: Mapping[str, str],
        key: PrivateKey,
        *,
        key_id: str | None = None,
        life: int = 180,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint, self._claims, self._key = endpoint, dict(claims), key
        self._key_id, self._life, self._clock = key_id, life, clock
        self.identity = identity_of(endpoint.url, *(f"{name}={value}" for name, value in sorted(claims.items())))

    def fetch(self) -> AccessToken:
        """Sign an assertion and ask for a token."""
        now = int(self._clock())
        assertion = signed({**self._claims, "iat": now, "exp": now + self._life}, self._key, self._key_id)
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        return _token(self._endpoint.fetch({"grant_type": grant, "assertion": assertion}))


class RefreshToken:
    """A refresh token, which the vendor may replace at each use (RFC 6749, section 6; RFC 9700, section 4.14.2).

    A new one is stored before the access token that came with it is used. Where storing fails it is kept in memory
    and stored before anything else is done. Between the vendor's answer and the store lies a moment in which a
    crash loses it; most vendors accept the former one for a short while then. Another process that was faster is
    noticed: what it stored is used.
    """

    def __init__(self, endpoint: TokenEndpoint, secret: StoredSecret, extra: Mapping[str, str] | None = None) -> None:
        self._endpoint, self._secret, self._extra = endpoint, secret, dict(extra or {})
        self._unstored: tuple[str, int] | None = None
        self.identity = identity_of(endpoint.url, secret.name)

    def fetch(self) -> AccessToken:
        """Use the stored token, store its successor, and return the access token."""
        self._store()
        value, version = self._secret.read()
        try:
            members = self._use(value)
        except GrantRefused:
            newer, version = self._secret.read()
            if newer == value:
                raise GrantRefused(
                    f"the refresh token in secret {self._secret.name} is no longer accepted: authorise anew and "
                    f"store it with `mantissa secrets set {self._secret.name}`"
                ) from None
            value, members = newer, self._use(newer)
        successor = members.get("refresh_token")
        if isinstance(successor, str) and successor and successor != value:
            self._unstored = (successor, version)
            self._store()
        return _token(members)

    def _use(self, value: str) -> Mapping[str, Any]:
        return self._endpoint.fetch({"grant_type": "refresh_token", "refresh_token": value, **self._extra})

    def _store(self) -> None:
        if self._unstored is None:
            return
        successor, version = self._unstored
        try:
            self._secret.replace(successor, version)
        except Conflict:
            self._unstored = None  # another process used the credential after us: its token is the newer one
            return
        except SecretError as error:
            raise NeedsOperator(
                f"the new refresh token for secret {self._secret.name} cannot be stored ({error}); it is kept in "
                "memory: mend the store before this process ends"
            ) from None
        self._unstored = None


def _object(response: httpx.Response) -> Mapping[str, Any]:
    try:
        found = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _token(members: Mapping[str, Any]) -> AccessToken:
    life = members.get("expires_in")
    try:
        seconds = None if life is None else float(life)
    except (TypeError, ValueError):
        seconds = None
    return AccessToken(members["access_token"], seconds if seconds is not None and 0 < seconds < 1e9 else None)
