"""The decoder ``jamf.pro_log``: Jamf Pro's access log and change management log, as files and as the Jamf Log Stream.

Format: https://developer.jamf.com/jamf-pro/docs/jamf-log-stream. A change is a line, and lines with its details
below it; the Log Stream puts all of them into one JSON object, as ``message``. Other JSON objects, such as the
bodies of webhooks, pass through as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from mantissa_core.errors import BadRecord
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Decoded, Rejected
from mantissa_core.parse.json_lines import JSONLines

KEPT = 64 * 1024
"""Bytes that are kept of an entry that is rejected."""
LONGEST = 1 << 20
"""Bytes that a change may have with its details."""
_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,]\d{1,9}"
_ACCESS = re.compile(rf"(?:\[JSSACCESSLOG\] )?(?P<time>{_TIME})(?: -|:) username=")
_CHANGE = re.compile(
    rf"(?:\[CHANGEMANAGEMENT\] )?(?:{_TIME} )?"
    r"(?:\[(?P<level>\w+) *\] \[(?P<thread>[^\]]*?) *\] \[[^\]]*\] - )?"
    r"\[(?P<username>.*) \(ID: (?P<userId>-?\d+)\)\] \[(?P<operation>\w+)\] \[(?P<objectType>[^\]]*)\] "
    r"\[(?P<eventTime>[0-9T:.+-]+Z?)\]\s*"
)
_DETAIL = re.compile(r"^\s*(ID|Name)(?: \.+| {2,}) *(\S.*)$", re.MULTILINE)
_BEGINS = re.compile(rb"[\[{0-9]")


class JamfProLog:
    """Takes the logs apart, whichever of them a file holds. Positions are byte offsets.

    The last change of a file that grows is kept back until the next entry: its details may still be written.
    """

    class Config(PluginConfig):
        """Settings of ``jamf.pro_log``."""

        max_record_bytes: int = 1 << 20
        """A longer line is skipped and reported, without ever being held in memory."""

    def __init__(self, config: Config) -> None:
        self._lines = JSONLines(JSONLines.Config(max_record_bytes=config.max_record_bytes))

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield records in the order of the file."""
        entries = _Entries(blob.offset)
        for step in self._lines.decode(blob):
            yield entries.add(step)
        if blob.final:
            yield entries.last()


@dataclass
class _Entry:
    """The lines of one entry; ``cut`` where the file ends inside it."""

    position: int
    lines: list[bytes]
    size: int
    cut: bool

    @property
    def is_change(self) -> bool:
        return self.lines[0][:1] == b"[" and not self.lines[0].startswith(b"[JSSACCESSLOG]")

    def append(self, line: bytes, *, ended: bool) -> None:
        self.size += len(line) + 1
        self.cut = not ended
        if self.size <= LONGEST:
            self.lines.append(line)

    def event(self) -> bytes:
        if self.cut:
            raise BadRecord("the text ends in the middle of this entry")
        if self.size > LONGEST:
            raise BadRecord(f"an entry of more than {LONGEST:,} bytes")
        return _event(b"\n".join(self.lines))


@dataclass
class _Entries:
    """One pass over a file: lines become entries. ``end`` is behind the last line."""

    end: int
    open: _Entry | None = None
    records: list[bytes] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def add(self, step: Decoded) -> Decoded:
        """What these lines complete."""
        for line, position in zip(step.records, step.positions, strict=True):
            self._line(line, position, ended=position + len(line) < step.end)
        self.rejected += step.rejected
        self.end = step.end
        return self._given(self.end if self.open is None else self.open.position)

    def last(self) -> Decoded:
        """What the end of the file completes."""
        self._close()
        return self._given(self.end)

    def _line(self, line: bytes, position: int, *, ended: bool) -> None:
        if self.open is not None and not _BEGINS.match(line):
            self.open.append(line, ended=ended)
            return
        self._close()
        self.open = _Entry(position, [line], len(line), cut=not ended and line[:1] != b"{")
        if not self.open.is_change:
            self._close()

    def _close(self) -> None:
        entry, self.open = self.open, None
        if entry is None:
            return
        try:
            self.records.append(entry.event())
            self.positions.append(entry.position)
        except BadRecord as error:
            raw = b"\n".join(entry.lines)[:KEPT]
            self.rejected.append(Rejected(raw, str(error), entry.position, entry.size))

    def _given(self, end: int) -> Decoded:
        given = Decoded(self.records, self.positions, end, sorted(self.rejected, key=lambda each: each.position))
        self.records, self.positions, self.rejected = [], [], []
        return given


def _event(content: bytes) -> bytes:
    """The JSON text of an entry; an object that holds no entry stays as it is."""
    if content[:1] == b"{":
        return _unwrapped(content) if b'"message"' in content else content
    try:
        fields = _fields(content.decode())
    except UnicodeDecodeError:
        raise BadRecord("not UTF-8") from None
    if fields is None:
        raise BadRecord("no entry of Jamf Pro's access log or change management log")
    return _encode(fields)


def _unwrapped(content: bytes) -> bytes:
    """An object of the Log Stream: its time is exact and has a zone, that of the entry is kept beside it."""
    try:
        members: Any = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return content  # judged where rows are made
    message = members.get("message") if isinstance(members, dict) else None
    fields = _fields(message) if isinstance(message, str) else None
    if fields is None:
        return content
    if "time" in members and "time" in fields:
        fields["loggedTime"] = fields.pop("time")
    return _encode({**{name: value for name, value in members.items() if name != "message"}, **fields})


def _fields(text: str) -> dict[str, str] | None:
    if begin := _ACCESS.match(text):
        return _access(begin["time"], text[begin.end() :].rstrip())
    head, _, details = text.partition("\n")
    change = _CHANGE.fullmatch(head)
    return None if change is None else _change(change, details.rstrip())


def _access(time: str, rest: str) -> dict[str, str] | None:
    """An entry of the access log, taken apart from its end: whoever signs in chooses what stands in ``username``."""
    rest, one, entry_point = rest.rpartition(", entryPoint=")
    rest, two, address = rest.rpartition(", ipAddress=")
    username, three, status = rest.rpartition(", status=")
    if not (one and two and three):
        return None
    fields = {"username": username, "status": status, "ipAddress": address, "entryPoint": entry_point}
    return {"log": "access", "time": time, **{name: value for name, value in fields.items() if value}}


def _change(head: re.Match[str], details: str) -> dict[str, str]:
    fields = {"log": "change-management", **{name: value for name, value in head.groupdict().items() if value}}
    for name, value in reversed(_DETAIL.findall(details)):  # the first of a name counts
        fields[f"object{name.title()}"] = value.strip()
    return fields | ({"details": details} if details else {})


_encode = msgspec.json.Encoder().encode
