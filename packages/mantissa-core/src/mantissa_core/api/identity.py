"""From a request's ``Authorization`` header to who is calling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from .caller import Caller
from .problem import Problem
from .tokens import PREFIX, Tokens

LONGEST = 16_384
"""Characters of a bearer token."""


class Verifies(Protocol):
    """Tells who an identity provider's token stands for."""

    def caller(self, text: str) -> Caller:
        """Raise ``Problem`` where the token is not valid, or stands for nobody who may call."""


class Identity:
    """Knows API tokens, and with ``provider`` those of an identity provider. ``tables`` limits roles."""

    def __init__(self, tokens: Tokens, provider: Verifies | None, tables: Mapping[str, tuple[str, ...]]) -> None:
        self._tokens, self._provider, self._tables = tokens, provider, tables

    def caller(self, header: str) -> Caller:
        """Who sent this header.

        Raises:
            Problem: 401, nobody that is known; it does not say what is wrong with a token.
        """
        scheme, _, text = header.partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer" or not text:
            raise unknown("a token is needed")
        if len(text) > LONGEST:
            raise unknown("the token is not valid")
        found = self._tokens.caller(text) if text.startswith(f"{PREFIX}_") else self._by_provider(text)
        if found is None:
            raise unknown("the token is not valid")
        return found.within(self._tables.get(found.role.value))

    def _by_provider(self, text: str) -> Caller | None:
        return self._provider.caller(text) if self._provider else None


def unknown(detail: str) -> Problem:
    """401."""
    return Problem(
        401,
        detail,
        remedy="'mantissa tokens create' makes one; send it as 'Authorization: Bearer …'",
        headers={"WWW-Authenticate": "Bearer"},
    )
