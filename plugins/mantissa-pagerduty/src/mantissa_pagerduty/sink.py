"""Alerts as PagerDuty incidents, through the Events API v2.

Reference: https://developer.pagerduty.com/docs/events-api-v2-overview and, for limits,
https://developer.pagerduty.com/docs/send-alert-event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

import httpx
from mantissa_core import web
from mantissa_core.alert.links import technique_links
from mantissa_core.alert.next_steps import next_steps
from mantissa_core.alert.notes import notes
from mantissa_core.alert.plain import plain
from mantissa_core.alert.story import story
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Alert, Delivery, Receipt, Severity
from mantissa_core.vendor_api import Origin
from pydantic import AfterValidator, Field, SecretStr

SEVERITIES: Mapping[Severity, str] = {
    Severity.CRITICAL: "critical",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "info",
    Severity.INFORMATIONAL: "info",
}
SERVERS = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
SUMMARY = 1024
"""Characters of a summary that PagerDuty keeps."""
_FACTS = 20
_VALUE = 1000
_ANSWER = 64 * 1024


def _routing_key(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) != 32:
        raise ValueError("the integration key of an Events API v2 integration, 32 characters")
    return value


class PagerDuty:
    """Triggers, acknowledges and resolves one incident for each alert.

    The alert's id is the ``dedup_key``: however often a message is repeated, PagerDuty has one incident for it.
    """

    per_minute = 30
    one_for_each_alert = True

    class Config(PluginConfig):
        """Settings of ``pagerduty.events``."""

        routing_key: Annotated[SecretStr, AfterValidator(_routing_key)]
        """Integration key of an *Events API v2* integration of a service, or of an event orchestration."""
        region: Literal["us", "eu"] = "us"
        """The service region of the account."""
        server: Origin = ""
        """Another address of the Events API, such as that of a proxy."""
        timeout: float = Field(default=10.0, gt=0, le=45)
        """Seconds to wait for the connection, and for each part of the answer."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        """Send the event. PagerDuty takes it (202) and works on it later."""
        event = {
            "routing_key": self.config.routing_key.get_secret_value(),
            "event_action": _action(delivery),
            "dedup_key": delivery.alert.id,
            "client": "Mantissa Log",
            "links": [{"href": address, "text": f"ATT&CK {name}"} for name, address in technique_links(delivery.alert)],
            "payload": _payload(delivery.alert),
        }
        address = f"{self.config.server or SERVERS[self.config.region]}/v2/enqueue"
        response = web.send(self._client, self._client.build_request("POST", address, json=event), _ANSWER)
        if response.status_code == 400:
            raise NeedsOperator(f"PagerDuty refuses the event: {self._reason(response)}")
        web.raise_for_status(response, [self.config.routing_key.get_secret_value()])
        return Receipt(delivery.alert.id, {"status": response.status_code})

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=self.config.timeout)

    def _reason(self, response: httpx.Response) -> str:
        """What PagerDuty says is wrong, without the key. A key that it does not know is such a reason, too."""
        try:
            said = response.json()
            reasons = [str(said.get("message", "")), *map(str, said.get("errors") or [])]
        except (ValueError, AttributeError, TypeError):
            reasons = [response.text]
        return web.excerpt("; ".join(filter(None, reasons)), [self.config.routing_key.get_secret_value()])


def _action(delivery: Delivery) -> str:
    if delivery.event == "resolved":
        return "resolve"
    return "acknowledge" if delivery.alert.status == "acknowledged" else "trigger"


def _payload(alert: Alert) -> dict[str, Any]:
    source = next((value for kind in ("src_ip", "target", "user") for value in alert.entities.get(kind, ())), "")
    return {
        "summary": _cut(plain(alert.summary), SUMMARY),
        "source": _cut(plain(source or alert.table or "mantissa"), SUMMARY),
        "severity": SEVERITIES[alert.severity],
        "timestamp": alert.first_seen.isoformat(timespec="milliseconds"),
        "component": _cut(plain(alert.table or "mantissa"), SUMMARY),
        "group": _cut(plain(alert.rule_id), SUMMARY),
        "class": _cut(plain(alert.rule_name), SUMMARY),
        "custom_details": _details(alert),
    }


def _details(alert: Alert) -> dict[str, Any]:
    """What the person on call reads: the six answers first, then the event, then where to look on."""
    first = next(iter(alert.evidence), {})
    evidence = {_short(name): _short(value) for name, value in list(first.items())[:_FACTS]}
    return {
        **{name: _short(text) for name, text in story(alert).lines()},
        "matches": alert.count,
        "severity": alert.severity.value,
        **{name: _short(text) for name, text in notes(alert)},
        "evidence": evidence,
        **{name: command for name, command in next_steps(alert).items() if name != "acknowledge"},
        "rule": _short(alert.rule_id),
    }


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return _cut(plain(text), _VALUE)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
