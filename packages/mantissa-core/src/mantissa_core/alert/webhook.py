"""The alert sink ``core.webhook``: HTTP POST of JSON, signed, with a key by which the receiver drops repeats."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated
from urllib.parse import quote

import httpx
from pydantic import Field, HttpUrl, SecretStr, field_validator

from mantissa_core import web
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model.alert import Delivery, Receipt

from .codec import alert_to_json
from .story import story

_ANSWER = 64 * 1024
_OURS = frozenset({"content-type", "content-length", "host", "idempotency-key", "mantissa-signature"})


class Webhook:
    """Posts each message to one address.

    The body is ``{"key": …, "event": …, "alert": {…}, "story": {…}}``, the same bytes for every attempt.
    ``Idempotency-Key`` is the key; with a secret, ``Mantissa-Signature: t=<unix seconds>,v1=<hex>`` is HMAC-SHA256 over
    ``<t>.<body>``.
    At least once: a receiver that remembers keys sees each message once.
    """

    class Config(PluginConfig):
        """Where to post, and with what proof."""

        url: HttpUrl
        """The address, without user and password; credentials belong into ``headers``."""
        secret: SecretStr | None = None
        """Shared secret for the signature; without it messages are not signed."""
        headers: Mapping[str, SecretStr] = Field(default_factory=dict)
        """Further request headers, such as ``Authorization``."""
        timeout: Annotated[float, Field(gt=0, le=60)] = 10.0
        """Seconds to wait for the connection, and for each part of the answer."""

        @field_validator("url")
        @classmethod
        def _no_credentials(cls, url: HttpUrl) -> HttpUrl:
            if url.username or url.password:
                raise ValueError("an address with user or password: put credentials into 'headers'")
            return url

    def __init__(self, config: Config) -> None:
        self.config = config

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        """Post the message. Redirects are not followed: they would carry the alert elsewhere."""
        told = dict(story(delivery.alert).lines())
        message = {"key": delivery.key, "event": delivery.event, "alert": alert_to_json(delivery.alert), "story": told}
        body = json.dumps(message, separators=(",", ":")).encode()
        request = self._client.build_request(
            "POST", str(self.config.url), content=body, headers=self._headers(delivery.key, body)
        )
        response = web.send(self._client, request, _ANSWER)
        web.raise_for_status(response, self._secrets())
        return Receipt(_reference(response) or delivery.key, {"status": response.status_code})

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=self.config.timeout)

    def _headers(self, key: str, body: bytes) -> dict[str, str]:
        headers = {name: _sendable(name, value) for name, value in self.config.headers.items()}
        headers |= {"Content-Type": "application/json", "Idempotency-Key": quote(key, safe="-_.~:/@ ")}
        if self.config.secret:
            headers["Mantissa-Signature"] = signature(self.config.secret.get_secret_value(), body, int(time.time()))
        return headers

    def _secrets(self) -> list[str]:
        values = [*self.config.headers.values(), *([self.config.secret] if self.config.secret else [])]
        return [value.get_secret_value() for value in values]


def _sendable(name: str, value: SecretStr) -> str:
    """The header's value, if HTTP can carry it: else the library's error would quote it."""
    text = value.get_secret_value()
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or name.lower() in _OURS:
        raise NeedsOperator(f"headers: {name!r} is no header that can be set: choose another name")
    if not text or not text.isascii() or not text.isprintable() or text != text.strip():
        raise NeedsOperator(f"headers.{name}: found something else than printable ASCII: store the value anew")
    return text


def signature(secret: str, body: bytes, moment: int) -> str:
    """Value of the signature header. Compare in constant time and refuse a ``t`` older than some minutes."""
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def _reference(response: httpx.Response) -> str | None:
    """The receiver's own name for the message, where it answers ``{"id": …}``."""
    try:
        answer = response.json()
    except ValueError:
        return None
    name = answer.get("id") if isinstance(answer, dict) else None
    return web.excerpt(str(name)) if isinstance(name, str | int) and name else None
