"""The receiver ``core.http``: events by HTTP POST, each source with a token, a log type and a format of its own."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from mantissa_core.model import Blob, Pushed, Rejected

from .credentials import listed, require_token, strong
from .receiver import PushConfig, PushReceiver
from .request import Refused, Request

PATH = "/v1/ingest/"
KEPT = 64 << 10
"""Bytes of a bad record that its dead letter keeps."""
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
_Token = Annotated[SecretStr, AfterValidator(strong)]
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


class HTTPSource(BaseModel):
    """One source that pushes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)

    token: Annotated[tuple[_Token, ...], BeforeValidator(listed), Field(min_length=1)]
    """What the source shows; several while one is replaced by another."""
    log_type: str
    """What its events are."""
    decoder: str | None = None
    """The parser that takes bodies apart. Without it they are JSON: an object, an array of objects, or lines."""


class HTTPPush(PushReceiver):
    """Takes ``POST /v1/ingest/<source>`` with one of the source's tokens."""

    class Config(PushConfig):
        """Settings of ``core.http``."""

        sources: Mapping[_Name, HTTPSource] = Field(min_length=1)
        """``[receivers.<label>.sources.<name>]``: who may push what."""

    config: Config

    def begin(self) -> None:
        """Find every source's decoder before the first sender is let in."""
        for name in ("core.json_lines", "core.json_array", *(each.decoder for each in self.config.sources.values())):
            if name is not None:
                self.decoder(name)

    def serves(self, path: str) -> bool:
        """Every name is asked for its token: the answer does not tell which ones there are."""
        return path.startswith(PATH) and "/" not in _name(path)

    def admit(self, request: Request) -> None:
        """Compare the token with those of the source."""
        source = self._source(request)
        require_token(request, source.token if source else ())

    def records(self, request: Request) -> Mapping[str, Pushed]:
        """Take the body apart as the source's decoder does."""
        source = self._source(request)
        assert source is not None  # noqa: S101  # admitted
        records = list(self._decoded(request.body, source.decoder))
        if records and all(isinstance(each, Rejected) for each in records):
            raise Refused(400, f"nothing in the body is an event: {records[0].reason}")  # type: ignore[union-attr]
        if not records and not request.body.strip():
            raise Refused(400, "the body is empty")
        return {source.log_type: records}

    def _source(self, request: Request) -> HTTPSource | None:
        return self.config.sources.get(_name(request.path))

    def _decoded(self, body: bytes, name: str | None) -> Iterator[bytes | Rejected]:
        if name is None and (one := _objects(body)) is not None:
            yield from one
            return
        form = name or ("core.json_array" if body.lstrip().startswith(b"[") else "core.json_lines")
        blob = Blob("push", "pushed", lambda: io.BytesIO(body))
        for step in self.decoder(form).decode(blob):
            yield from map(_judged, step.records, step.positions)
            yield from step.rejected


def _name(path: str) -> str:
    return path.removeprefix(PATH).removesuffix("/")


def _objects(body: bytes) -> Sequence[bytes] | None:
    """The body as a single object, on however many lines."""
    text = body.strip()
    return [text] if _problem(text) is None else None


def _judged(record: bytes, position: int) -> bytes | Rejected:
    problem = _problem(record)
    return record if problem is None else Rejected(record[:KEPT], problem, position, len(record))


def _problem(record: bytes) -> str | None:
    try:
        _OBJECT.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"no JSON object: {error}"
    return None
