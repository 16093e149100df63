"""What the state and secret stores hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Document:
    """A stored JSON object (≤ 256 KB). ``version`` starts at 1 and rises by one with every write."""

    key: str
    value: Mapping[str, Any]
    version: int
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """A write to come: ``value`` replaces the document, ``None`` deletes it."""

    key: str
    value: Mapping[str, Any] | None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A secret's value and version (from 1). Its ``repr`` never shows the value."""

    value: str
    version: int

    def __repr__(self) -> str:
        return f"Secret(value=***, version={self.version})"
