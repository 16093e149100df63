"""The alert sink ``slack.webhook``: messages by an incoming webhook.

Reference: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

import httpx
from mantissa_core import web
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Delivery, Receipt
from mantissa_core.recent import Recent
from pydantic import AfterValidator, Field, SecretStr

from .blocks import message

_ANSWER = 64 * 1024
_REMEDIES = {
    "invalid_token": "the webhook was revoked: create a new one",
    "no_service": "the webhook was revoked or its app was removed: create a new one",
    "no_active_hooks": "the webhook is switched off: create a new one",
    "no_team": "there is no such workspace",
    "team_disabled": "the workspace is switched off",
    "channel_not_found": "the channel is gone: create a webhook for another",
    "channel_is_archived": "the channel is archived: create a webhook for another",
    "posting_to_general_channel_denied": "the workspace does not let it post there",
    "action_prohibited": "an administrator of the workspace forbids it",
}


def _https(value: SecretStr) -> SecretStr:
    url = httpx.URL(value.get_secret_value())
    if not url.host or (url.scheme != "https" and url.host != "127.0.0.1"):
        raise ValueError("the address of an incoming webhook: https://hooks.slack.com/services/…")
    return value


class Webhook:
    """Posts each message to the channel of one incoming webhook.

    Slack drops no repeats here: after a time-out, or a crash between Slack's answer and our commit, a message can come
    twice. The bot (``slack.bot``) looks before it posts again.
    """

    per_minute = 30

    class Config(PluginConfig):
        """Settings of ``slack.webhook``."""

        webhook_url: Annotated[SecretStr, AfterValidator(_https)] = Field(
            json_schema_extra={"env": "SLACK_WEBHOOK_URL"}
        )
        """Address of the incoming webhook: whoever has it can post, so it is a secret."""
        channel: str = ""
        """Another channel than the webhook's own; only old custom integrations heed it."""
        username: str = ""
        """Another name than the app's; only old custom integrations heed it."""
        icon_emoji: str = Field(default="", pattern=r"^(:[a-z0-9_+'-]+:)?$")
        """Another picture than the app's, such as ``:rotating_light:``; only old custom integrations heed it."""
        timeout: float = Field(default=10.0, gt=0, le=45)
        """Seconds to wait for the connection, and for each part of the answer."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._posted: Recent[None] = Recent()

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        """Post the message, unless this process posted it."""
        if delivery.key not in self._posted:
            self._post(delivery)
            self._posted[delivery.key] = None
        return Receipt(delivery.key)

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=self.config.timeout)

    def _post(self, delivery: Delivery) -> None:
        named = {name: getattr(self.config, name) for name in ("channel", "username", "icon_emoji")}
        body = {**message(delivery), **{name: value for name, value in named.items() if value}}
        url = self.config.webhook_url.get_secret_value()
        response = web.send(self._client, self._client.build_request("POST", url, json=body), _ANSWER)
        said = web.excerpt(response.text, [url], limit=60)
        if response.is_client_error and said in _REMEDIES:
            raise NeedsOperator(f"Slack refuses the message: {_REMEDIES[said]} ({said})")
        web.raise_for_status(response, [url, httpx.URL(url).path])
