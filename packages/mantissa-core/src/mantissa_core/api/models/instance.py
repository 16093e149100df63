"""Health, configuration, schema."""

from __future__ import annotations

from typing import Literal

from mantissa_core.api.roles import Role
from mantissa_core.api.scopes import Scope

from .base import Reply


class Health(Reply):
    """Whether the server answers."""

    status: Literal["ok"] = "ok"


class Features(Reply):
    """The modules that run."""

    siem: bool
    apm: bool
    soar: bool


class Config(Reply):
    """What there is, and whom the token stands for."""

    features: Features
    version: str
    user: str
    role: Role
    scopes: list[Scope] | None
    """What the token may do of what its role may; None: all of it."""


class Column(Reply):
    """A column that may be asked about."""

    name: str
    type: str
    description: str
    synonyms: list[str]
    values: dict[str, str]


class Table(Reply):
    """A table or view."""

    name: str
    title: str
    description: str
    synonyms: list[str]
    view: bool
    columns: list[Column]


class SchemaReply(Reply):
    """What may be asked about."""

    version: str
    tables: list[Table]
