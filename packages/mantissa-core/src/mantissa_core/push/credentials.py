"""Whether a sender may push: tokens and signatures, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

from pydantic import SecretStr

from .request import Refused, Request

SHORTEST = 16
"""Characters of the shortest token that is taken: shorter ones can be guessed."""


def require_token(request: Request, tokens: Iterable[SecretStr]) -> None:
    """Let in who shows one of the tokens, as ``Authorization: Bearer <token>`` or ``X-API-Key: <token>``.

    Raises:
        Refused: 401, none or another was shown.
    """
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        given = request.headers.get("x-api-key", "")
    if not _any_equal(given.strip(), [each.get_secret_value() for each in tokens]):
        message = "the token is missing or wrong: send 'Authorization: Bearer <token>'"
        raise Refused(401, message, {"WWW-Authenticate": "Bearer"})


def require_signature(request: Request, header: str, secrets: Iterable[SecretStr], prefix: str = "sha256=") -> None:
    """Let in what is signed: ``header`` holds ``prefix`` and the HMAC-SHA256 of the body in hexadecimal digits.

    Call it where the body is read (:meth:`PushReceiver.verify`).

    Raises:
        Refused: 401, the signature is missing or wrong.
    """
    expected = [
        prefix + hmac.new(each.get_secret_value().encode(), request.body, hashlib.sha256).hexdigest()
        for each in secrets
        if each.get_secret_value()
    ]
    if not _any_equal(request.headers.get(header.lower(), ""), expected):
        raise Refused(401, f"the signature in {header} is missing or wrong")


def strong(token: SecretStr) -> SecretStr:
    """The token, where it is long enough; for validators of settings.

    Raises:
        ValueError: it is not.
    """
    if len(token.get_secret_value()) < SHORTEST:
        raise ValueError(f"a token of at least {SHORTEST} characters")
    return token


def listed(value: Any) -> Any:
    """A single value as a list of one; for settings that take several while one is replaced by another."""
    return value if isinstance(value, (list, tuple)) else (value,)


def _any_equal(given: str, known: Iterable[str]) -> bool:
    """Every one is compared, so that the time does not tell which one was near."""
    found = False
    for each in known:
        found |= bool(each) and hmac.compare_digest(given.encode("utf-8", "replace"), each.encode())
    return found
