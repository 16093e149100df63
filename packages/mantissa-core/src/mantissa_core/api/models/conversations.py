"""Questions that are kept: conversations, and questions under a name."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from .base import Body, Reply
from .queries import QuestionText, Running, Zone

QuestionName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class ConversationReply(Reply):
    """Questions that follow each other, by the first of them."""

    id: str
    title: str
    started: datetime
    updated: datetime
    questions: int


class ConversationsReply(Reply):
    """The caller's own, the one that went on last first."""

    conversations: list[ConversationReply]


class TurnReply(Reply):
    """One question and what came of it. Rows are not kept."""

    number: int
    at: datetime
    question: str
    status: str
    sql: str | None
    """None where the caller may not see the table any more."""
    explanation: str | None
    result_count: int


class ConversationWhole(ConversationReply):
    """A conversation with its questions, the oldest first."""

    turns: list[TurnReply]


class QuestionBody(Body):
    """A question to be kept under a name, or an execution whose question is. One of the two."""

    name: QuestionName
    question: QuestionText | None = None
    execution_id: Annotated[str, Field(max_length=64)] | None = None
    """Of a question of one's own, answered not long ago: also one that followed others."""
    zone: Zone = "UTC"


class QuestionReply(Reply):
    """A question under a name. Its time is read anew whenever it is run."""

    name: str
    question: str
    time: str
    saved: datetime


class QuestionsReply(Reply):
    """The caller's own, by name."""

    questions: list[QuestionReply]


class RunBody(Running):
    """How to run a saved question."""

    wait: bool = True
