"""Server-sent events for fakes, in pieces that cut lines and characters in two, as networks do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["cut", "event", "halves"]

PIECE = 7
"""Bytes; a character of three or four bytes is cut sooner or later."""


def event(document: Mapping[str, Any] | str, name: str = "") -> bytes:
    """One event with a JSON object, or with a text such as ``[DONE]``."""
    data = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    return f"{f'event: {name}' + chr(10) if name else ''}data: {data}\n\n".encode()


def cut(events: Iterable[bytes], size: int = PIECE) -> Iterator[bytes]:
    """The same bytes in pieces."""
    content = b"".join(events)
    return iter([content[start : start + size] for start in range(0, len(content), size)])


def halves(text: str) -> tuple[str, str]:
    """A text in two, as a model writes it bit by bit."""
    return text[: len(text) // 2], text[len(text) // 2 :]
