"""Configuration, schema, metrics, the audit log."""

from __future__ import annotations

from importlib.metadata import version

from mantissa_core.alert.metrics import sink_metrics
from mantissa_core.api import models
from mantissa_core.api.call import Call
from mantissa_core.collect.metrics import metrics
from mantissa_core.hookspecs import Module
from mantissa_core.state import audit
from mantissa_core.watch import health


def config(call: Call) -> models.Config:
    """The modules that run, the version, and who is asking."""
    modules = call.runtime.labels(Module)
    features = models.Features(siem=True, apm="apm" in modules, soar="soar" in modules)
    caller = call.caller
    return models.Config(
        features=features,
        version=version("mantissa-core"),
        user=caller.name,
        role=caller.role,
        scopes=sorted(caller.scopes) if caller.scopes is not None else None,
    )


def schema(call: Call) -> models.SchemaReply:
    """Tables and views with their columns, as far as the caller may see them."""
    found = call.runtime.asker.schema(call.caller.tables)
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


def trail(call: Call) -> models.AuditReply:
    """Who did and asked what."""
    asked = call.asked(models.AuditQuery)
    found = audit.trail(call.runtime.state, asked.since, asked.user)
    return models.AuditReply(entries=[dict(each) for each in found[: -asked.limit - 1 : -1]])
