"""The events in a document of CloudWatch Logs, as subscriptions send it.

Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

from __future__ import annotations

from typing import Any

import msgspec
from mantissa_core.errors import BadRecord


class LogEvent(msgspec.Struct, gc=False, omit_defaults=True, forbid_unknown_fields=False):
    """One event of a document."""

    id: str
    timestamp: int
    message: str
    extractedFields: dict[str, Any] | None = None  # noqa: N815  # AWS's name


class Document(msgspec.Struct, gc=False):
    """What a subscription sends; or, without ``logEvents``, one event that was taken out of such a document."""

    logGroup: str  # noqa: N815  # AWS's names
    messageType: str = "DATA_MESSAGE"  # noqa: N815
    owner: str = ""
    logStream: str = ""  # noqa: N815
    subscriptionFilters: list[str] = []  # noqa: N815
    logEvents: list[LogEvent] | None = None  # noqa: N815


def events_in(document: bytes) -> list[bytes]:
    """Return the JSON text of each event with its group and stream; none for a control message.

    A message that is a JSON object itself is the event's ``json``, any other its ``message``. Raises ``BadRecord``.
    """
    try:
        said = _DOCUMENT.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord(f"no document of CloudWatch Logs: {error}") from None
    if said.messageType == "CONTROL_MESSAGE":
        return []
    if said.logEvents is None:
        return [document]
    common = {
        "owner": said.owner,
        "logGroup": said.logGroup,
        "logStream": said.logStream,
        "subscriptionFilters": said.subscriptionFilters,
    }
    return [_encode(common | _fields(event)) for event in said.logEvents]


def _fields(event: LogEvent) -> dict[str, Any]:
    fields: dict[str, Any] = {"id": event.id, "timestamp": event.timestamp}
    if event.extractedFields is not None:
        fields["extractedFields"] = event.extractedFields
    if is_object(text := event.message.strip()):
        fields["json"] = msgspec.Raw(text.encode())
    else:
        fields["message"] = event.message
    return fields


def is_object(text: str) -> bool:
    """Whether the text is one JSON object."""
    if not text.startswith("{"):
        return False
    try:
        _OBJECT.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


_DOCUMENT = msgspec.json.Decoder(Document)
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode
