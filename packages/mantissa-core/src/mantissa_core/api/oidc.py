"""Bearer tokens of an OpenID Connect provider (https://openid.net/specs/openid-connect-core-1_0.html, section 3.1.3.7).

The algorithm is never the token's choice: RS256 with RSA keys and ES256 with keys on P-256, as the provider's key set
(RFC 7517) says, and nothing else.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import jwt

from mantissa_core import web
from mantissa_core.api_section import OidcSection
from mantissa_core.errors import MantissaError
from mantissa_core.log import get_logger

from .caller import Caller
from .identity import unknown
from .problem import Problem
from .roles import Role
from .scopes import Scope

ALGORITHMS: Mapping[tuple[str, str], str] = {("RSA", ""): "RS256", ("EC", "P-256"): "ES256"}
"""What a key of a kind signs with."""
KEPT = 300.0
"""Seconds that the keys count."""
AGAIN = 10.0
"""Seconds between two look-ups at least, however many unknown keys are named."""
LEEWAY = 30
"""Seconds that clocks may differ."""
LARGEST = 1 << 20
MOST_KEYS = 100
SHORTEST_RSA = 2048


class KeySet:
    """The provider's keys, by ``kid``, fetched when they are needed."""

    def __init__(self, url: str, client: httpx.Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._url, self._client, self._clock = url, client, clock
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = float("-inf")

    def get(self, kid: str) -> jwt.PyJWK | None:
        """The key of that id; a key that is not known, and keys that are old, are looked up.

        Raises:
            Problem: 503, there are no keys and the provider does not answer.
        """
        with self._lock:
            now = self._clock()
            stale = now - self._fetched > KEPT
            if (stale or kid not in self._keys) and now - self._tried >= AGAIN:
                self._tried = now
                self._fetch(now)
            if now - self._fetched > 2 * KEPT:  # keys that may have been withdrawn meanwhile count no longer
                raise Problem(503, "the identity provider's keys cannot be had", headers={"Retry-After": "10"})
            return self._keys.get(kid)

    def _fetch(self, now: float) -> None:
        try:
            response = web.send(self._client, self._client.build_request("GET", self._url), LARGEST)
            web.raise_for_status(response)
            self._keys, self._fetched = _keys(json.loads(response.content)), now
        except (MantissaError, ValueError) as error:
            reason = str(error) if isinstance(error, MantissaError) else "no key set in JSON"
            get_logger("api").warning("no keys of the identity provider", reason=reason)


class Oidc:
    """Tells who a token stands for."""

    def __init__(self, section: OidcSection, client: httpx.Client | None = None,
                 clock: Callable[[], float] = time.monotonic) -> None:  # fmt: skip
        self._section = section
        self._keys = KeySet(section.jwks_url, client or httpx.Client(timeout=10), clock)

    def caller(self, text: str) -> Caller:
        """Who it is.

        Raises:
            Problem: 401, the token is not valid; 403, it stands for nobody with a role; 503, no keys.
        """
        try:
            header = jwt.get_unverified_header(text)
            key = self._keys.get(str(header.get("kid", "")))
            if key is None or header.get("alg") != key.algorithm_name or "crit" in header:
                raise unknown("the token is not valid")
            claims = jwt.decode(
                text,
                key.key,
                algorithms=[key.algorithm_name],
                audience=self._section.audience,
                issuer=self._section.issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            raise unknown("the token is not valid") from None
        return self._known(claims)

    def _known(self, claims: Mapping[str, Any]) -> Caller:
        values = _claim(claims, self._section.role_claim)
        given = [values] if isinstance(values, str) else values if isinstance(values, list) else []
        roles = [
            Role(self._section.roles[each]) for each in given if isinstance(each, str) and each in self._section.roles
        ]
        if not roles:
            raise Problem(403, "the token is valid, but stands for no role", remedy="roles of [api.oidc]")
        subject, name = str(claims["sub"]), claims.get(self._section.name_claim)
        known = name if isinstance(name, str) and name else subject
        role = max(roles, key=list(Role).index)
        return Caller(f"oidc/{subject}", known[:200], role, scopes=self._scopes(claims))

    def _scopes(self, claims: Mapping[str, Any]) -> frozenset[Scope] | None:
        """What the claim allows, a list or words (RFC 8693, section 4.2); those of other programs count for nothing."""
        path = self._section.scope_claim
        if path is None:
            return None
        value = _claim(claims, path)
        given = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
        return frozenset(Scope(each) for each in given if isinstance(each, str) and each in set(Scope))


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim of that very name, or one inside objects."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _keys(document: Any) -> dict[str, jwt.PyJWK]:
    """The keys that may sign tokens; those of other kinds and uses are passed over."""
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list):
        raise ValueError("no key set")  # noqa: TRY004  # what came over the wire
    found: dict[str, jwt.PyJWK] = {}
    for each in listed[:MOST_KEYS]:
        key = _key(each)
        if key is not None:
            found[each["kid"]] = key
    return found


def _key(each: Any) -> jwt.PyJWK | None:
    if not isinstance(each, Mapping) or not isinstance(each.get("kid"), str) or each.get("use", "sig") != "sig":
        return None
    kind = str(each.get("kty")), str(each.get("crv", "")) if each.get("kty") == "EC" else ""
    algorithm = ALGORITHMS.get(kind)
    if algorithm is None or each.get("alg", algorithm) != algorithm or "d" in each:
        return None
    try:
        key = jwt.PyJWK(dict(each), algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return None if kind[0] == "RSA" and key.key.key_size < SHORTEST_RSA else key
