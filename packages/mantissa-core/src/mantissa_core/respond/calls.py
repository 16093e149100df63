"""The arguments of ``http.request``: the call that does it, the look whether it is done, the call that undoes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_OURS = frozenset({"host", "idempotency-key", "content-length", "transfer-encoding", "connection"})


class Call(BaseModel):
    """One HTTP request."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    url: str
    json_body: Annotated[Any, Field(alias="json")] = None
    body: str | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: Mapping[str, str]) -> Mapping[str, str]:
        for name, value in headers.items():
            if not _TOKEN.fullmatch(name) or name.lower() in _OURS:
                raise ValueError(f"the header name {name!r} cannot be set")
            if not (value.isascii() and value.isprintable()):
                raise ValueError(f"the value of the header {name!r} holds more than printable ASCII")
        return headers

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.json_body is not None and self.body is not None:
            raise ValueError("a call has either 'json' or 'body'")
        return self

    def to_json(self) -> dict[str, Any]:
        """The call as plain data, as it was given."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


class Probe(Call):
    """A look at the target: the effect is in place when the answer is as expected."""

    method: Literal["GET", "HEAD"] = "GET"
    expect_status: tuple[int, ...] = (200,)
    absent_status: tuple[int, ...] = (404, 410)
    """Answers that say that the effect is not in place."""
    expect_json: Mapping[str, Any] = Field(default_factory=dict)
    """Dotted paths into the answer, and the value that each must have."""

    @field_validator("expect_status", "absent_status", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int) else value

    def fits(self, answer: Any) -> bool:
        """Whether the JSON of an answer has every expected value."""
        return all(_at(answer, path) == value for path, value in self.expect_json.items())


class Arguments(Call):
    """What an action of this plugin takes."""

    probe: Probe | None = None
    undo: Call | None = None


def _at(answer: Any, path: str) -> Any:
    for name in path.split("."):
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer
