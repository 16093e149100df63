"""The receiver ``acme.gadget``: signed events by HTTP POST.

The body is a JSON object or an array of objects; ``X-Acme-Signature: sha256=<hex>`` is its HMAC-SHA256.
"""

from __future__ import annotations

from collections.abc import Mapping

from mantissa_core.errors import NeedsOperator
from mantissa_core.model import Pushed
from mantissa_core.push import PushConfig, PushReceiver, Refused, Request, require_signature
from pydantic import Field, SecretStr

SIGNATURE = "X-Acme-Signature"


class Gadget(PushReceiver):
    """Takes what Acme posts to ``/``."""

    paths = ("/",)

    class Config(PushConfig):
        """Settings of ``acme.gadget``, besides those of everything that listens."""

        secret: SecretStr = Field(json_schema_extra={"env": "ACME_TOKEN"})
        """Shared secret of the signature."""
        log_type: str = "generic.json"
        """What the events are."""

    config: Config

    def __init__(self, config: Config) -> None:
        if not config.secret.get_secret_value():
            raise NeedsOperator("secret: is empty, so anybody could send events")
        super().__init__(config)

    def admit(self, request: Request) -> None:
        """Who does not sign need not send the body."""
        if SIGNATURE.lower() not in request.headers:
            raise Refused(401, f"{SIGNATURE} is missing")

    def verify(self, request: Request) -> None:
        """The signature is over the body."""
        require_signature(request, SIGNATURE, [self.config.secret])

    def records(self, request: Request) -> Mapping[str, Pushed]:
        """One event, or several."""
        content = request.json()
        events = content if isinstance(content, list) else [content]
        if not all(isinstance(event, dict) for event in events):
            raise Refused(400, "expected a JSON object, or an array of objects")
        return {self.config.log_type: events}
