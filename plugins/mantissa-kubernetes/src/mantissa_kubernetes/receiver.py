"""The audit events that an API server posts: the receiving side of its webhook backend.

Reference: https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#webhook-backend.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from mantissa_core.model import Pushed, Rejected
from mantissa_core.push import PushConfig, PushReceiver, Refused, Request, require_token
from mantissa_core.push.credentials import listed, strong
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints

API_VERSION = "audit.k8s.io/v1"
LOG_TYPE = "kubernetes.audit"
KEPT = 64 << 10
"""Bytes of a bad item that its dead letter keeps."""
_Token = Annotated[SecretStr, AfterValidator(strong)]


class AuditWebhook(PushReceiver):
    """Takes the ``EventList`` that an API server posts."""

    class Config(PushConfig):
        """Settings of ``kubernetes.audit_webhook``."""

        token: Annotated[tuple[_Token, ...], BeforeValidator(listed), Field(min_length=1)]
        """What API servers show, as in their kubeconfig; several while one is replaced by another."""
        path: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9/_.-]{0,200}$")] = "/audit"
        """The path of the kubeconfig's 'server'."""

    config: Config

    def serves(self, path: str) -> bool:
        """The one path that is configured."""
        return path == self.config.path

    def admit(self, request: Request) -> None:
        """Compare the token."""
        require_token(request, self.config.token)

    def records(self, request: Request) -> Mapping[str, Pushed]:
        """The events of the list; what is none among them becomes a dead letter."""
        return {LOG_TYPE: [_event(item, place) for place, item in enumerate(_items(request.json()))]}


def _items(body: Any) -> Sequence[Any]:
    """The items of an ``EventList``.

    Raises:
        Refused: it is none, or of another version.
    """
    if not isinstance(body, dict) or body.get("kind") != "EventList" or not isinstance(body.get("items"), list):
        raise Refused(400, "expected an EventList of audit events")
    if body.get("apiVersion") != API_VERSION:
        raise Refused(400, f"expected {API_VERSION}: set --audit-webhook-version={API_VERSION}")
    items: list[Any] = body["items"]
    return items


def _event(item: Any, place: int) -> dict[str, Any] | Rejected:
    if isinstance(item, dict) and item:
        return item
    raw = json.dumps(item).encode()
    return Rejected(raw[:KEPT], "an item of the EventList is no event", place, len(raw))
