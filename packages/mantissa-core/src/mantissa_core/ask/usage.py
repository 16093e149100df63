"""What a question took of a language model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """The provider's own counts over all calls, and the worst case that was estimated before the first one.

    Money is in US dollars, ``None`` where the model's price is not known.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    estimated_tokens: int
    estimated_usd: float | None
