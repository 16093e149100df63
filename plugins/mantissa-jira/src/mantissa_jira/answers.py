"""What Jira answers, as far as it matters here. An answer of another shape is a proxy's, or comes of a maintenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mantissa_core.errors import Retry


@contextmanager
def documented() -> Iterator[None]:
    """Turn what goes wrong with the reading of an answer into ``Retry``. Nothing but reading belongs inside."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, RecursionError) as error:
        raise Retry(f"Jira's answer is not as documented ({type(error).__name__}): a proxy's?") from None


@dataclass(frozen=True, slots=True)
class Project:
    """A project."""

    id: str
    key: str
    name: str

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Project:
        """From ``{"id", "key", "name"}``."""
        return cls(str(value["id"]), str(value["key"]), str(value["name"]))


@dataclass(frozen=True, slots=True)
class IssueType:
    """A kind of issue; a ``subtask`` cannot stand alone."""

    id: str
    name: str
    subtask: bool

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> IssueType:
        """From ``{"id", "name", "subtask"}``."""
        return cls(str(value["id"]), str(value["name"]), bool(value.get("subtask")))


@dataclass(frozen=True, slots=True)
class CreateField:
    """A field that a new issue may have; ``required``: it must be given, there is no default."""

    id: str
    name: str
    required: bool

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> CreateField:
        """From ``{"fieldId", "name", "required", "hasDefaultValue"}``."""
        required = bool(value.get("required")) and not value.get("hasDefaultValue")
        return cls(str(value["fieldId"]), str(value.get("name", value["fieldId"])), required)


@dataclass(frozen=True, slots=True)
class Status:
    """Where an issue stands. ``category`` is ``new``, ``indeterminate`` or ``done``."""

    name: str
    category: str

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Status:
        """From ``{"name", "statusCategory": {"key"}}``."""
        return cls(str(value["name"]), str(value["statusCategory"]["key"]))


@dataclass(frozen=True, slots=True)
class Transition:
    """A way from where an issue is. ``required`` are the fields that it asks for, ``resolutions`` what it offers."""

    id: str
    to: Status
    required: frozenset[str]
    resolutions: tuple[str, ...]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Transition:
        """From ``{"id", "to": <status>, "fields": {<id>: {"required", "hasDefaultValue", "allowedValues"}}}``."""
        fields = value.get("fields") or {}
        asked = {name for name, each in fields.items() if each.get("required") and not each.get("hasDefaultValue")}
        allowed = fields.get("resolution", {}).get("allowedValues", ())
        names = tuple(str(each["name"]) for each in allowed)
        return cls(str(value["id"]), Status.read(value["to"]), frozenset(asked), names)
