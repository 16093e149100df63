"""The alert sink ``acme.gadget``: a message to a channel of Acme's chat."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

import httpx
from mantissa_core import web
from mantissa_core.alert.plain import plain
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Delivery, Receipt
from pydantic import Field, HttpUrl, SecretStr

LONGEST = 4000
"""Characters that Acme takes in one message."""


class Gadget:
    """Posts each message to one channel.

    Acme drops a message whose ``Idempotency-Key`` it has seen, so people are told once.
    """

    class Config(PluginConfig):
        """Where to post, and with what proof."""

        url: HttpUrl
        """Address of the API."""
        channel: Annotated[str, Field(min_length=1)]
        """Id of the channel."""
        token: SecretStr = Field(json_schema_extra={"env": "ACME_TOKEN"})
        """Token of the bot, which must be a member of the channel."""
        timeout: Annotated[float, Field(gt=0, le=30)] = 10.0
        """Seconds to wait for the connection, and for each part of the answer."""

    def __init__(self, config: Config) -> None:
        self.config = config
        headers = {"Authorization": f"Bearer {config.token.get_secret_value()}"}
        self._client = httpx.Client(base_url=str(config.url), headers=headers, timeout=config.timeout)

    @hookimpl
    def check(self) -> None:
        """Look at the channel: that proves address, token and membership, and nobody is told."""
        self._send("GET", self._channel)

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        """Post the message.

        Raises:
            Retry: Acme cannot be reached, is busy or fails.
            NeedsOperator: Acme refuses the token, the channel or the message.
        """
        body = {"text": _fitted(_text(delivery))}
        answer = self._send("POST", f"{self._channel}/messages", body, {"Idempotency-Key": quote(delivery.key)})
        return Receipt(_id(answer) or delivery.key)

    @property
    def _channel(self) -> str:
        return f"/channels/{quote(self.config.channel, safe='')}"

    def _send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        response = web.send(self._client, self._client.build_request(method, path, json=body, headers=headers))
        web.raise_for_status(response, [self.config.token.get_secret_value()])
        return response


def _text(delivery: Delivery) -> str:
    """What people read, without what would steer a terminal or break a line: it comes from logs."""
    alert = delivery.alert
    lines = [
        f"{alert.severity.upper()} {delivery.event}: {alert.summary}",
        f"{alert.rule_name}, {alert.count} since {alert.first_seen:%Y-%m-%d %H:%M} UTC, alert {alert.id}",
        *(f"{name}: {', '.join(values)}" for name, values in alert.entities.items()),
        alert.description,
    ]
    return "\n".join(plain(line) for line in lines if line)


def _fitted(text: str) -> str:
    """``text`` with its markup escaped, as much as Acme takes; a cut leaves a mark."""
    escaped: list[str] = []
    room = LONGEST - 1
    for character in text:
        piece = html.escape(character, quote=False)
        room -= len(piece)
        if room < 0:
            return "".join([*escaped, "…"])
        escaped.append(piece)
    return "".join(escaped)


def _id(answer: httpx.Response) -> str | None:
    """Acme's name for the message, from ``{"id": …}``."""
    try:
        value = answer.json()["id"]
    except (ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, str) else None
