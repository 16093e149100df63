"""Saved questions: a name for words that are asked again. Their times are read anew each time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from mantissa_core.errors import QueryError
from mantissa_core.model import Document, Put
from mantissa_core.state import State
from mantissa_core.state.audit import entry

from .cache import PARTITION

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class SavedQuestion:
    """A question under a name, and the time zone that its days are of."""

    name: str
    question: str
    zone: str
    saved: datetime


class SavedQuestions:
    """The saved questions of every user; each user has names of their own."""

    def __init__(self, state: State, clock: Callable[[], datetime]) -> None:
        self._state, self._clock = state, clock

    def save(self, user: str, name: str, question: str, zone: str = "UTC") -> None:
        """Keep a question under a name, in place of an earlier one.

        Raises:
            QueryError: that is no name.
        """
        if not _NAME.fullmatch(name):
            raise QueryError(f"{name[:64]!r} is no name: up to 64 letters, digits, dots, dashes and underscores")
        now = self._clock().astimezone(UTC)
        value = {"name": name, "question": question, "zone": zone, "saved": now.isoformat()}
        self._commit(user, "saved", Put(_key(user, name), value), name, now)

    def list(self, user: str) -> Sequence[SavedQuestion]:
        """A user's saved questions, by name."""
        return [_saved(each) for each in self._state.scan(PARTITION, _key(user, ""))]

    def get(self, user: str, name: str) -> SavedQuestion:
        """One of them.

        Raises:
            QueryError: the user has none of that name.
        """
        found = self._state.get(PARTITION, _key(user, name))
        if found is None:
            raise QueryError(f"there is no saved question {name!r} of {user}")
        return _saved(found)

    def delete(self, user: str, name: str) -> None:
        """Forget one.

        Raises:
            QueryError: the user has none of that name.
        """
        self.get(user, name)
        self._commit(user, "deleted", Put(_key(user, name), None), name, self._clock())

    def _commit(self, user: str, action: str, put: Put, name: str, now: datetime) -> None:
        self._state.commit(PARTITION, [put, entry("question", action, user, now, name=name)])


def _key(user: str, name: str) -> str:
    return f"saved/{quote(user, safe='')}/{quote(name, safe='')}"


def _saved(document: Document) -> SavedQuestion:
    value = document.value
    return SavedQuestion(value["name"], value["question"], value["zone"], datetime.fromisoformat(value["saved"]))
