"""Alerts as issues in Jira Cloud, through its REST API v3.

Reference: https://developer.atlassian.com/cloud/jira/platform/rest/v3/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any

import structlog
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Choice, Delivery, Receipt, Severity
from mantissa_core.vendor_api import BaseUrl
from pydantic import AfterValidator, Field, SecretStr

from .answers import CreateField, Project
from .issue import comment, description, label, summary
from .site import Refused, Site
from .workflow import Goal, step

PRIORITIES: Mapping[Severity, str] = {
    Severity.CRITICAL: "Highest",
    Severity.HIGH: "High",
    Severity.MEDIUM: "Medium",
    Severity.LOW: "Low",
    Severity.INFORMATIONAL: "Lowest",
}
PERMISSIONS = ("BROWSE_PROJECTS", "CREATE_ISSUES", "ADD_COMMENTS")
_OURS = frozenset({"project", "issuetype", "summary", "description", "labels", "priority"})
_NEEDED = frozenset({"summary", "description", "labels"})

_log = structlog.get_logger(__name__)


def _labels(values: tuple[str, ...]) -> tuple[str, ...]:
    if any(not each or len(each) > 255 or any(map(str.isspace, each)) for each in values):
        raise ValueError("labels of up to 255 characters without spaces")
    return values


def _own_fields(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    if taken := sorted(_OURS & set(fields)):
        raise ValueError(f"other fields than {', '.join(taken)}, which come from the alert and the settings")
    return fields


class Jira:
    """Creates one issue for each alert, comments on each step, and moves it when the alert is over or goes on.

    The issue carries the label ``mantissa-<alert id>``, by which it is found again before one is created.
    """

    one_for_each_alert = True
    per_minute = 30

    class Config(PluginConfig):
        """Settings of ``jira.issue``."""

        site: BaseUrl
        """Address of the site, ``https://example.atlassian.net``; for a token with scopes
        ``https://api.atlassian.com/ex/jira/<cloud id>``."""
        email: str = ""
        """The account's e-mail address; without it the token is sent as bearer token, as a service account's may be."""
        api_token: SecretStr
        """API token of the account."""
        project: str = Field(pattern=r"^([A-Za-z][A-Za-z0-9_]*|\d+)$")
        """Key or id of the project."""
        issue_type: str = Field(default="Task", min_length=1)
        """Name or id of the issue type."""
        labels: Annotated[tuple[str, ...], AfterValidator(_labels)] = ()
        """Further labels of each issue."""
        priorities: Mapping[Severity, str] = Field(default_factory=dict)
        """Names of priorities by severity, where they are not Jira's own."""
        fields: Annotated[Mapping[str, Any], AfterValidator(_own_fields)] = Field(default_factory=dict)
        """Further fields of each issue by id, such as ``components = [{ name = "SOC" }]``."""
        acknowledged_status: str = ""
        """Status for alerts that somebody took over; by default the issue stays where it is."""
        resolved_status: str = ""
        """Status for alerts that are over; by default the first one that says done."""
        reopened_status: str = ""
        """Status for alerts that go on; by default the first one that does not say done."""
        resolution: str = "Done"
        """Resolution, where a transition asks for one; the first allowed one where this is not."""
        timeout: float = Field(default=10.0, gt=0, le=45)
        """Seconds to wait for the connection, and for each part of an answer."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._unknown_priorities: set[str] = set()

    @hookimpl
    def check(self) -> None:
        """Look at the project, the account's permissions there, and what the issue type asks for."""
        project = self._project()
        if missing := self._site.lacking(project.id, PERMISSIONS):
            raise NeedsOperator(f"the account lacks in project {self.config.project}: {', '.join(missing)}")
        kinds = self._site.issue_types(project.id)
        kind = next((each for each in kinds if self.config.issue_type in (each.id, each.name)), None)
        if kind is None:
            names = ", ".join(each.name for each in kinds)
            raise NeedsOperator(
                f"project {self.config.project} has no issue type {self.config.issue_type}; it has: {names}"
            )
        self._check_fields(self._site.create_fields(project.id, kind.id))

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        """Create the issue, or comment on it and move it. The receipt is its key."""
        issue = delivery.previous or self._find(delivery)
        known = issue is not None
        issue = issue or self._create(delivery)
        if delivery.event == "opened":
            return Receipt(issue, {"created": not known})
        try:
            self._tell(issue, delivery)
        except Refused as error:
            raise NeedsOperator(f"{issue}: {error}") from None
        return Receipt(issue)

    @hookimpl
    def choices(self, setting: str) -> Sequence[Choice]:
        """What ``project``, ``issue_type`` and ``priorities`` may be at the site; of other settings nothing.

        Raises:
            Retry, NeedsOperator: as :class:`VendorClient`.
        """
        if setting == "project":
            return [Choice(each.key, f"{each.name} ({each.key})") for each in self._site.projects()]
        if setting == "issue_type":
            if not self.config.project:
                raise NeedsOperator("choose the project first: its types of issue depend on it")
            kinds = self._site.issue_types(self.config.project)
            return [Choice(each.name, each.name) for each in kinds if not each.subtask]
        if setting == "priorities":
            return [Choice(each, each) for each in self._site.priorities()]
        return []

    def close(self) -> None:
        """Release the connections."""
        self._site.close()

    @cached_property
    def _site(self) -> Site:
        config = self.config
        return Site(config.site, config.email, config.api_token, config.timeout)

    def _project(self) -> Project:
        try:
            return self._site.project(self.config.project)
        except Refused:
            raise NeedsOperator(f"there is no project {self.config.project}, or the account may not see it") from None

    def _check_fields(self, fields: Sequence[CreateField]) -> None:
        if absent := sorted(_NEEDED - {each.id for each in fields}):
            raise NeedsOperator(
                f"issue type {self.config.issue_type} cannot be created with {', '.join(absent)}: "
                "add them to its create screen"
            )
        given = _OURS | set(self.config.fields)
        if missing := [f"{each.name} ({each.id})" for each in fields if each.required and each.id not in given]:
            raise NeedsOperator(
                f"issue type {self.config.issue_type} requires {', '.join(missing)}: set them in 'fields'"
            )

    def _find(self, delivery: Delivery) -> str | None:
        """The alert's issue. After an attempt whose answer was lost it may be newer than the search knows."""
        name = label(delivery.alert)
        found = self._site.labelled(name)
        if found is None and delivery.attempt > 1:
            found = self._site.labelled_lately(name, self.config.project)
        return found

    def _create(self, delivery: Delivery) -> str:
        """Create the issue; without a priority where the project has none."""
        fields = self._fields(delivery)
        try:
            return self._site.create(fields)
        except Refused as error:
            if set(error.fields) != {"priority"} or "priority" not in fields:
                raise
            _log.warning(
                "project takes no such priority", project=self.config.project, priority=fields["priority"]["name"]
            )
        self._unknown_priorities.add(fields["priority"]["name"])
        return self._site.create(self._fields(delivery))

    def _fields(self, delivery: Delivery) -> dict[str, Any]:
        config, alert = self.config, delivery.alert
        priority = config.priorities.get(alert.severity, PRIORITIES[alert.severity])
        return {
            "project": {"id" if config.project.isdigit() else "key": config.project},
            "issuetype": {"id" if config.issue_type.isdigit() else "name": config.issue_type},
            "summary": summary(alert),
            "description": description(alert),
            "labels": [label(alert), *config.labels],
            **({"priority": {"name": priority}} if priority and priority not in self._unknown_priorities else {}),
            **config.fields,
        }

    def _tell(self, issue: str, delivery: Delivery) -> None:
        """Comment and move. A closed issue may take no comment: it is reopened first, and closed last."""
        goal = self._goal(delivery)
        body = comment(delivery.alert)
        if goal and not goal.done:
            self._move(issue, goal)
        self._site.comment(issue, body, delivery.key)
        if goal and goal.done:
            self._move(issue, goal)

    def _goal(self, delivery: Delivery) -> Goal | None:
        if delivery.event == "resolved":
            return Goal(True, self.config.resolved_status)
        if delivery.alert.status == "open":
            return Goal(False, self.config.reopened_status) if delivery.alert.changed else None
        return Goal(False, self.config.acknowledged_status) if self.config.acknowledged_status else None

    def _move(self, issue: str, goal: Goal) -> None:
        """Move the issue where it can be moved there; the comment says it in any case."""
        if goal.reached(self._site.status(issue)):
            return
        taken = step(self._site.transitions(issue), goal, self.config.resolution)
        if taken is None:
            _log.warning(
                "no transition leads there", issue=issue, status=goal.name or ("done" if goal.done else "open")
            )
            return
        self._site.move(issue, taken.id, taken.fields)
