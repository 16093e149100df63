"""The events that GitHub posts to a webhook.

Reference: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries and
https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import parse_qs

import msgspec
from mantissa_core.model import Pushed
from mantissa_core.push import PushConfig, PushReceiver, Refused, Request, require_signature
from mantissa_core.push.credentials import listed, strong
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints

LOG_TYPE = "github.webhook"
SIGNATURE = "X-Hub-Signature-256"
NEEDED = ("X-GitHub-Event", "X-GitHub-Delivery")
KEPT = (*NEEDED, "X-GitHub-Hook-ID", "X-GitHub-Hook-Installation-Target-Type", "X-GitHub-Hook-Installation-Target-ID")
"""Headers that become members of the event: they alone say what happened, and which delivery it is."""
_FORM = "application/x-www-form-urlencoded"
_Secret = Annotated[SecretStr, AfterValidator(strong)]


class Webhook(PushReceiver):
    """Takes the deliveries of GitHub's webhooks."""

    class Config(PushConfig):
        """Settings of ``github.webhook``."""

        max_body_bytes: int = Field(default=25 << 20, ge=1, le=64 << 20)
        """A larger body is refused; GitHub sends at most 25 MB."""
        secret: Annotated[tuple[_Secret, ...], BeforeValidator(listed), Field(min_length=1)]
        """The webhook's secret, with which GitHub signs; several where webhooks have their own, or one is replaced."""
        path: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9/_.-]{0,200}$")] = "/github"
        """The path of the webhook's payload URL."""

    config: Config

    def serves(self, path: str) -> bool:
        """The one path that is configured."""
        return path == self.config.path

    def admit(self, request: Request) -> None:
        """Read no body that is not signed at all."""
        if SIGNATURE.lower() not in request.headers:
            raise Refused(401, f"{SIGNATURE} is missing: set a secret in the webhook")

    def verify(self, request: Request) -> None:
        """Compare the signature of the body as it came in."""
        require_signature(request, SIGNATURE, self.config.secret)

    def records(self, request: Request) -> Mapping[str, Pushed]:
        """The payload with the headers' facts; a ping holds no event."""
        missing = [name for name in NEEDED if not request.headers.get(name.lower())]
        if missing:
            raise Refused(400, f"no delivery of GitHub: {' and '.join(missing)} missing")
        payload = _payload(request)
        if request.headers["x-github-event"] == "ping":
            return {}
        return {LOG_TYPE: [{**payload, **_facts(request.headers)}]}


def _payload(request: Request) -> dict[str, Any]:
    """The body, as JSON or as a form with JSON in its field ``payload``.

    Raises:
        Refused: 400, it is neither.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
        try:
            found = msgspec.json.decode(parse_qs(request.body.decode(), max_num_fields=2)["payload"][0])
        except (KeyError, ValueError, RecursionError) as error:
            raise Refused(400, "the form has no field 'payload' with JSON") from error
    else:
        found = request.json()
    if not isinstance(found, dict):
        raise Refused(400, "expected a JSON object")
    return found


def _facts(headers: Mapping[str, str]) -> dict[str, str]:
    """``X-GitHub-Event`` becomes ``x_github_event``, and so on; with the time of now."""
    known = {name.lower().replace("-", "_"): headers.get(name.lower()) for name in KEPT}
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {**{name: value for name, value in known.items() if value}, "received_at": now}
