"""``[routes]``, ``[environments]``, ``[maintenance]`` and ``[escalations]`` of the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from mantissa_core.cron import parse_cron
from mantissa_core.duration import parse_duration
from mantissa_core.errors import RuleError
from mantissa_core.model.signal import Severity

from .daytime import Day, minutes, zone
from .entity import ADDRESSES, network
from .glob import Glob


def _listed(value: Any) -> Any:
    """One text where a list is meant."""
    return [value] if isinstance(value, str) else value


def _hours(value: str) -> str:
    minutes(value)
    return value.strip()


def _timezone(value: str) -> str:
    zone(value)
    return value


def _duration(value: str) -> str:
    try:
        parse_duration(value)
    except RuleError as error:
        raise ValueError(str(error).partition("expected ")[2]) from None
    return value.strip()


def _cron(value: str) -> str:
    try:
        parse_cron(value)
    except RuleError as error:
        raise ValueError(f"a cron expression such as '0 2 * * sun' ({error})") from None
    return value.strip()


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time with its offset, such as 2026-03-01T20:00:00Z")
    return value


Globs = Annotated[tuple[Glob, ...], BeforeValidator(_listed), Field(min_length=1)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Duration = Annotated[str, AfterValidator(_duration)]
Moment = Annotated[datetime, AfterValidator(_aware)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Within(_Section):
    """What an alert must be like to belong to an environment. Whatever is given must fit; of a list, one."""

    severities: Annotated[tuple[Severity, ...], BeforeValidator(_listed), Field(min_length=1)] | None = None
    """Severities."""
    tags: Globs | None = None
    """Patterns of tags, such as ``attack.t1098*``."""
    sources: Globs | None = None
    """Patterns of log types or tables."""
    rules: Globs | None = None
    """Patterns of the rule's id or name."""
    entities: Mapping[str, Globs] = Field(default_factory=dict)
    """By kind (``user``, ``src_ip``, …): patterns of values; of addresses networks, too."""

    @field_validator("entities")
    @classmethod
    def _networks(cls, value: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        for kind in value.keys() & set(ADDRESSES):
            for each in value[kind]:
                try:
                    network(each)
                except ValueError as error:
                    raise ValueError(f"under {kind} {error}") from None
        return value


class When(Within):
    """Which alerts, and when: the keys of :class:`Within`, environments and times."""

    environments: Globs | None = None
    """Patterns of the environments that the alert belongs to."""
    days: Annotated[tuple[Day, ...], BeforeValidator(_listed), Field(min_length=1)] | None = None
    """Days of the week; hours over midnight belong to the day on which they begin."""
    hours: (
        Annotated[tuple[Annotated[str, AfterValidator(_hours)], ...], BeforeValidator(_listed), Field(min_length=1)]
        | None
    ) = None
    """Hours of the day, such as ``22:00-06:00``."""
    timezone: Timezone = "UTC"
    """Where the clock hangs that shows these days and hours."""


class RouteSection(_Section):
    """``[routes.<label>]``: which alerts go to some destinations."""

    to: Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
    """Labels of sinks."""
    when: When = When()
    """Which alerts; all by default."""
    rest: bool = False
    """Whether it takes only what no other route took."""
    escalation: str | None = None
    """Label of the chain that begins when nobody acknowledges."""


class EnvironmentSection(_Section):
    """``[environments.<name>]``: what belongs to it."""

    when: Within
    """Which alerts concern it."""


class MaintenanceSection(_Section):
    """``[maintenance.<label>]``: a time in which nobody is told of some alerts."""

    start: Moment | None = None
    """When it begins, with its offset."""
    end: Moment | None = None
    """When it is over."""
    cron: Annotated[str, AfterValidator(_cron)] | None = None
    """When it begins, again and again: five fields."""
    duration: Duration | None = None
    """How long it takes each time: ``"2h"``."""
    timezone: Timezone = "UTC"
    """Where the clock hangs that ``cron`` means."""
    when: When = When()
    """Which alerts; all by default."""

    @model_validator(mode="after")
    def _once_or_again(self) -> MaintenanceSection:
        given = {name for name in ("start", "end", "cron", "duration") if getattr(self, name) is not None}
        if given not in ({"start", "end"}, {"cron", "duration"}):
            raise ValueError("either start and end, or cron and duration")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError("an end that is later than the start")
        return self


class StepSection(_Section):
    """One step of a chain."""

    after: Duration
    """Counted from the moment at which the alert opened: ``"15m"``."""
    to: Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
    """Labels of sinks."""


class EscalationSection(_Section):
    """``[escalations.<label>]``: who is told while nobody acknowledges."""

    steps: tuple[StepSection, ...] = Field(min_length=1)
    """The steps, each later than the one before."""

    @field_validator("steps")
    @classmethod
    def _later_and_later(cls, value: tuple[StepSection, ...]) -> tuple[StepSection, ...]:
        if not _rising(parse_duration(each.after) for each in value):
            raise ValueError("each step later than the one before: 'after' counts from the alert's opening")
        return value


def _rising(values: Iterable[Any]) -> bool:
    return all(one < other for one, other in pairwise(values))
