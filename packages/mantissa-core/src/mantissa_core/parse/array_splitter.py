"""Splitting a JSON array into its elements without reading it whole: bounded memory, and faults stay local."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from .blocks import KEPT_OF_OVERSIZED, Blocks
from .json_scanner import Scanner, Value


@dataclass(frozen=True, slots=True)
class Element:
    """One element; with a ``reason`` one that is no record, and of which ``raw`` may be the beginning only.

    ``unfinished`` ones are where the text ended too early.
    """

    raw: bytes
    reason: str | None = None
    size: int = 0
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where an array begins in its text, and what must follow its end where nothing but the array is there."""

    offset: int
    closing: bytes


class ArraySplitter:
    """Finds the array in a JSON text and yields its elements in order, each fault as an element with a reason."""

    def __init__(self, blocks: Blocks, start: bytes, member: str | None, max_record_bytes: int) -> None:
        self._scanner = Scanner(blocks, start, max_record_bytes)
        self._member = member
        self._limit = max_record_bytes

    def elements(self) -> Iterator[Element]:
        """Yield every element of the text."""
        opening = self._scanner.next()
        if opening == b"[":
            yield from self._array()
        elif opening == b"{":
            yield from self._object()
        elif opening:
            yield self._remainder("neither a JSON array nor an object that holds one")
        if self._scanner.next():
            yield self._remainder("stands behind the end of the JSON text")

    def array_place(self) -> Place | None:
        """Find the array in the start of the text; ``None`` where it is not to be seen there."""
        opening = self._scanner.next()
        if opening == b"[":
            return Place(self._scanner.offset, b"")
        if opening == b"{":
            self._scanner.step()
            for key in self._keys():
                if self._holds_array(key):
                    return Place(self._scanner.offset, b"}")
                self._scanner.value()
        return None

    def _object(self) -> Iterator[Element]:
        self._scanner.step()
        found = False
        for key in self._keys():
            if not self._holds_array(key):
                self._scanner.value()
            elif found:
                value = self._scanner.value()
                yield Element(value.raw, f"another array, in the member {key!r}: set 'member'", value.size, value.cut)
            else:
                found = True
                yield from self._array()
        if not self._scanner.next():
            yield Element(b"", "the text ends before its object does", unfinished=True)
        elif not found:
            yield Element(b"", f"the object holds no array{f' {self._member!r}' if self._member else ''}")
        if self._scanner.next() == b"}":
            self._scanner.step()

    def _holds_array(self, key: str) -> bool:
        return self._scanner.next() == b"[" and self._member in {None, key}

    def _keys(self) -> Iterator[str]:
        """Yield an object's keys. The consumer takes each value before it asks for the next key."""
        while self._scanner.next() == b'"':
            raw = self._scanner.value().raw
            try:
                yield str(json.loads(raw))
            except ValueError:
                yield raw.decode(errors="backslashreplace")

    def _array(self) -> Iterator[Element]:
        self._scanner.step()
        while (first := self._scanner.next()) not in {b"", b"]"}:
            value = self._scanner.value()
            if not value.size:
                yield self._remainder(f"not JSON: {first.decode(errors='backslashreplace')!r} in place of a value")
                return
            yield self._judged(value)
        if not first:
            yield Element(b"", "the text ends before its array does", unfinished=True)
        else:
            self._scanner.step()

    def _judged(self, value: Value) -> Element:
        if value.size > self._limit:
            reason = f"an element of {value.size:,} bytes, longer than max_record_bytes = {self._limit:,}"
            return Element(value.raw[:KEPT_OF_OVERSIZED], reason, value.size, value.cut)
        if value.cut:
            return Element(value.raw, "the text ends in the middle of this element", value.size, unfinished=True)
        if not value.raw.startswith(b"{"):
            return Element(value.raw, "not a JSON object", value.size)
        return Element(value.raw, None, value.size)

    def _remainder(self, reason: str) -> Element:
        value = self._scanner.remainder()
        return Element(value.raw[:KEPT_OF_OVERSIZED], reason, value.size)
