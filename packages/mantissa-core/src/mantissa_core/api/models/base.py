"""What requests and answers have in common. Bodies take nothing that they do not name; their types are not guessed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Text = Annotated[str, Field(max_length=4000)]
Sql = Annotated[str, Field(min_length=1, max_length=100_000)]


def whole(value: Any) -> Any:
    """In JSON ``1.0`` is a whole number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Rows = Annotated[int, Field(ge=1, le=10_000), BeforeValidator(whole)]
TableName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,128}$")]
Severity = Literal["informational", "low", "medium", "high", "critical"]
Status = Literal["open", "acknowledged", "resolved", "suppressed"]


class Body(BaseModel):
    """Of a request."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Parameters(BaseModel):
    """Of a request's query string."""

    model_config = ConfigDict(extra="forbid")


class Reply(BaseModel):
    """Of an answer."""

    model_config = ConfigDict(extra="forbid")
