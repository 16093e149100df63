"""The Reports API and Google's token endpoint over the wire, as far as a collector can tell."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from mantissa_core.testing.fake_tokens import FakeTokens
from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Refused, Request
from mantissa_core.testing.ledger import Key, scattered

ACCOUNT, SUBJECT = "reader@example.iam.gserviceaccount.com", "admin@example.com"
SCOPE = "https://www.googleapis.com/auth/admin.reports.audit.readonly"
ROOT = "/admin/reports/v1/activity/users/all/applications/"


@cache
def private_key() -> rsa.RSAPrivateKey:
    """A key of these tests; making one takes a while."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


@cache
def pem() -> str:
    """The key as its file has it."""
    parts = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return private_key().private_bytes(*parts).decode()


def key_file(url: str) -> dict[str, str]:
    """The service account's key file, with the token endpoint of a fake."""
    named = {"type": "service_account", "client_email": ACCOUNT, "private_key_id": "key-1"}
    return {**named, "private_key": pem(), "token_uri": f"{url}/token"}


class Assertions(FakeTokens):
    """Gives access tokens for assertions that are signed by the service account in the name of ``delegated``."""

    def __init__(self, scope: str = SCOPE) -> None:
        super().__init__(ACCOUNT, "unused")
        self.delegated, self.scope = {SUBJECT}, scope

    def answer(self, request: Request) -> Answer:
        form = request.form
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return Answer(400, {"error": "unsupported_grant_type"})
        signed, _, signature = form["assertion"].rpartition(".")
        header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
        private_key().public_key().verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        now = time.time()
        sound = header == {"alg": "RS256", "typ": "JWT", "kid": "key-1"} and claims["iss"] == ACCOUNT
        if not sound or not now - 300 < claims["iat"] <= now < claims["exp"] <= claims["iat"] + 3600:
            return Answer(400, {"error": "invalid_grant"})
        if claims["sub"] not in self.delegated or claims["scope"] != self.scope:
            return Answer(401, {"error": "unauthorized_client"})
        body = f"grant_type=client_credentials&client_id={ACCOUNT}&client_secret=unused"
        return super().answer(Request("POST", request.path, {}, body.encode()))


class FakeGoogleWorkspace(FakeVendor):
    """One customer; every application has all the events. ``activities`` replaces what an event makes."""

    faults = frozenset(Fault)
    limit_headers = None

    def __init__(self) -> None:
        super().__init__()
        self.tokens = Assertions()
        self.activities: dict[str, Any] = {}

    @property
    def key(self) -> dict[str, str]:
        """The service account's key file."""
        return key_file(self.url)

    def other(self, request: Request) -> Answer | None:
        return self.tokens.answer(request) if request.route == "/token" else None

    def authorised(self, request: Request) -> bool:
        return self.tokens.accepts(request)

    def lapse(self) -> None:
        self.tokens.lapse()

    def events(self, request: Request) -> Answer:
        query = request.query
        application = request.route.removeprefix(ROOT)
        limit = int(query["maxResults"])
        if "/" in application or not 1 <= limit <= 1000:
            raise Refused(400, "invalid")
        since, until = (
            datetime.fromisoformat(query[name]) if name in query else None for name in ("startTime", "endTime")
        )
        if since and until and since > until:
            raise Refused(400, "invalid")
        served = self.page(self.ledger.between(since, until), query.get("pageToken"), limit)
        items = [self.activities.get(event.id, activity(event, application)) for event in served.events]
        page: dict[str, Any] = {"kind": "admin#reports#activities", "etag": "x"}
        if items:
            page["items"] = items
        if served.cursor:
            page["nextPageToken"] = served.cursor
        return Answer(200, page)

    def refusal(self, status: int, code: str) -> Answer:
        error: dict[str, Any] = {"code": status, "message": "refused", "status": "REFUSED"}
        if code:
            error["errors"] = [{"domain": "global", "reason": code, "message": "refused"}]
        return Answer(status, {"error": error})

    def _key(self) -> Callable[[Event], Key]:
        return scattered if self.fault is Fault.SHUFFLED else lambda event: (-event.time.timestamp(), event.id)


def activity(event: Event, application: str = "login") -> dict[str, Any]:
    """An event as Google reports it."""
    identity = {
        "time": event.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "uniqueQualifier": event.id,
    }
    return {
        "kind": "admin#reports#activity",
        "id": {**identity, "applicationName": application, "customerId": "C00000001"},
        "etag": '"example"',
        "actor": {"email": "amara@example.com", "profileId": "100000000000000000001"},
        "ipAddress": "203.0.113.17",
        "events": [
            {
                "type": "login",
                "name": "login_success",
                "parameters": [
                    {"name": "login_type", "value": "google_password"},
                    {"name": "is_suspicious", "boolValue": False},
                ],
            }
        ],
    }


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
