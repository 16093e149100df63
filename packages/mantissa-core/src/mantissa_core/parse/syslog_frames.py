"""Where one syslog message ends and the next begins in a stream of bytes (RFC 6587): by count, or by line feed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .blocks import KEPT_OF_OVERSIZED

_COUNT = re.compile(rb"([1-9][0-9]{0,8}) (?=<)")
AROUND = b"\0\r\n \t"
"""What may stand around a message and is no part of it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A message's bytes, or the beginning of one that is too long: ``size`` is then more than ``content`` has."""

    position: int
    content: bytes
    size: int

    @property
    def oversized(self) -> bool:
        """Whether it was longer than the limit."""
        return self.size > len(self.content)


class Frames:
    """Takes a stream apart, whatever pieces it arrives in.

    A frame that begins with digits, a space and ``<`` is as long as the digits say; every other one ends at a line
    feed. Each is looked at by itself: senders mix. ``position`` is the offset of the first frame that is not
    complete. A frame beyond ``limit`` bytes is passed over without being held.
    """

    def __init__(self, limit: int, position: int = 0) -> None:
        self._limit = limit
        self.position = position
        self._rest = b""
        self._skipping: _Oversized | None = None

    @property
    def unfinished(self) -> bool:
        """Whether something waits for its end."""
        return bool(self._rest) or self._skipping is not None

    def feed(self, content: bytes) -> Iterator[Frame]:
        """Yield the frames that end within ``content``. Walk it to its end before the next piece."""
        if self._skipping is not None:
            content = self._skipped(self._skipping, content)
            if self._skipping.left != 0:
                return
            yield self._skipping.frame
            self._skipping = None
        buffer, at, start = self._rest + content, 0, self.position
        while at < len(buffer):
            counted = _COUNT.match(buffer, at) if 48 < buffer[at] < 58 else None
            if counted is not None:
                begin, end = counted.end(), counted.end() + int(counted[1])
                following = end
            else:
                begin, end = at, buffer.find(b"\n", at)
                if end < 0 and len(buffer) - at <= self._limit:
                    break
                following = end + 1
            if end - begin > self._limit or end < 0:
                self._rest, self.position = b"", start + at
                yield from self._skip(buffer[at:], begin - at, -1 if counted is None else end - begin)
                return
            if end > len(buffer):
                break
            if frame := buffer[begin:end].strip(AROUND):
                yield Frame(start + at, frame, len(frame))
            at = following
            self.position = start + at
        self._rest, self.position = buffer[at:], start + at

    def finish(self) -> Iterator[Frame]:
        """What stands behind the last end is a message in a stream that is over, a cut one where it had a count."""
        if self._skipping is not None:
            self.position += self._skipping.frame.size
            yield self._skipping.frame
        elif rest := self._rest.strip(AROUND):
            counted = _COUNT.match(self._rest)
            size = int(counted[1]) if counted else len(rest)
            content = self._rest[counted.end() :] if counted else rest
            yield Frame(self.position, content, max(size, len(content)))
            self.position += len(self._rest)
        self._rest, self._skipping = b"", None

    def _skip(self, content: bytes, head: int, size: int) -> Iterator[Frame]:
        """Begin to pass over a frame that stands at the start of ``content``, behind ``head`` bytes of count."""
        kept = content[head : head + min(KEPT_OF_OVERSIZED, self._limit)]
        self._skipping = _Oversized(Frame(self.position, kept, 0), size)
        self.position += head
        yield from self.feed(content[head:])

    def _skipped(self, oversized: _Oversized, content: bytes) -> bytes:
        """What of ``content`` stands behind the frame; nothing where it is not over yet."""
        if oversized.left < 0:  # until a line feed
            end = content.find(b"\n")
            used, behind = (len(content), len(content)) if end < 0 else (end, end + 1)
            over = end >= 0
        else:
            used = behind = min(oversized.left, len(content))
            oversized.left -= used
            over = oversized.left == 0
        oversized.frame = Frame(oversized.frame.position, oversized.frame.content, oversized.frame.size + used)
        if over:
            oversized.left = 0
            self.position += oversized.frame.size + behind - used
        return content[behind:]


@dataclass(slots=True)
class _Oversized:
    """A frame that is passed over: so many bytes are ``left``, or all up to a line feed where it is negative."""

    frame: Frame
    left: int
