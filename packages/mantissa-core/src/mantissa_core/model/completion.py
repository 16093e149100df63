"""A question to a language model and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked. ``system`` is ours; ``user`` may quote people but never holds log contents unmarked."""

    user: str
    system: str = ""
    max_tokens: int = 4096
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer, with the provider's own token counts. ``data`` is set where a schema was asked for."""

    text: str
    model: str
    input_tokens: int
    output_tokens: int
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer that is still being written. The last one, and it alone, has the whole ``completion``."""

    text: str = ""
    completion: Completion | None = None
