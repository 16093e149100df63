"""The tools. All of them read; there is none that changes anything."""

from mantissa_core.api.scopes import Scope
from mantissa_core.mcp.tool import Tool

from . import alerts, ask, query, rules, schema, sources

TOOLS: tuple[Tool, ...] = (
    Tool("schema", "Tables and columns", schema.schema, Scope.SCHEMA_READ, schema.SchemaArguments, schema.SchemaReply),
    Tool("ask", "Ask in plain English", ask.ask, Scope.ASK, ask.AskArguments, ask.AskReply, runs=True),
    Tool("query", "Run SQL", query.query, Scope.QUERY, query.QueryArguments, query.QueryReply, runs=True),
    Tool("estimate", "Price SQL", query.estimate, Scope.QUERY, query.EstimateArguments, query.EstimateReply, runs=True),
    Tool("alerts", "List alerts", alerts.alerts, Scope.ALERTS_READ, alerts.AlertsArguments, alerts.AlertsReply),
    Tool("alert", "One alert", alerts.alert, Scope.ALERTS_READ, alerts.AlertArguments, alerts.AlertReply),
    Tool("rules", "Find rules", rules.rules, Scope.RULES_READ, rules.RulesArguments, rules.RulesReply),
    Tool("rule", "One rule", rules.rule, Scope.RULES_READ, rules.RuleArguments, rules.RuleReply),
    Tool("sources", "Health of sources", sources.sources, Scope.METRICS_READ, sources.SourcesArguments,
         sources.SourcesReply, limited=False),
)  # fmt: skip
