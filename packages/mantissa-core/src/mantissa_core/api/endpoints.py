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
from .handlers import alerts, instance, integrations, queries, rules
from .roles import Role

V, A, E, ADMIN = Role.VIEWER, Role.ANALYST, Role.ENGINEER, Role.ADMIN


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route. ``role`` is the least that may call it.

    ``limited``: whether a caller who may see some tables only may call it; such a handler shows nothing of others.
    ``gives`` is the shape of the answer, ``str`` for plain text.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    handler: Callable[[Call], Any]
    role: Role
    gives: type[BaseModel] | type[str]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    limited: bool = False
    status: int = 200

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().partition("\n")[0]


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/config", instance.config, V, models.Config, limited=True),
    Endpoint("GET", "/metrics", instance.figures, V, str),
    Endpoint("GET", "/schema", instance.schema, V, models.SchemaReply, limited=True),
    Endpoint("POST", "/query", queries.query, A, models.Result, models.QueryBody, limited=True),
    Endpoint("POST", "/api/query/execute", queries.execute, A, models.Result, models.ExecuteBody, limited=True),
    Endpoint("GET", "/api/query/executions/{id}", queries.poll, A, models.Result, limited=True),
    Endpoint("DELETE", "/api/query/executions/{id}", queries.cancel, A, models.Result, limited=True),
    Endpoint("GET", "/alerts", alerts.alerts, V, models.AlertsReply, query=models.AlertsQuery, limited=True),
    Endpoint("GET", "/alerts/{id}", alerts.alert, V, models.AlertReply, limited=True),
    Endpoint("POST", "/alerts/{id}/ack", alerts.acknowledge, A, models.AlertReply, models.StepBody, limited=True),
    Endpoint("POST", "/alerts/{id}/resolve", alerts.resolve, A, models.AlertReply, models.StepBody, limited=True),
    Endpoint("POST", "/alerts/{id}/suppress", alerts.suppress, A, models.AlertReply, models.StepBody, limited=True),
    Endpoint("POST", "/alerts/{id}/reopen", alerts.reopen, A, models.AlertReply, models.StepBody, limited=True),
    Endpoint("POST", "/alerts/{id}/verdict", alerts.judge, A, models.AlertReply, models.VerdictBody, limited=True),
    Endpoint("GET", "/rules", rules.rules, V, models.RulesReply, limited=True),
    Endpoint("GET", "/rules/{id}", rules.rule, V, models.RuleReply, limited=True),
    Endpoint("PUT", "/rules/{id}", rules.save_rule, E, models.RuleReply, models.RuleBody),
    Endpoint("DELETE", "/rules/{id}", rules.delete_rule, E, models.RuleReply),
    Endpoint("GET", "/api/detections/rules", rules.rules, V, models.RulesReply, limited=True),
    Endpoint("POST", "/api/detections/rules", rules.create_detection, E, models.DetectionReply, models.DetectionBody,
             status=201),
    Endpoint("POST", "/api/detections/schedule", rules.schedule, E, models.ScheduleReply, models.ScheduleBody),
    Endpoint("GET", "/api/detections/schedules", rules.schedules, V, models.SchedulesReply,
             query=models.SchedulesQuery),
    Endpoint("GET", "/api/integrations", integrations.integrations, V, models.IntegrationsReply),
    Endpoint("POST", "/api/integrations/validate", integrations.try_out, E, models.ValidateReply, models.ValidateBody),
    Endpoint("POST", "/api/integrations/wizard/jira/projects", integrations.jira_projects, E, models.ProjectsReply,
             models.JiraBody),
    Endpoint("POST", "/api/integrations/wizard/{type}/save", integrations.save_integration, E, models.SavedReply,
             models.IntegrationBody, status=201),
    Endpoint("GET", "/tokens", instance.tokens, ADMIN, models.TokensReply),
    Endpoint("POST", "/tokens", instance.create_token, ADMIN, models.TokenReply, models.TokenBody, status=201),
    Endpoint("DELETE", "/tokens/{id}", instance.revoke_token, ADMIN, models.TokenReply),
    Endpoint("GET", "/audit", instance.trail, ADMIN, models.AuditReply, query=models.AuditQuery),
)  # fmt: skip
"""All but ``/health``, which is open and says nothing else, and ``/openapi.json``, which any caller may read."""

PATH_PART = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"
"""What ``{id}`` and ``{type}`` may be."""
