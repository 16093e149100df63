"""Google's token endpoint: access tokens for assertions that a service account's key has signed."""

from __future__ import annotations

import base64
import itertools
import json
import time
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from mantissa_core.testing.loopback import Answer, Request

EMAIL = "mantissa@example-prod.iam.gserviceaccount.com"
AUDIENCE = "https://oauth2.googleapis.com/token"
"""What an assertion is for, wherever it is sent to."""


class FakeTokens:
    """Gives tokens that hold an hour by its own word, and forever until :meth:`lapse`."""

    def __init__(self, scope: str) -> None:
        self.scope = f"https://www.googleapis.com/auth/{scope}"
        self.asked = 0
        self.refusal: Answer | None = None
        self._numbers = itertools.count(1)
        self._good: set[str] = set()

    def answer(self, request: Request) -> Answer:
        """Answer a request for a token."""
        self.asked += 1
        if self.refusal:
            return self.refusal
        if not _is_valid(request.form.get("assertion", ""), self.scope):
            return Answer(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
        return self.give()

    def give(self) -> Answer:
        token = f"ya29.token-{next(self._numbers)}"
        self._good.add(token)
        return Answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3599})

    def accepts(self, request: Request) -> bool:
        return request.headers.get("authorization", "").removeprefix("Bearer ") in self._good

    def lapse(self) -> None:
        self._good.clear()


def key_file(url: str) -> str:
    """The file that one downloads for a service account, with the token endpoint of a fake."""
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "example-prod",
            "private_key_id": "0f3c1a52",
            "private_key": pem(),
            "client_email": EMAIL,
            "client_id": "114885146936855121342",
            "token_uri": f"{url}/token",
        }
    )


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # short: it is read often


@cache
def pem() -> str:
    """The private key."""
    form = serialization.PrivateFormat.PKCS8
    return _key().private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _is_valid(assertion: str, scope: str) -> bool:
    try:
        head, claims, signature = assertion.split(".")
        signed = f"{head}.{claims}".encode()
        _key().public_key().verify(_decoded(signature), signed, padding.PKCS1v15(), hashes.SHA256())
        said = json.loads(_decoded(claims))
    except (ValueError, InvalidSignature):
        return False
    fresh = said["iat"] - 60 <= time.time() < said["exp"] <= said["iat"] + 3600
    return fresh and (said["iss"], said["scope"], said["aud"]) == (EMAIL, scope, AUDIENCE)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
