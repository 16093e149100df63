"""Saved questions: one's own, by name."""

from __future__ import annotations

from mantissa_core.api import models
from mantissa_core.api.call import Call
from mantissa_core.api.problem import Problem, not_found
from mantissa_core.api.work import known_zone
from mantissa_core.api.work import question as asked
from mantissa_core.ask.plan import Plan
from mantissa_core.ask.saved import SavedQuestion
from mantissa_core.errors import QueryError

from .queries import begun


def questions(call: Call) -> models.QuestionsReply:
    """The caller's saved questions, by name."""
    found = call.runtime.asker.saved.list(call.caller.id)
    return models.QuestionsReply(questions=[_reply(each) for each in found])


def question(call: Call) -> models.QuestionReply:
    """One saved question."""
    return _reply(_own(call))


def save_question(call: Call) -> models.QuestionReply:
    """Keep a question under a name, in place of an earlier one: what was understood is kept, too."""
    body, saved = call.sent(models.QuestionBody), call.runtime.asker.saved
    if (body.question is None) == (body.execution_id is None):
        raise Problem(422, "expected 'question' or 'execution_id', one of the two", place="body")
    text, plan = _understood(call, body) if body.question is not None else _answered(call, body.execution_id or "")
    saved.save(call.caller.id, body.name, text, plan, by=call.caller.name)
    return _reply(saved.get(call.caller.id, body.name))


def run_question(call: Call) -> models.Result:
    """Ask a saved question as of now."""
    body, found = call.sent(models.RunBody), _own(call)
    plan = call.runtime.asker.saved.plan(call.caller.id, found.name)
    if plan.source not in call.runtime.asker.schema(call.caller.tables).tables:
        raise Problem(409, "what it asks about is not there for you any more")
    return begun(call, asked(call, found.question, body, plan=plan), body, wait=body.wait)


def delete_question(call: Call) -> models.QuestionReply:
    """Forget a saved question."""
    found = _own(call)
    call.runtime.asker.saved.delete(call.caller.id, found.name, by=call.caller.name)
    return _reply(found)


def _understood(call: Call, body: models.QuestionBody) -> tuple[str, Plan]:
    """Read the question, without running it."""
    known_zone(body.zone)
    text, caller = body.question or "", call.caller
    answer = call.runtime.ask(
        text, zone=body.zone, user=caller.name, caller=caller.id, allowed=caller.tables, explain_only=True
    )
    if answer.plan is None:
        written = "only SQL that a language model wrote answers it, which is not kept"
        raise Problem(422, written if answer.raw_sql else answer.reason, place="body: question", remedy="ask otherwise",
                      suggestions=list(answer.suggestions))  # fmt: skip
    return text, answer.plan


def _answered(call: Call, execution_id: str) -> tuple[str, Plan]:
    found = call.services.executions.get(call.caller, execution_id)
    if found is None:
        raise not_found("execution")
    if found.outcome is None or found.outcome.plan is None:
        raise Problem(409, "no question of that execution was understood", place="body: execution_id")
    return found.outcome.question, found.outcome.plan


def _own(call: Call) -> SavedQuestion:
    try:
        return call.runtime.asker.saved.get(call.caller.id, call.path["id"])
    except QueryError:
        raise not_found("question") from None


def _reply(each: SavedQuestion) -> models.QuestionReply:
    return models.QuestionReply(name=each.name, question=each.question, time=each.plan.period.text, saved=each.saved)
