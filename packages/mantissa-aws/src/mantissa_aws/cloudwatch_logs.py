"""The decoder ``aws.cloudwatch_logs``: documents of subscriptions, one after another, with or without line feeds."""

from __future__ import annotations

from collections.abc import Iterator

from mantissa_core.errors import BadRecord
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Decoded, Rejected
from mantissa_core.parse.blocks import BOM, Blocks
from mantissa_core.parse.compression import open_blob
from mantissa_core.parse.json_scanner import Scanner, Value

from .log_events import events_in

KEPT = 64 * 1024
"""Bytes that are kept of what is rejected."""
EVENTS_PER_STEP = 10_000


class CloudWatchLogsFile:
    """Takes documents apart into log events. Control messages hold none.

    Firehose compresses what CloudWatch Logs has compressed already: both layers are undone. Positions count events,
    those that were rejected included.
    """

    class Config(PluginConfig):
        """Settings of ``aws.cloudwatch_logs``."""

        max_record_bytes: int = 16 << 20
        """A longer document is skipped and reported, without ever being held in memory."""

    def __init__(self, config: Config) -> None:
        self._limit = config.max_record_bytes

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield events in the order of the file."""
        with open_blob(blob).open() as reader:
            blocks = Blocks(reader)
            scanner = Scanner(blocks, blocks.next().removeprefix(BOM), self._limit)
            steps = _Steps(blob.offset)
            while scanner.next():
                value = scanner.value()
                if not value.size:
                    scanner.step()
                elif value.cut and not blob.final:
                    break
                else:
                    self._add(steps, value)
                    if steps.full:
                        yield steps.taken()
            if blocks.damage is not None:
                steps.reject(b"", str(blocks.damage), 0)
            yield steps.taken()

    def _add(self, steps: _Steps, value: Value) -> None:
        if value.cut or value.size > self._limit:
            steps.reject(value.raw, _why_unusable(value, self._limit), value.size)
            return
        try:
            for event in events_in(value.raw):
                steps.add(event)
        except BadRecord as error:
            steps.reject(value.raw, str(error), value.size)


def _why_unusable(value: Value, limit: int) -> str:
    if value.cut:
        return "the text ends in the middle of this document"
    return f"a document of {value.size:,} bytes, longer than max_record_bytes = {limit:,}"


class _Steps:
    """Events on their way out; those before ``offset`` were handed over before."""

    def __init__(self, offset: int) -> None:
        self._offset, self._next = offset, 0
        self._records: list[bytes] = []
        self._positions: list[int] = []
        self._rejected: list[Rejected] = []

    @property
    def full(self) -> bool:
        return len(self._records) >= EVENTS_PER_STEP

    def add(self, event: bytes) -> None:
        if self._next >= self._offset:
            self._records.append(event)
            self._positions.append(self._next)
        self._next += 1

    def reject(self, raw: bytes, reason: str, size: int) -> None:
        if self._next >= self._offset:
            self._rejected.append(Rejected(raw[:KEPT], reason, self._next, size))
        self._next += 1

    def taken(self) -> Decoded:
        step = Decoded(self._records, self._positions, self._next, self._rejected)
        self._records, self._positions, self._rejected = [], [], []
        return step
