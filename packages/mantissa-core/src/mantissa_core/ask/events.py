"""What is told while a question is being answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One step on the way to an answer; ``data`` are JSON values.

    Kinds: ``reading`` (``by``: ``offline`` or the label of a language model), ``token`` (``text``: a piece of what the
    model says), ``understood`` (``explanation``, ``assumptions``, ``sql``), ``estimate`` (``bytes``, ``usd``,
    ``detail``), and ``answer``, the last one, without data.
    """

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
