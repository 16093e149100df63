"""One HTTP request as a receiver sees it, what is answered, and how it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec


@dataclass(frozen=True, slots=True)
class Request:
    """What came in. ``headers`` have names in lower case; ``body`` is decompressed, and empty until it is read.

    ``target`` is the path with the query; ``sender`` is the address that the connection came from.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    sender: str
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; the last of several of one name."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            Refused: 400, it is none.
        """
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refused(400, f"the body is no JSON: {error}") from error


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out: a JSON object. ``close`` ends the connection behind it."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    close: bool = False


class Refused(Exception):
    """The request is not taken: ``status`` says why to the program, ``message`` to the person. Nothing was stored."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})
