"""Who changed what, when and why: entries that are added and never changed.

An entry is committed with the change that it tells of, in the same partition, so that neither is there without the
other. A ``subject`` is what was changed: ``rule/<id>``, ``alert/<id>``, ``pack/<name>``.
"""

from __future__ import annotations

import getpass
import os
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from mantissa_core.model import Put

from .documents import State


def entry(subject: str, action: str, by: str, at: datetime, **facts: Any) -> Put:
    """The document of one change, for the commit that makes it. ``facts`` are JSON values."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    value = {"subject": subject, "action": action, "by": by, "at": moment, **facts}
    return Put(f"{_prefix(subject)}{moment}/{uuid.uuid4().hex[:8]}", value)


def entries(state: State, partition: str, subject: str) -> Iterator[Mapping[str, Any]]:
    """What was done to a subject, oldest first."""
    return (document.value for document in state.scan(partition, _prefix(subject)))


def this_user() -> str:
    """The account that this process runs under, as far as the system knows a name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such entry in the user database, as in many containers
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def _prefix(subject: str) -> str:
    return f"audit/{quote(subject, safe='')}/"
