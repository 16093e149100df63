"""Saved questions: a name for what was understood once. The words of its time are read anew each time."""

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

from .cache import PARTITION, as_of
from .plan import Plan

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class SavedQuestion:
    """A question under a name, and the plan that it became: a follow-up alone would not say what is meant."""

    name: str
    question: str
    plan: Plan
    saved: datetime


class SavedQuestions:
    """The saved questions of every user; each user has names of their own."""

    def __init__(self, state: State, clock: Callable[[], datetime]) -> None:
        self._state, self._clock = state, clock

    def save(self, user: str, name: str, question: str, plan: Plan, *, by: str = "") -> None:
        """Keep a question under a name, in place of an earlier one. ``by`` is who did it where ``user`` is no name.

        Raises:
            QueryError: that is no name, or the plan's time cannot be read again from its words.
        """
        if not _NAME.fullmatch(name):
            raise QueryError(f"{name[:64]!r} is no name: up to 64 letters, digits, dots, dashes and underscores")
        now = self._clock().astimezone(UTC)
        if as_of(plan, now) is None:
            raise QueryError(f"a later run could not tell which time {plan.period.text!r} is: name another")
        value = {"name": name, "question": question, "plan": plan.model_dump(mode="json"), "saved": now.isoformat()}
        self._commit(user, "saved", [Put(_key(user, name), value)], name, now, by)

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

    def plan(self, user: str, name: str) -> Plan:
        """The plan of one of them, as of now.

        Raises:
            QueryError: the user has none of that name, or its time cannot be read any more.
        """
        saved = self.get(user, name)
        if plan := as_of(saved.plan, self._clock()):
            return plan
        raise QueryError(f"which time {saved.plan.period.text!r} is cannot be told any more: save {name} again")

    def delete(self, user: str, name: str, *, by: str = "") -> None:
        """Forget one, and when it is asked by itself; ``by`` as above.

        Raises:
            QueryError: the user has none of that name.
        """
        self.get(user, name)
        gone = [Put(_key(user, name), None), Put(report_key(user, name), None)]
        self._commit(user, "deleted", gone, name, self._clock(), by)

    def _commit(self, user: str, action: str, puts: Sequence[Put], name: str, now: datetime, by: str) -> None:
        who = {"caller": user} if by else {}
        self._state.commit(PARTITION, [*puts, entry("question", action, by or user, now, name=name, **who)])


def report_key(user: str, name: str) -> str:
    """Where it stands when a saved question is asked by itself, and to whom the answers go."""
    return f"report/{quote(user, safe='')}/{quote(name, safe='')}"


def _key(user: str, name: str) -> str:
    return f"saved/{quote(user, safe='')}/{quote(name, safe='')}"


def _saved(document: Document) -> SavedQuestion:
    value = document.value
    plan, saved = Plan.model_validate(value["plan"]), datetime.fromisoformat(value["saved"])
    return SavedQuestion(value["name"], value["question"], plan, saved)
