"""Snowflake's key-pair authentication: a JWT that we sign ourselves, good for an hour.

Reference: https://docs.snowflake.com/en/developer-guide/sql-api/authenticating#using-key-pair-authentication.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from mantissa_core.errors import NeedsOperator
from mantissa_core.vendor_api import AccessToken, identity_of
from mantissa_core.vendor_api.jwt import private_key, signed
from pydantic import SecretStr

LIFE = 3540
"""Seconds that a token holds; Snowflake refuses more than an hour."""


class KeyPair:
    """A grant of :class:`mantissa_core.vendor_api.OAuth`: no server is asked. ``clock`` counts seconds since 1970."""

    def __init__(self, account: str, user: str, pem: SecretStr, clock: Callable[[], float] = time.time) -> None:
        key = private_key(pem)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise NeedsOperator("private_key: Snowflake takes RSA keys only")
        self._key, self._clock = key, clock
        self._subject = f"{account_name(account)}.{user.upper()}"
        self._issuer = f"{self._subject}.{fingerprint(key)}"
        self.identity = identity_of(self._issuer)

    def fetch(self) -> AccessToken:
        """Sign a token."""
        now = int(self._clock())
        claims = {"iss": self._issuer, "sub": self._subject, "iat": now, "exp": now + LIFE}
        return AccessToken(signed(claims, self._key), LIFE)


def account_name(account: str) -> str:
    """An account's identifier as tokens have it: in upper case; of a locator without region and cloud."""
    return account.upper().split(".")[0]


def fingerprint(key: rsa.RSAPrivateKey) -> str:
    """``SHA256:`` and the hash of the public key in base64, as ``DESCRIBE USER`` shows it."""
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"SHA256:{base64.b64encode(hashlib.sha256(public).digest()).decode()}"
