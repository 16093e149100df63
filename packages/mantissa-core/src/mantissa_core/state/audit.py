"""Who changed what, when and why: entries that are added and never changed.

An entry is committed with the change that it tells of, in the same partition, so that neither is there without the
other. A ``subject`` is what was changed: ``rule/<id>``, ``alert/<id>``, ``pack/<name>``.
"""

from __future__ import annotations

import getpass
import os
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from mantissa_core.model import Put

from .documents import State

PARTITION = "audit"
"""The partition of what changes nothing, such as queries."""
PARTITIONS = ("alerts", "api", "ask.budget", "rules", "setup")
"""Those where changes are noted beside what they change."""
QUERY = "query"
"""The subject of every query."""
TOOL = "tool"
"""Below it stand the calls of tools that run no query."""
READ_BY_TIME = ((PARTITION, QUERY), (PARTITION, TOOL), ("ask", "ask"), ("ask", "question"))
"""Partitions and subjects with one entry for each query, call and question: too many to read all of them."""
QUERIES_KEPT = timedelta(days=400)
LONGEST_SQL = 20_000
"""Characters of a statement that are kept."""


def entry(subject: str, action: str, by: str, at: datetime, **facts: Any) -> Put:
    """The document of one change, for the commit that makes it. ``facts`` are JSON values."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    value = {"subject": subject, "action": action, "by": by, "at": moment, **facts}
    return Put(f"{_prefix(subject)}{moment}/{uuid.uuid4().hex[:8]}", value)


def entries(state: State, partition: str, subject: str) -> Iterator[Mapping[str, Any]]:
    """What was done to a subject, oldest first."""
    return (document.value for document in state.scan(partition, _prefix(subject)))


def query_entry(by: str, at: datetime, sql: str, outcome: str, **facts: Any) -> Put:
    """The document of a query that somebody ran. It is kept for ``QUERIES_KEPT``."""
    made = entry(QUERY, "query", by, at, outcome=outcome, **facts, sql=sql[:LONGEST_SQL])
    return Put(made.key, made.value, at + QUERIES_KEPT)


def tool_entry(by: str, at: datetime, tool: str, outcome: str, **facts: Any) -> Put:
    """The document of a tool's call that ran no query. It is kept for ``QUERIES_KEPT``."""
    made = entry(TOOL, "call", by, at, outcome=outcome, **facts)
    return Put(made.key, {**(made.value or {}), "subject": f"{TOOL}/{tool}"}, at + QUERIES_KEPT)


def trail(state: State, since: datetime | None = None, by: str | None = None) -> list[Mapping[str, Any]]:
    """What was done and asked in the instance, oldest first; since a time, by one user."""
    text = since.astimezone(UTC).isoformat(timespec="microseconds") if since else ""
    asked = [
        each.value
        for partition, subject in READ_BY_TIME
        for each in state.scan(partition, _prefix(subject), f"{_prefix(subject)}{text}" if text else "")
    ]
    done = [each.value for partition in PARTITIONS for each in state.scan(partition, "audit/")]
    found = [each for each in (*asked, *done) if each["at"] >= text and (by is None or each["by"] == by)]
    return sorted(found, key=lambda each: str(each["at"]))


def this_user() -> str:
    """The account that this process runs under, as far as the system knows a name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such entry in the user database, as in many containers
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def _prefix(subject: str) -> str:
    return f"audit/{quote(subject, safe='')}/"
