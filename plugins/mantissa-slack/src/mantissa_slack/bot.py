"""The alert sink ``slack.bot``: an alert is one message, which follows the alert, and a thread.

Reference: https://docs.slack.dev/reference/methods/chat.postMessage, .../chat.update, .../conversations.history
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Choice, Delivery, Receipt
from mantissa_core.vendor_api import Bearer, Origin, Vendor, VendorClient
from pydantic import Field, SecretStr

from .blocks import message, step

EVENT = "mantissa_alert"
"""Type of the metadata by which a message is found again."""
_PAGE, _PAGES = 200, 50
"""Channels in an answer, as Slack recommends, and answers that are read at most."""
_LOOK_BACK = 100
"""Messages of the channel that are looked through."""
REFUSED = "Slack refuses the token: it was revoked or is no bot token, install the app anew"
REFUSALS: Mapping[str, str] = {
    **dict.fromkeys(("account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"), REFUSED),
    "channel_not_found": "there is no such channel, or it is private and the app is not in it",
    "not_in_channel": "invite the app to the channel, or give it the scope chat:write.public",
    "is_archived": "the channel is archived",
    "missing_scope": "the app lacks the scope chat:write",
    "restricted_action": "the workspace does not let apps post there",
    "msg_too_long": "the message is too long",
    "msg_blocks_too_long": "the message is too long",
    "invalid_blocks": "Slack does not understand the message",
}
_PASSING = frozenset(
    {"ratelimited", "rate_limited", "service_unavailable", "internal_error", "fatal_error", "request_timeout"}
)
SLACK = Vendor("Slack", request_id="X-Slack-Req-Id", error_code="error", remedies={401: REFUSED, 403: REFUSED})


class Bot:
    """Posts an alert, keeps its message as the alert is, and tells each step in its thread.

    Before a message is posted again, the channel's newest messages are looked through for it: people see it once.
    """

    per_minute = 30

    class Config(PluginConfig):
        """Settings of ``slack.bot``."""

        token: SecretStr = Field(json_schema_extra={"env": "SLACK_BOT_TOKEN"})
        """Bot token, ``xoxb-…``."""
        channel: str = Field(min_length=1)
        """Id of the channel (``C0123456789``); a name works for public channels, and only to post."""
        api_url: Origin = "https://slack.com"
        """Address of the API; of GovSlack ``https://slack-gov.com``."""
        timeout: float = Field(default=10.0, gt=0, le=45)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @hookimpl
    def check(self) -> None:
        """Ask who the token is."""
        self._call("auth.test", {})

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        """Post the alert, or bring its message up to date and add to its thread. The receipt is the message's place."""
        if delivery.event == "opened" or not delivery.previous:
            return Receipt(self._posted(delivery, {}))
        channel, _, moment = delivery.previous.partition(":")
        self._call("chat.update", {"channel": channel, "ts": moment, **message(delivery)})
        self._posted(delivery, {"channel": channel, "thread_ts": moment, "text": step(delivery), "attachments": []})
        return Receipt(delivery.previous)

    @hookimpl
    def choices(self, setting: str) -> Sequence[Choice]:
        """The channels that the app may see: private ones too, where it may list them and is in them."""
        if setting != "channel":
            return []
        try:
            return list(self._channels("public_channel,private_channel"))
        except _MissingScope:
            return list(self._channels("public_channel"))

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    @cached_property
    def _api(self) -> VendorClient:
        return VendorClient(SLACK, self.config.api_url, Bearer(self.config.token), timeout=self.config.timeout)

    def _posted(self, delivery: Delivery, changes: Mapping[str, Any]) -> str:
        """Where the message stands: it may be there from an attempt whose answer was lost."""
        if delivery.attempt > 1 and (place := self._find(delivery.key, changes)):
            return place
        metadata = {"event_type": EVENT, "event_payload": {"key": delivery.key}}
        body = {
            "channel": self.config.channel,
            **message(delivery),
            "metadata": metadata,
            "unfurl_links": False,
            **changes,
        }
        answer = self._call("chat.postMessage", body)
        return f"{answer['channel']}:{answer['ts']}"

    def _find(self, key: str, place: Mapping[str, Any]) -> str | None:
        """The message of this key; ``None`` also where the app may not read the channel."""
        method = "conversations.replies" if "thread_ts" in place else "conversations.history"
        query = {"channel": str(place.get("channel", self.config.channel)), "limit": str(_LOOK_BACK)}
        query |= {"include_all_metadata": "true", **({"ts": place["thread_ts"]} if "thread_ts" in place else {})}
        answer = self._api.get(f"/api/{method}", query).document
        if not isinstance(answer, dict) or not answer.get("ok"):
            return None
        for each in answer.get("messages", ()):
            if each.get("metadata", {}).get("event_payload", {}).get("key") == key:
                return f"{query['channel']}:{each['ts']}"
        return None

    def _channels(self, types: str) -> Iterator[Choice]:
        query = {"types": types, "exclude_archived": "true", "limit": str(_PAGE)}
        for _ in range(_PAGES):  # a page may be empty and have a successor: archived channels are taken out of it
            document = self._api.get("/api/conversations.list", query).document
            answer = _accepted(
                "conversations.list", document, {"missing_scope": "the app lacks the scope channels:read"}
            )
            for each in answer.get("channels", ()):
                yield Choice(str(each["id"]), f"#{each['name']}")
            query["cursor"] = str(answer.get("response_metadata", {}).get("next_cursor", ""))
            if not query["cursor"]:
                return

    def _call(self, method: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Call a method of the Web API, which says ``ok: false`` with status 200.

        Raises:
            Retry, NeedsOperator: as :class:`VendorClient`, and what Slack's error code means.
        """
        return _accepted(method, self._api.request("POST", f"/api/{method}", body=body).document, REFUSALS)


class _MissingScope(NeedsOperator):
    """The app may not do this; it may be able to do less."""


def _accepted(method: str, answer: object, refusals: Mapping[str, str]) -> dict[str, Any]:
    if not isinstance(answer, dict) or "ok" not in answer:
        raise Retry(f"Slack's answer to {method} is none of its own: a proxy's?")
    if answer["ok"]:
        return answer
    code = str(answer.get("error", "unknown"))[:60]
    if code in _PASSING:
        raise Retry(f"Slack answered {method} with {code}")
    reason = refusals.get(code) or REFUSALS.get(code, "see its documentation")
    kind = _MissingScope if code == "missing_scope" else NeedsOperator
    raise kind(f"Slack refuses {method}: {reason} ({code})")
