"""Conversations: one's own. Those of others are not there, for nobody."""

from __future__ import annotations

from mantissa_core.api import models
from mantissa_core.api.call import Call
from mantissa_core.api.problem import not_found
from mantissa_core.ask.conversations import Conversation, Turn
from mantissa_core.errors import QueryError


def conversations(call: Call) -> models.ConversationsReply:
    """The caller's conversations, the one that went on last first."""
    found = call.runtime.asker.conversations.list(call.caller.id)
    return models.ConversationsReply(conversations=[_reply(each) for each in found])


def conversation(call: Call) -> models.ConversationWhole:
    """One conversation, with its questions."""
    found = _own(call)
    seen = frozenset(call.runtime.asker.schema(call.caller.tables).tables)
    turns = call.runtime.asker.conversations.turns(call.caller.id, found.id)
    told = [_turn(each, shown=_shown(call, each, seen)) for each in turns]
    return models.ConversationWhole(**_reply(found).model_dump(), turns=told)


def delete_conversation(call: Call) -> models.ConversationReply:
    """Forget a conversation; the audit log keeps what was asked."""
    found = _own(call)
    call.runtime.asker.conversations.delete(call.caller.id, found.id)
    return _reply(found)


def _own(call: Call) -> Conversation:
    try:
        return call.runtime.asker.conversations.get(call.caller.id, call.path["id"])
    except QueryError:
        raise not_found("conversation") from None


def _shown(call: Call, turn: Turn, seen: frozenset[str]) -> bool:
    """Whether the caller may see the tables of a turn, as of now."""
    return call.caller.tables is None or (turn.plan is not None and turn.plan.source in seen)


def _reply(each: Conversation) -> models.ConversationReply:
    return models.ConversationReply(
        id=each.id, title=each.title, started=each.started, updated=each.updated, questions=each.turns
    )


def _turn(each: Turn, *, shown: bool) -> models.TurnReply:
    return models.TurnReply(
        number=each.number,
        at=each.at,
        question=each.question,
        status=each.status.upper(),
        sql=each.sql if shown else None,
        explanation=each.explanation if shown else None,
        result_count=each.result_count,
    )
