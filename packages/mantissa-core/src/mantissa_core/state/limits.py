"""What one commit may hold, the same for every state store, and the JSON text that is measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mantissa_core.errors import StateError
from mantissa_core.model import Put

MAX_DOCUMENTS = 50
"""Puts in one commit."""
MAX_DOCUMENT_BYTES = 256 * 1024
"""Bytes of one document's JSON text, in UTF-8."""
MAX_COMMIT_BYTES = 1024 * 1024
"""Bytes of all documents of one commit together."""


def check_limits(partition: str, puts: Sequence[Put]) -> list[str | None]:
    """Return the compact JSON text of each put, ``None`` for a deletion, once all of them are acceptable.

    Every store calls this before it writes anything.

    Raises:
        StateError: there are too many puts, one or all of them are too large, a key is empty or comes twice, a
            value is no JSON object, or an expiry has no time zone. Names partition, key, size and limit.
    """
    if len(puts) > MAX_DOCUMENTS:
        raise StateError(f"{partition}: a commit of {len(puts)} documents, the limit is {MAX_DOCUMENTS}: split it")
    _check_keys(partition, puts)
    texts = [_checked_text(f"{partition}/{put.key}", put) for put in puts]
    total = sum(_size(text) for text in texts if text is not None)
    if total > MAX_COMMIT_BYTES:
        keys = ", ".join(put.key for put in puts)
        raise StateError(
            f"{partition}: a commit of {total} bytes, the limit is {MAX_COMMIT_BYTES}: split it (keys: {keys})"
        )
    return texts


def _check_keys(partition: str, puts: Sequence[Put]) -> None:
    seen: set[str] = set()
    for put in puts:
        if not put.key:
            raise StateError(f"{partition}: a document's key cannot be empty")
        if put.key in seen:
            raise StateError(f"{partition}/{put.key}: comes twice in one commit: put it once")
        seen.add(put.key)


def _checked_text(place: str, put: Put) -> str | None:
    if put.expires is not None and put.expires.tzinfo is None:
        raise StateError(f"{place}: its expiry {put.expires} has no time zone: use UTC")
    if put.value is None:
        return None
    text = _text(place, put.value)
    if _size(text) > MAX_DOCUMENT_BYTES:
        raise StateError(f"{place}: a document of {_size(text)} bytes, the limit is {MAX_DOCUMENT_BYTES}")
    return text


def _text(place: str, value: Mapping[str, Any]) -> str:
    if not isinstance(value, Mapping):
        raise StateError(f"{place}: its value is a {type(value).__name__}, expected a JSON object")
    try:
        text = json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        # The error's own text may quote the value, which is not ours to repeat.
        raise StateError(f"{place}: its value is not JSON ({type(error).__name__})") from None
    return text


def _plain(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
