"""Conversations: questions that follow each other, kept so that they can be resumed. Rows are never kept.

Each belongs to one user; nobody else sees that it exists. What was not touched for 90 days is forgotten.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from mantissa_core.errors import Conflict, QueryError
from mantissa_core.model import Document, Put
from mantissa_core.state import State
from mantissa_core.state.limits import MAX_DOCUMENTS

from .answer import Answer
from .cache import PARTITION
from .plan import Plan
from .written import Written

KEPT = timedelta(days=90)
MOST_TURNS = 500
ATTEMPTS = 10
LONGEST_SQL = 20_000
"""Characters of a statement that are kept."""
LAST = "last"
NEW = "new"


@dataclass(frozen=True, slots=True)
class Turn:
    """One question of a conversation and what came of it."""

    number: int
    at: datetime
    question: str
    status: str
    plan: Plan | None
    sql: str
    explanation: str
    result_count: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """Its id, its first question, when it began and went on, and how many questions it has."""

    id: str
    title: str
    started: datetime
    updated: datetime
    turns: int


class Conversations:
    """The conversations of every user."""

    def __init__(self, state: State, clock: Callable[[], datetime]) -> None:
        self._state, self._clock = state, clock

    def resolve(self, user: str, name: str) -> str:
        """The id that is meant: ``new`` makes one, ``last`` is the one that went on last (or a new one), others exist.

        Raises:
            QueryError: the user has no such conversation.
        """
        if name == NEW:
            return uuid.uuid4().hex[:12]
        if name == LAST:
            known = self.list(user)
            return known[0].id if known else uuid.uuid4().hex[:12]
        return self.get(user, name).id

    def list(self, user: str) -> Sequence[Conversation]:
        """A user's conversations, the one that went on last first."""
        found = [_conversation(each) for each in self._state.scan(PARTITION, _head(user, ""))]
        return sorted(found, key=lambda each: (each.updated, each.id), reverse=True)

    def get(self, user: str, id: str) -> Conversation:  # noqa: A002  # as it is called everywhere
        """One conversation.

        Raises:
            QueryError: the user has none of that id.
        """
        found = self._state.get(PARTITION, _head(user, id))
        if found is None:
            raise QueryError(f"there is no conversation {id!r} of {user}")
        return _conversation(found)

    def turns(self, user: str, id: str) -> Iterator[Turn]:  # noqa: A002
        """Its questions, the oldest first."""
        return (_turn(each) for each in self._state.scan(PARTITION, _turns(user, id)))

    def last_plan(self, user: str, id: str) -> Plan | None:  # noqa: A002
        """The plan that a follow-up changes."""
        found = self._state.get(PARTITION, _head(user, id))
        kept = found.value.get("plan") if found else None
        return Plan.model_validate(kept) if kept else None

    def last_written(self, user: str, id: str) -> Written | None:  # noqa: A002
        """The SQL of a language model that a follow-up changes, where the last answer is one of such."""
        found = self._state.get(PARTITION, _head(user, id))
        kept = found.value.get("written") if found else None
        return Written.of(kept) if kept else None

    def add(self, user: str, answer: Answer) -> None:
        """Keep a question of a conversation, which begins with it if need be.

        Raises:
            QueryError: the conversation is full.
            Conflict: others kept adding to it first.
        """
        for attempt in range(ATTEMPTS):
            try:
                return self._add(user, answer)
            except Conflict:
                if attempt == ATTEMPTS - 1:
                    raise
        return None

    def _add(self, user: str, answer: Answer) -> None:
        if answer.conversation is None:
            return
        now, head = self._clock().astimezone(UTC), _head(user, answer.conversation)
        old = self._state.get(PARTITION, head)
        began: dict[str, Any] = (
            dict(old.value) if old else {"title": answer.question[:200], "started": now.isoformat(), "turns": 0}
        )
        number = int(began["turns"]) + 1
        if number > MOST_TURNS:
            raise QueryError(f"the conversation has {MOST_TURNS} questions: begin another")
        plan = answer.plan.model_dump(mode="json") if answer.plan else None
        began |= {"id": answer.conversation, "turns": number, "updated": now.isoformat()}
        if plan or answer.written:  # what has neither leaves the one before to be changed
            began |= {"plan": plan, "written": answer.written.document() if answer.written else None}
        turn = {
            "number": number, "at": now.isoformat(), "question": answer.question, "status": answer.status, "plan": plan,
            "sql": answer.sql[:LONGEST_SQL], "explanation": answer.explanation or answer.reason,
            "result_count": answer.statistics.result_count if answer.statistics else 0,
        }  # fmt: skip
        key = f"{_turns(user, answer.conversation)}{number:06}"
        until = datetime.now(UTC) + KEPT  # the store goes by the system's time, whatever our clock says
        puts = [Put(head, began, until), Put(key, turn, until)]
        self._state.commit(PARTITION, puts, {head: old.version if old else 0})

    def delete(self, user: str, id: str) -> None:  # noqa: A002
        """Forget a conversation with its questions.

        Raises:
            QueryError: the user has none of that id.
        """
        self.get(user, id)
        keys = [*(each.key for each in self._state.scan(PARTITION, _turns(user, id))), _head(user, id)]
        for start in range(0, len(keys), MAX_DOCUMENTS):
            self._state.commit(PARTITION, [Put(key, None) for key in keys[start : start + MAX_DOCUMENTS]])


def _head(user: str, id_: str) -> str:
    return f"conversation/{quote(user, safe='')}/{quote(id_, safe='')}"


def _turns(user: str, id_: str) -> str:
    return f"turn/{quote(user, safe='')}/{quote(id_, safe='')}/"


def _conversation(document: Document) -> Conversation:
    value = document.value
    started, updated = (datetime.fromisoformat(value[name]) for name in ("started", "updated"))
    return Conversation(value["id"], value["title"], started, updated, value["turns"])


def _turn(document: Document) -> Turn:
    value: Any = document.value
    plan = Plan.model_validate(value["plan"]) if value["plan"] else None
    at = datetime.fromisoformat(value["at"])
    told = (value["sql"], value["explanation"], value["result_count"])
    return Turn(value["number"], at, value["question"], value["status"], plan, *told)
