"""What a query process may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one database may use. Without a temporary folder nothing spills to disk."""

    memory: str
    threads: int | None
    temp_directory: str | None = None
    temp_size: str = "0MB"
