"""What a setting may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that a setting may have, such as a channel's id, and what people call it."""

    value: str
    label: str
