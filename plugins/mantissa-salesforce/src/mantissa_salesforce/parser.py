"""The decoder ``salesforce.event_log_csv``: an event log file's rows as JSON objects.

Format: https://developer.salesforce.com/docs/platform/api-rest/guide/event-log-file-download.html. The first row names
the fields; every value is quoted. JSON lines, as other programs make of such files, pass through.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import closing

import msgspec
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Decoded, Rejected
from mantissa_core.parse.blocks import BOM, KEPT_OF_OVERSIZED, Blocks
from mantissa_core.parse.json_lines import JSONLines

ROWS_PER_STEP = 5_000
STEP_BYTES = 16 << 20
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,199}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
NUMBERS = frozenset(
    """
    API_TOTAL_COUNT AVERAGE_ROW_SIZE BATCH_SIZE CALLOUT_TIME CPU_TIME DB_BLOCKS DB_CPU_TIME DB_TOTAL_TIME
    DURATION EFFECTIVE_PAGE_TIME EXEC_TIME LIMIT_USAGE_PERCENT NUMBER_COLUMNS NUMBER_EXCEPTION_FILTERS
    NUMBER_FAILURES NUMBER_FIELDS NUMBER_OF_BATCHES NUMBER_OF_RECORDS NUMBER_SOQL_QUERIES RECORDS_FAILED
    RECORDS_PROCESSED REQUEST_SIZE RESPONSE_SIZE ROW_COUNT ROWS_FETCHED ROWS_PROCESSED RUN_TIME SIZE_BYTES
    STATUS_CODE TOTAL_TIME VIEW_STATE_SIZE
    """.split()  # noqa: SIM905
)
"""Fields whose whole numbers become JSON numbers, so that rules can compare them."""


class EventLogCSV:
    """Takes event log files apart. Positions are the byte offsets of rows; values that are empty are left out."""

    class Config(PluginConfig):
        """Settings of ``salesforce.event_log_csv``."""

        max_record_bytes: int = 1 << 20
        """A longer row is rejected, without ever being held in memory."""

    def __init__(self, config: Config) -> None:
        self._limit = config.max_record_bytes
        self._json = JSONLines(JSONLines.Config(max_record_bytes=config.max_record_bytes))

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield the rows behind ``blob.offset``. The file is read from its beginning, where its fields are named."""
        with closing(blob.open()) as reader:
            first = Blocks(reader).next(len(BOM) + 1).removeprefix(BOM)[:1]
        if first == b"{":
            yield from self._json.decode(blob)
            return
        with closing(blob.open()) as reader:
            yield from _Rows(_Lines(Blocks(reader), self._limit), blob).decode()


class _TooLongError(Exception):
    """A row goes on for more bytes than are allowed."""


class _Lines:
    """The lines of a file as text, and how far it has been read. Bytes that are no UTF-8 are marked as surrogates."""

    def __init__(self, blocks: Blocks, limit: int) -> None:
        self.blocks, self.limit = blocks, limit
        self.offset, self.row, self.kept = 0, 0, b""
        self.ended, self.closed, self.exhausted = True, True, False
        self._waiting: list[bytes] = []
        self._tail = b""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """The next line, as :mod:`csv` asks for it."""
        line = self._next()
        if not line:
            self.exhausted = True
            raise StopIteration
        self.offset += len(line)
        self.ended, self.closed = line.endswith(b"\n"), line.endswith((b"\n", b'"'))
        if len(self.kept) < KEPT_OF_OVERSIZED:
            self.kept += line[:KEPT_OF_OVERSIZED]
        if self.offset - self.row > self.limit:
            raise _TooLongError
        return (line.removeprefix(BOM) if self.offset == len(line) else line).decode("utf-8", "surrogateescape")

    def begin(self) -> None:
        """A row begins here."""
        self.row, self.kept = self.offset, b""

    def pass_over(self) -> None:
        """Leave the rest of a line that is too long; what comes behind it is a row again."""
        while not self.ended and (line := self._next()):
            self.offset += len(line)
            self.ended = line.endswith(b"\n")

    def _next(self) -> bytes:
        """The next line, or a piece of one that is longer than the limit; nothing at the end."""
        while not self._waiting:
            block = self.blocks.next()
            if not block:
                line, self._tail = self._tail, b""
                return line
            *lines, self._tail = (self._tail + block).split(b"\n")
            self._waiting = [line + b"\n" for line in reversed(lines)]
            if len(self._tail) > self.limit:
                self._waiting.insert(0, self._tail)
                self._tail = b""
        return self._waiting.pop()


