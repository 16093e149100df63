"""Files as Event Hubs Capture writes them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import fastavro

SCHEMA = {
    "type": "record",
    "name": "EventData",
    "namespace": "Microsoft.ServiceBus.Messaging",
    "fields": [
        {"name": "SequenceNumber", "type": "long"},
        {"name": "Offset", "type": "string"},
        {"name": "EnqueuedTimeUtc", "type": "string"},
        {"name": "SystemProperties", "type": {"type": "map", "values": ["long", "double", "string", "bytes"]}},
        {"name": "Properties", "type": {"type": "map", "values": ["long", "double", "string", "bytes", "null"]}},
        {"name": "Body", "type": ["null", "bytes"]},
    ],
}


def captured(*bodies: bytes | None, codec: str = "null") -> bytes:
    """One file; a block of Avro for each message."""
    file = io.BytesIO()
    messages = [
        {
            "SequenceNumber": number,
            "Offset": str(number * 100),
            "EnqueuedTimeUtc": "3/4/2025 9:15:02 AM",
            "SystemProperties": {},
            "Properties": {},
            "Body": body,
        }
        for number, body in enumerate(bodies)
    ]
    fastavro.writer(file, SCHEMA, messages, codec=codec, sync_interval=1)
    return file.getvalue()


def wrapped(records: Sequence[Mapping[str, Any]]) -> bytes:
    """A message's body as diagnostic settings send it."""
    return json.dumps({"records": records}).encode()
