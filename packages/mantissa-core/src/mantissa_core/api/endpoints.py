"""The routes: what each does, who may call it, what it takes and gives.

The server and its description are made of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from . import models
from .call import Call
from .events import Events
from .file import FILES
from .handlers import alerts, conversations, instance, integrations, queries, questions, rules, tokens
from .roles import Role
from .scopes import Scope as S  # noqa: N817  # the table below is read by its columns

ALL: tuple[S, ...] = ()
EITHER = (S.ASK, S.QUERY)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route. ``scopes``: one of these lets a token in, which its role must have; without any, every caller is.

    ``limited``: whether a caller who may see some tables only may call it; such a handler shows nothing of others.
    ``gives`` is the shape of the answer, ``str`` for plain text, ``Events`` for a stream of events. ``files`` are other
    media types that it comes as.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    handler: Callable[[Call], Any]
    scopes: tuple[S, ...]
    gives: type[BaseModel] | type[str] | type[Events]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    limited: bool = False
    status: int = 200
    files: tuple[str, ...] = ()

    @property
    def role(self) -> Role:
        """The least that may call it."""
        return min((each.role for each in self.scopes), key=list(Role).index, default=Role.VIEWER)

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().partition("\n")[0]


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/config", instance.config, ALL, models.Config, limited=True),
    Endpoint("GET", "/metrics", instance.figures, (S.METRICS_READ,), str),
    Endpoint("GET", "/schema", instance.schema, (S.SCHEMA_READ,), models.SchemaReply, limited=True),
    Endpoint("POST", "/query", queries.query, EITHER, models.Result, models.QueryBody, limited=True),
    Endpoint("POST", "/query/stream", queries.stream, EITHER, Events, models.StreamBody, limited=True),
    Endpoint("POST", "/api/query/execute", queries.execute, (S.QUERY,), models.Result, models.ExecuteBody,
             limited=True),
    Endpoint("GET", "/api/query/executions/{id}", queries.poll, EITHER, models.Result, query=models.PageQuery,
             limited=True, files=FILES),
    Endpoint("DELETE", "/api/query/executions/{id}", queries.cancel, EITHER, models.Result, limited=True),
    Endpoint("GET", "/conversations", conversations.conversations, (S.ASK,), models.ConversationsReply, limited=True),
    Endpoint("GET", "/conversations/{id}", conversations.conversation, (S.ASK,), models.ConversationWhole,
             limited=True),
    Endpoint("DELETE", "/conversations/{id}", conversations.delete_conversation, (S.ASK,), models.ConversationReply,
             limited=True),
    Endpoint("GET", "/questions", questions.questions, (S.ASK,), models.QuestionsReply, limited=True),
    Endpoint("POST", "/questions", questions.save_question, (S.ASK,), models.QuestionReply, models.QuestionBody,
             limited=True, status=201),
    Endpoint("GET", "/questions/{id}", questions.question, (S.ASK,), models.QuestionReply, limited=True),
    Endpoint("DELETE", "/questions/{id}", questions.delete_question, (S.ASK,), models.QuestionReply, limited=True),
    Endpoint("POST", "/questions/{id}/run", questions.run_question, (S.ASK,), models.Result, models.RunBody,
             limited=True),
    Endpoint("GET", "/alerts", alerts.alerts, (S.ALERTS_READ,), models.AlertsReply, query=models.AlertsQuery,
             limited=True),
    Endpoint("GET", "/alerts/{id}", alerts.alert, (S.ALERTS_READ,), models.AlertReply, limited=True),
    Endpoint("POST", "/alerts/{id}/ack", alerts.acknowledge, (S.ALERTS_WRITE,), models.AlertReply, models.StepBody,
             limited=True),
    Endpoint("POST", "/alerts/{id}/resolve", alerts.resolve, (S.ALERTS_WRITE,), models.AlertReply, models.StepBody,
             limited=True),
    Endpoint("POST", "/alerts/{id}/suppress", alerts.suppress, (S.ALERTS_WRITE,), models.AlertReply, models.StepBody,
             limited=True),
    Endpoint("POST", "/alerts/{id}/reopen", alerts.reopen, (S.ALERTS_WRITE,), models.AlertReply, models.StepBody,
             limited=True),
    Endpoint("POST", "/alerts/{id}/verdict", alerts.judge, (S.ALERTS_WRITE,), models.AlertReply, models.VerdictBody,
             limited=True),
    Endpoint("GET", "/rules", rules.rules, (S.RULES_READ,), models.RulesReply, limited=True),
    Endpoint("GET", "/rules/{id}", rules.rule, (S.RULES_READ,), models.RuleReply, limited=True),
    Endpoint("PUT", "/rules/{id}", rules.save_rule, (S.RULES_WRITE,), models.RuleReply, models.RuleBody),
    Endpoint("DELETE", "/rules/{id}", rules.delete_rule, (S.RULES_WRITE,), models.RuleReply),
    Endpoint("GET", "/api/detections/rules", rules.rules, (S.RULES_READ,), models.RulesReply, limited=True),
    Endpoint("POST", "/api/detections/rules", rules.create_detection, (S.RULES_WRITE,), models.DetectionReply,
             models.DetectionBody, status=201),
    Endpoint("POST", "/api/detections/schedule", rules.schedule, (S.RULES_WRITE,), models.ScheduleReply,
             models.ScheduleBody),
    Endpoint("GET", "/api/detections/schedules", rules.schedules, (S.RULES_READ,), models.SchedulesReply,
             query=models.SchedulesQuery),
    Endpoint("GET", "/api/integrations", integrations.integrations, (S.INTEGRATIONS_READ,), models.IntegrationsReply),
    Endpoint("POST", "/api/integrations/validate", integrations.try_out, (S.INTEGRATIONS_WRITE,),
             models.ValidateReply, models.ValidateBody),
    Endpoint("POST", "/api/integrations/wizard/jira/projects", integrations.jira_projects, (S.INTEGRATIONS_WRITE,),
             models.ProjectsReply, models.JiraBody),
    Endpoint("POST", "/api/integrations/wizard/{type}/save", integrations.save_integration, (S.INTEGRATIONS_WRITE,),
             models.SavedReply, models.IntegrationBody, status=201),
    Endpoint("GET", "/tokens", tokens.tokens, (S.TOKENS,), models.TokensReply),
    Endpoint("POST", "/tokens", tokens.create_token, (S.TOKENS,), models.TokenReply, models.TokenBody, status=201),
    Endpoint("DELETE", "/tokens/{id}", tokens.revoke_token, (S.TOKENS,), models.TokenReply),
    Endpoint("GET", "/audit", instance.trail, (S.AUDIT_READ,), models.AuditReply, query=models.AuditQuery),
)  # fmt: skip
"""All but ``/health``, which is open and says nothing else, and ``/openapi.json``, which any caller may read."""

PATH_PART = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"
"""What ``{id}`` and ``{type}`` may be."""
