"""The tools. All of them read; there is none that changes anything."""

from mantissa_core.api.roles import Role
from mantissa_core.mcp.tool import Tool

from . import alerts, ask, query, rules, schema, sources

V, A = Role.VIEWER, Role.ANALYST

TOOLS: tuple[Tool, ...] = (
    Tool("schema", "Tables and columns", schema.schema, V, schema.SchemaArguments, schema.SchemaReply),
    Tool("ask", "Ask in plain English", ask.ask, A, ask.AskArguments, ask.AskReply, runs=True),
    Tool("query", "Run SQL", query.query, A, query.QueryArguments, query.QueryReply, runs=True),
    Tool("estimate", "Price SQL", query.estimate, A, query.EstimateArguments, query.EstimateReply, runs=True),
    Tool("alerts", "List alerts", alerts.alerts, V, alerts.AlertsArguments, alerts.AlertsReply),
    Tool("alert", "One alert", alerts.alert, V, alerts.AlertArguments, alerts.AlertReply),
    Tool("rules", "Find rules", rules.rules, V, rules.RulesArguments, rules.RulesReply),
    Tool("rule", "One rule", rules.rule, V, rules.RuleArguments, rules.RuleReply),
    Tool("sources", "Health of sources", sources.sources, V, sources.SourcesArguments, sources.SourcesReply,
         limited=False),
)  # fmt: skip
