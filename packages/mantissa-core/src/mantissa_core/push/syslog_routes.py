"""Which log type a syslog message is of, and what its event looks like there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from mantissa_core.model import Record, Rejected
from mantissa_core.parse import cef, syslog
from mantissa_core.parse.syslog_frames import Frame
from mantissa_core.parse.syslog_message import parse


class SyslogRoute(BaseModel):
    """Takes messages for which everything that it names holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    log_type: str
    """What they are."""
    contains: str | None = None
    """A text in the message, its header included."""
    app_name: tuple[str, ...] = ()
    """Programs; one that ends with ``*`` is the beginning of a name, such as ``%ASA-*``."""
    form: Literal["syslog", "cef", "json"] = "syslog"
    """What the event is made of: the syslog message, the CEF in it, or the JSON object in it."""

    @model_validator(mode="after")
    def _takes_something(self) -> SyslogRoute:
        if not self.contains and not self.app_name:
            raise ValueError("contains or app_name")
        return self


class Router:
    """Turns messages into events by log type."""

    def __init__(self, routes: Sequence[SyslogRoute], log_type: str, timezone: str) -> None:
        self._routes, self._log_type, self._zone = routes, log_type, syslog.zone_of(timezone)
        self._by_name = any(route.app_name for route in routes)

    def sorted(
        self, frames: Sequence[Frame], sender: str, received: str, limit: int
    ) -> dict[str, list[Record | Rejected]]:
        """The events of messages that ``sender`` sent, in their order; what is too long or no event is rejected."""
        found: dict[str, list[Record | Rejected]] = {}
        context, reference = {"sender": sender, "received": received}, datetime.fromisoformat(received)
        for frame in frames:
            if not frame.content:
                continue
            if frame.size > limit:
                reason = f"a message of {frame.size:,} bytes, longer than max_message_bytes = {limit:,}"
                found.setdefault(self._log_type, []).append(Rejected(frame.content, reason, 0, frame.size))
                continue
            text = frame.content.decode("utf-8", "backslashreplace")
            route = self._route(text, reference)
            event = self._event(route, text, reference, context)
            log_type, form = (route.log_type, route.form) if route else (self._log_type, "syslog")
            rejected = Rejected(frame.content, f"no {form} event", 0, frame.size)
            found.setdefault(log_type, []).append(rejected if event is None else event)
        return found

    def _route(self, text: str, reference: datetime) -> SyslogRoute | None:
        program = (parse(text, UTC, reference).app_name or "") if self._by_name else ""
        return next((route for route in self._routes if _takes(route, text, program)), None)

    def _event(
        self, route: SyslogRoute | None, text: str, reference: datetime, context: dict[str, str]
    ) -> Record | None:
        form = "syslog" if route is None else route.form
        if form == "json":
            begin = text.find("{")
            return None if begin < 0 else text[begin:]
        translate = cef.translate if form == "cef" else syslog.translate
        return translate(text, self._zone, reference, context)


def _takes(route: SyslogRoute, text: str, program: str) -> bool:
    if route.contains and route.contains not in text:
        return False
    return not route.app_name or any(_is_named(program, name) for name in route.app_name)


def _is_named(program: str, name: str) -> bool:
    return program.startswith(name[:-1]) if name.endswith("*") else program == name
