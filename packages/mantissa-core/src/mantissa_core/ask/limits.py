"""What bounds every question."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Rows by default, what must be confirmed, and whether plans and rows are kept. See ``[ask]``."""

    max_rows: int = 1_000
    confirm_bytes: int = 10_000_000_000
    confirm_usd: float = 1.0
    cache: bool = True
    schema_version: str = "1"
