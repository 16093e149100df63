"""Vertex AI's generateContent for one project, and Google's token endpoint, which takes assertions of one key.

https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference and
https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request
from mantissa_core.testing.sse import cut, event, halves

REGION, MODEL = "us-central1", "gemini-2.5-flash"
_number = itertools.count(1)
TOKEN = "token-of-the-tests"
"""Of no account."""


class FakeVertex(FakeHTTP):
    """Gives tokens for signed assertions, and answers whoever has one."""

    def __init__(self) -> None:
        super().__init__()
        self.reply, self.input_tokens, self.output_tokens = "nothing", 42, 7
        self.stopped, self.knows_schemas = "STOP", True
        self.tokens = 0
        # litellm keeps the credentials of a project for the life of the process.
        self.project = f"example-project-{next(_number)}"
        self._path = f"/v1/projects/{self.project}/locations/{REGION}/publishers/google/models/{MODEL}"
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def credentials(self) -> str:
        """The file of a service account, as Google gives it, with this server as the one that gives tokens."""
        private = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return json.dumps({
            "type": "service_account", "project_id": self.project,
            "private_key_id": "k1", "private_key": private.decode(),
            "client_email": "asking@example-project.iam.gserviceaccount.com", "client_id": "1",
            "token_uri": f"{self.url}/token",
        })  # fmt: skip

    def asked(self) -> Sequence[str]:
        return [json.dumps(each.json(), ensure_ascii=False) for each in self.requests]

    def respond(self, request: Request) -> Answer:
        """Google's token endpoint is another service: the model's faults are not its own."""
        return self._token(request) if request.route == "/token" else super().respond(request)

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return self._refused(request, 401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        streamed = request.path == f"{self._path}:streamGenerateContent?alt=sse"
        if request.method != "POST" or not (streamed or request.path == f"{self._path}:generateContent"):
            return self._refused(request, 404, "NOT_FOUND", f"no such publisher model: {request.path}")
        body = request.json()
        if wrong := self._wrong(body):
            return self._refused(request, 400, "INVALID_ARGUMENT", wrong)
        if streamed:
            return Answer(200, cut(self.events()))
        content = {"content": {"role": "model", "parts": [{"text": self.reply}]}}
        candidate = {**content, "finishReason": self.stopped, "index": 0}
        return Answer(200, {"candidates": [candidate], "usageMetadata": self._usage(), "modelVersion": MODEL})

    def events(self) -> Iterator[bytes]:
        """Each is an answer of its own; the reason to stop and the counts stand in the last."""
        for each in halves(self.reply):
            yield event({"candidates": [{"content": {"role": "model", "parts": [{"text": each}]}}]})
        last = {"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": self.stopped, "index": 0}
        yield event({"candidates": [last], "usageMetadata": self._usage(), "modelVersion": MODEL})

    def _usage(self) -> dict[str, int]:
        total = self.input_tokens + self.output_tokens
        return {
            "promptTokenCount": self.input_tokens,
            "candidatesTokenCount": self.output_tokens,
            "totalTokenCount": total,
        }

    def _wrong(self, body: Any) -> str | None:
        parts = [part for each in body.get("contents", []) for part in each.get("parts", [])]
        if not parts or not all(each.get("text") for each in parts):
            return "contents.parts must not be empty."
        how = body.get("generationConfig", {})
        if "response_json_schema" in how and how.get("response_mime_type") != "application/json":
            return "a schema needs the response mime type application/json"
        if "response_json_schema" in how and not self.knows_schemas:
            return "response schema is not supported by this model"
        return None

    def _token(self, request: Request) -> Answer:
        """RFC 7523: a grant of this type, and an assertion that this account's key has signed."""
        form = request.form
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return Answer(400, {"error": "unsupported_grant_type"})
        signed, _, signature = form["assertion"].rpartition(".")
        self._key.public_key().verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        claims = json.loads(_decoded(signed.split(".")[1]))
        if claims["aud"] != "https://oauth2.googleapis.com/token" and claims["aud"] != f"{self.url}/token":
            return Answer(400, {"error": "invalid_grant"})
        self.tokens += 1
        return Answer(200, {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})

    def _refused(self, request: Request, status: int, kind: str, message: str) -> Answer:
        self.requests.remove(request)
        return Answer(status, {"error": {"code": status, "message": message, "status": kind}})


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
