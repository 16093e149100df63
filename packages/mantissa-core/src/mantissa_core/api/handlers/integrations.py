"""Destinations of alerts: listed, tried, saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mantissa_core import catalog
from mantissa_core.alert.codec import to_json
from mantissa_core.api import models
from mantissa_core.api.call import Call
from mantissa_core.api.problem import Problem
from mantissa_core.config import FILE
from mantissa_core.errors import ConfigError, PluginError
from mantissa_core.hookspecs import AlertSink
from mantissa_core.parts import attribute_of
from mantissa_core.references import is_reference
from mantissa_core.setup.question import SEVERITIES, questions
from mantissa_core.setup.save import save, switch
from mantissa_core.setup.sink_types import matching
from mantissa_core.setup.trial import choices, validate

_JIRA = "jira.issue"
_NAMES = {"slack": "slack.webhook", "jira": _JIRA, "pagerduty": "pagerduty.events", "teams": "teams.workflow",
          "email": "core.smtp", "webhook": "core.webhook", "servicenow": "servicenow.incident"}  # fmt: skip
"""What the short names of the API mean; the name of any installed sink is taken too."""


def integrations(call: Call) -> models.IntegrationsReply:
    """The configured destinations, and how they are."""
    states = {each.destination: str(each.grade) for each in call.runtime.sink_health()}
    return models.IntegrationsReply(
        integrations=[
            models.IntegrationReply(
                id=label,
                type=section.plugin,
                enabled=section.enabled,
                severity_filter=[each.value for each in section.severity_filter],
                health_status=states.get(label, "unknown"),
            )
            for label, section in sorted(call.runtime.settings.sinks.items())
        ]
    )


def try_out(call: Call) -> models.ValidateReply:
    """Send a test message with settings that are not saved."""
    body = call.sent(models.ValidateBody)
    sink = _sink(body.type)
    _refuse_server_things(sink, body.config)
    call.note("setup", f"sink/{sink}", "tried", settings=sorted(body.config))
    found = validate(call.runtime, sink, body.config)
    message = _without_file(call, found.message)
    return models.ValidateReply(success=found.success, message=message, details=to_json(dict(found.details)))


def save_integration(call: Call) -> models.SavedReply:
    """Save a destination: its credentials as secrets, the rest in mantissa.toml."""
    body = call.sent(models.IntegrationBody)
    sink, label = _sink(call.path["type"]), body.name.strip().lower().replace(" ", "-")
    _refuse_server_things(sink, body.config)
    answers: dict[str, Any] = dict(body.config)
    if body.severity_filter is not None:
        answers[SEVERITIES] = body.severity_filter
    file = call.runtime.home / FILE
    with _refusals(call):
        made = save(call.runtime, file, sink, label, answers, by=call.caller.name)
    if not body.enabled:
        switch(call.runtime, file, label, False, by=call.caller.name)
    saved = models.IntegrationReply(
        id=made.label,
        type=sink,
        enabled=body.enabled,
        severity_filter=body.severity_filter or [],
        health_status="unknown",
    )
    message = "saved; what runs knows it after a restart"
    return models.SavedReply(integration_id=made.label, message=message, integration=saved)


def jira_projects(call: Call) -> models.ProjectsReply:
    """The projects that an account of Jira Cloud sees."""
    body = call.sent(models.JiraBody)
    answers = {"site": body.url, "email": body.email, "api_token": body.api_token}
    _refuse_server_things(sink := _sink(_JIRA), answers)
    with _refusals(call):
        found = choices(call.runtime, sink, answers, "project")
    return models.ProjectsReply(projects=[models.Project(key=each.value, name=each.label) for each in found])


def _sink(name: str) -> str:
    installed = {each.name for each in catalog.installed(AlertSink.group)}
    wanted = _NAMES.get(name.lower(), name)
    if wanted in installed:
        return wanted
    try:
        found = [each.name for each in matching(name)]
    except ConfigError as error:
        raise Problem(422, f"type: there is no such destination, expected {error.expected}", place="type") from None
    if len(found) != 1:
        raise Problem(422, f"type: expected one of {', '.join(found)}", place="type")
    return found[0]


def _refuse_server_things(sink: str, config: Any) -> None:
    """Who may set a destination up is not let at the server's files, environment variables and secrets with it.

    Raises:
        Problem: 422, the sink writes on this machine, a setting is a path, or a value is a reference.
    """
    if attribute_of(AlertSink, sink, "local"):
        raise Problem(422, f"type: {sink} writes on the server", place="type", remedy="'mantissa sinks add' sets it up")
    paths = [each.name for each in questions(sink) if each.kind == "path" and each.name in config]
    if paths or _refers(config):
        what = f"{paths[0]} is a path on the server" if paths else "a value refers to a secret or a variable"
        raise Problem(422, f"config: {what}", place="config", remedy="'mantissa sinks add' takes such values")


def _refers(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_refers(each) for each in value.values())
    if isinstance(value, list):
        return any(map(_refers, value))
    return isinstance(value, str) and is_reference(value.strip())


@contextmanager
def _refusals(call: Call) -> Iterator[None]:
    """A destination that does not start with the settings that were sent is the sender's to mend."""
    try:
        yield
    except PluginError as error:
        raise Problem(422, _without_file(call, error.reason), place="body") from None


def _without_file(call: Call, text: str) -> str:
    return text.replace(f"{call.runtime.home / FILE}: ", "")