class _Rows:
    """One pass over one file."""

    def __init__(self, lines: _Lines, blob: Blob) -> None:
        self._lines, self._from, self._final = lines, blob.offset, blob.final
        self._names: list[str] = []
        self._nameless = False
        self._records: list[bytes] = []
        self._positions: list[int] = []
        self._rejected: list[Rejected] = []
        self._size = 0

    def decode(self) -> Iterator[Decoded]:
        """Yield what the rows hold, until the file ends or its first row names no fields."""
        rows = csv.reader(self._lines, strict=True)
        end = self._from
        while True:
            self._lines.begin()
            try:
                values = next(rows, None)
            except _TooLongError:
                self._reject(f"a row of more than {self._lines.limit:,} bytes")
                self._lines.pass_over()
            except csv.Error as error:
                if self._lines.exhausted and not self._final:
                    break
                self._reject(f"no row of CSV: {error}")
            else:
                if values is None:
                    break
                self._row(values)
            if not self._final and not self._lines.ended:
                self._forget()
                break
            end = max(end, self._lines.offset)
            if self._nameless:
                break
            if len(self._records) + len(self._rejected) >= ROWS_PER_STEP or self._size >= STEP_BYTES:
                yield self._given(end)
        if (damage := self._lines.blocks.damage) is not None:
            self._rejected.append(Rejected(b"", str(damage), self._lines.offset, 0))
        yield self._given(end)

    def _row(self, values: list[str]) -> None:
        if not values:
            return
        if not self._lines.closed:
            self._reject("the file ends in the middle of this row")
        elif not self._names:
            self._header(values)
        elif len(values) != len(self._names):
            self._reject(f"found {len(values)}, expected {len(self._names)} values")
        else:
            self._record(dict(zip(self._names, values, strict=True)))

    def _header(self, names: list[str]) -> None:
        if len(set(names)) == len(names) and all(map(_NAME.fullmatch, names)):
            self._names = names
        else:
            self._reject("the first row does not name the fields of an event log file")

    def _record(self, row: dict[str, str]) -> None:
        if self._lines.row < self._from:
            return
        fields = {
            name: int(value) if name in NUMBERS and _NUMBER.fullmatch(value) else value
            for name, value in row.items()
            if value
        }
        try:
            record = _encode(fields)
        except UnicodeEncodeError:
            self._reject("not UTF-8")
            return
        self._records.append(record)
        self._positions.append(self._lines.row)
        self._size += len(record)

    def _reject(self, reason: str) -> None:
        lines, self._nameless = self._lines, not self._names
        if lines.row >= self._from:
            kept = lines.kept[:KEPT_OF_OVERSIZED]
            self._rejected.append(Rejected(kept, reason, lines.row, lines.offset - lines.row))

    def _forget(self) -> None:
        """Leave the last row for later: the file may still grow."""
        row = self._lines.row
        if self._positions and self._positions[-1] == row:
            self._positions.pop()
            self._records.pop()
        self._rejected = [each for each in self._rejected if each.position != row]

    def _given(self, end: int) -> Decoded:
        given = Decoded(self._records, self._positions, end, self._rejected)
        self._records, self._positions, self._rejected, self._size = [], [], [], 0
        return given


_encode = msgspec.json.Encoder().encode
