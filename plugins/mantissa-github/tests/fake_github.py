"""GitHub's audit log over the wire, as far as a collector can tell."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Refused, Request

TOKEN = "ghp_token-of-the-tests"
APP_ID, INSTALLATION = "Iv23liExample", 99


@cache
def key() -> rsa.RSAPrivateKey:
    """The app's key; making one takes a moment."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def pem() -> str:
    """The same, as GitHub gives it for download."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    return key().private_bytes(*form).decode()


class FakeGitHub(FakeVendor):
    """One enterprise named ``example`` with one organisation of the same name, and an app that is installed in it."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []
        self.good = {TOKEN}
        self.expires_in = 3600

    def authorised(self, request: Request) -> bool:
        return request.headers.get("authorization", "").removeprefix("Bearer ") in self.good

    def lapse(self) -> None:
        self.good = {TOKEN}

    def other(self, request: Request) -> Answer | None:
        if not request.route.startswith("/app/"):
            return None
        if not _signed(request.headers.get("authorization", "").removeprefix("Bearer ")):
            return self.refusal(401, "")
        if (request.method, request.route) != ("POST", f"/app/installations/{INSTALLATION}/access_tokens"):
            return self.refusal(404, "")
        token = f"ghs_installation-token-{len(self.given)}"
        self.given.append(token)
        self.good.add(token)
        end = datetime.now(UTC) + timedelta(seconds=self.expires_in)
        return Answer(201, {"token": token, "expires_at": end.isoformat(timespec="seconds").replace("+00:00", "Z")})

    def events(self, request: Request) -> Answer:
        query = request.query
        limit = int(query.get("per_page", "30"))
        if request.route not in {"/enterprises/example/audit-log", "/orgs/example/audit-log"}:
            raise Refused(404)
        if not 1 <= limit <= 100 or query.get("order", "asc") != "asc":
            raise Refused(422)
        since, until = None, None
        if "phrase" in query:
            first, last = query["phrase"].removeprefix("created:").split("..")
            since, until = datetime.fromisoformat(first), datetime.fromisoformat(last) + timedelta(seconds=1)
        served = self.page(self.ledger.between(since, until), query.get("after"), limit)
        links = f'<{self.url}{request.path}>; rel="first"'
        if served.cursor is not None:
            target = f"{self.url}{request.route}?{urlencode({**query, 'after': served.cursor, 'before': ''})}"
            links = f'<{target}>; rel="next", {links}'
        headers = {"Link": links, "X-GitHub-Request-Id": f"AB12:{len(self.requests)}"}
        return Answer(200, [record(event) for event in served.events], headers)

    def refusal(self, status: int, code: str) -> Answer:
        return Answer(status, {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"})


def _signed(token: str) -> bool:
    """Whether the app signed it, for ten minutes at most."""
    try:
        signing, _, signature = token.rpartition(".")
        key().public_key().verify(_decoded(signature), signing.encode(), padding.PKCS1v15(), hashes.SHA256())
        claims = json.loads(_decoded(signing.split(".")[1]))
    except (InvalidSignature, ValueError, IndexError):
        return False
    now = time.time()
    return bool(claims["iss"] == APP_ID and claims["iat"] <= now < claims["exp"] <= claims["iat"] + 600)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def record(event: Event) -> dict[str, Any]:
    """An event as GitHub sends it."""
    moment = int(event.time.timestamp() * 1000)
    return {
        "@timestamp": moment,
        "_document_id": event.id,
        "action": "repo.create",
        "actor": "amara",
        "actor_id": 1001,
        "actor_ip": "203.0.113.17",
        "created_at": moment,
        "org": "example",
        "repo": "example/site",
    }
