"""Tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from mantissa_core.api.roles import Role
from mantissa_core.api.scopes import Scope

from .base import Body, Reply, TableName, whole


class TokenBody(Body):
    """A token to be made."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")]
    role: Role
    tables: list[TableName] | None = None
    scopes: list[Scope] | None = None
    """What it may do of what its role may; without, all of it."""
    expires_in_days: Annotated[int, Field(ge=1, le=3650), BeforeValidator(whole)] | None = None

    @field_validator("role", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return Role(value) if isinstance(value, str) and value in set(Role) else value

    @field_validator("scopes", mode="before")
    @classmethod
    def _scopes_by_name(cls, value: Any) -> Any:
        known = set(Scope)
        if not isinstance(value, list):
            return value
        return [Scope(each) if isinstance(each, str) and each in known else each for each in value]


class TokenReply(Reply):
    """A token. ``token``, its value, is there once, when it is made."""

    id: str
    name: str
    role: Role
    tables: list[str] | None
    scopes: list[Scope] | None
    created: datetime
    created_by: str
    expires: datetime | None
    token: str | None = None


class TokensReply(Reply):
    """The valid ones, by name."""

    tokens: list[TokenReply]
