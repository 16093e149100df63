"""Health, configuration, schema, metrics, tokens, the audit log."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version

from mantissa_core.alert.metrics import sink_metrics
from mantissa_core.api import models
from mantissa_core.api.asking import schema_for
from mantissa_core.api.call import Call
from mantissa_core.api.problem import Problem
from mantissa_core.api.tokens import Token
from mantissa_core.collect.metrics import metrics
from mantissa_core.hookspecs import Module
from mantissa_core.state import audit
from mantissa_core.watch import health


def config(call: Call) -> models.Config:
    """The modules that run, the version, and who is asking."""
    modules = call.runtime.labels(Module)
    features = models.Features(siem=True, apm="apm" in modules, soar="soar" in modules)
    return models.Config(
        features=features, version=version("mantissa-core"), user=call.caller.name, role=call.caller.role
    )


def schema(call: Call) -> models.SchemaReply:
    """Tables and views with their columns, as far as the caller may see them."""
    found = schema_for(call.runtime, call.caller.tables)
    tables = [
        models.Table(
            name=each.name,
            title=each.title,
            description=each.description,
            synonyms=list(each.synonyms),
            view=each.is_view,
            columns=[
                models.Column(
                    name=column.name,
                    type=column.type,
                    description=column.description,
                    synonyms=list(column.synonyms),
                    values={str(key): str(value) for key, value in column.values.items()},
                )
                for column in each.columns.values()
            ],
        )
        for each in found.tables.values()
    ]
    return models.SchemaReply(version=found.version, tables=tables)


def figures(call: Call) -> str:
    """Figures about sources and destinations, for Prometheus."""
    known = health(call.runtime)
    return metrics(known.reports, known.drifts, known.findings) + sink_metrics(call.runtime.sink_health())


def tokens(call: Call) -> models.TokensReply:
    """The valid tokens, without their values."""
    return models.TokensReply(tokens=[_token(each) for each in call.services.tokens.all()])


def create_token(call: Call) -> models.TokenReply:
    """Make a token; its value is in this answer alone."""
    body = call.sent(models.TokenBody)
    lifetime = timedelta(days=body.expires_in_days) if body.expires_in_days else None
    made, value = call.services.tokens.create(
        body.name, body.role, tables=body.tables, lifetime=lifetime, by=call.caller.name
    )
    return _token(made).model_copy(update={"token": value})


def revoke_token(call: Call) -> models.TokenReply:
    """Make a token worthless, at once."""
    known = {each.id: each for each in call.services.tokens.all()}
    if call.path["id"] not in known:
        raise Problem(404, "there is no such token", remedy="GET /tokens lists those there are")
    return _token(call.services.tokens.revoke(call.path["id"], by=call.caller.name))


def trail(call: Call) -> models.AuditReply:
    """Who did and asked what."""
    asked = call.asked(models.AuditQuery)
    found = audit.trail(call.runtime.state, asked.since, asked.user)
    return models.AuditReply(entries=[dict(each) for each in found[: -asked.limit - 1 : -1]])


def _token(each: Token) -> models.TokenReply:
    return models.TokenReply(
        id=each.id,
        name=each.name,
        role=each.role,
        tables=sorted(each.tables) if each.tables is not None else None,
        created=each.created,
        created_by=each.created_by,
        expires=each.expires,
    )
