"""Which log type the entries of a log are. A log's id is ``cloudaudit.googleapis.com/activity``.

Reference: https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry (``logName``).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import msgspec
from mantissa_core.errors import BadRecord

LOG_TYPES = {
    "cloudaudit.googleapis.com/activity": "gcp.audit",
    "cloudaudit.googleapis.com/data_access": "gcp.audit",
    "cloudaudit.googleapis.com/policy": "gcp.audit",
    "cloudaudit.googleapis.com/system_event": "gcp.audit",
    "compute.googleapis.com/vpc_flows": "gcp.vpc_flow",
    "networkmanagement.googleapis.com/vpc_flows": "gcp.vpc_flow",
}


class _Entry(msgspec.Struct, gc=False):
    logName: Any = None  # noqa: N815  # Google's name


def of_entry(text: bytes) -> str | None:
    """The log type of an entry's JSON text, ``None`` for other logs. Raises ``BadRecord`` where it is no object."""
    try:
        name = _ENTRY.decode(text).logName
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord(f"no JSON object: {error}") from None
    return LOG_TYPES.get(unquote(name.partition("/logs/")[2])) if isinstance(name, str) else None


def of_folder(folder: str) -> str | None:
    """The log type of a folder in an export, which ends with the log's id: ``compute.googleapis.com/vpc_flows/``."""
    return next((kind for log, kind in LOG_TYPES.items() if f"/{folder}".endswith(f"/{log}/")), None)


_ENTRY = msgspec.json.Decoder(_Entry)
