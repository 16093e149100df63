"""The decoder ``core.csv``: rows of a table, named by the first row or by settings (RFC 4180 and what is common)."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Literal, cast

import msgspec
from pydantic import Field, field_validator, model_validator

from mantissa_core.errors import BadRecord
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Decoded, Rejected

from .blocks import BLOCK_BYTES, BOM, KEPT_OF_OVERSIZED, Blocks
from .csv_rows import Row, Rows

ROWS_PER_STEP = 10_000
SURPLUS = "more"
"""The member that holds the values of a row that has more of them than there are columns."""
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?\Z")
_ENCODE = msgspec.json.Encoder()


class CSV:
    """Positions are byte offsets of rows in the text as UTF-8. Line feeds inside quotes belong to the row."""

    class Config(PluginConfig):
        """Settings of ``core.csv``."""

        columns: tuple[str, ...] = ()
        """Names of the columns where the file has no row with them; without it the first row names them."""
        delimiter: str = Field(default=",", min_length=1, max_length=1)
        """Between two values: ``,`` or ``;``, a tab, ``|``."""
        quote: str = Field(default='"', min_length=1, max_length=1)
        """Around a value that holds the delimiter, a line feed, or the quote itself, doubled."""
        encoding: str = "utf-8"
        """Of the text, by Python's names: ``utf-8``, ``cp1252``, ``utf-16``."""
        empty: Literal["drop", "keep"] = "drop"
        """Whether an empty value is left out of the event, or is an empty text in it."""
        numbers: tuple[str, ...] = ()
        """Columns whose values become numbers where they are some; all others are text."""
        max_record_bytes: int = Field(default=1 << 20, ge=1_000)
        """A longer row becomes a dead letter."""

        @field_validator("delimiter", "quote")
        @classmethod
        def _plain(cls, value: str) -> str:
            if not value.isascii() or value in "\r\n":
                raise ValueError("one ASCII character that is no line end")
            return value

        @field_validator("encoding")
        @classmethod
        def _known(cls, value: str) -> str:
            try:
                return codecs.lookup(value).name
            except LookupError:
                raise ValueError("an encoding that Python knows, such as utf-8 or cp1252") from None

        @model_validator(mode="after")
        def _distinct(self) -> CSV.Config:
            if self.delimiter == self.quote:
                raise ValueError("another delimiter than the quote")
            if len(set(self.columns)) < len(self.columns):
                raise ValueError("each column once")
            return self

    def __init__(self, config: Config) -> None:
        self.config = config
        csv.field_size_limit(max(csv.field_size_limit(), config.max_record_bytes))  # of the process; rows are bounded

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield rows as objects. The row of names is read again where decoding goes on behind it."""
        names: Sequence[str] | None = self.config.columns or None
        if names is None and blob.offset:
            names = self._names(blob)
        with self._open(blob) as reader:
            yield from _Pass(Blocks(reader), blob, self.config, names).decode()

    def _names(self, blob: Blob) -> Sequence[str] | None:
        with self._open(blob) as reader:
            blocks, rows = Blocks(reader), _rows(self.config, 0)
            while block := blocks.next(BLOCK_BYTES if rows.unfinished else 1 << 16):
                for row in rows.feed(block.removeprefix(BOM) if rows.position == 0 and not rows.unfinished else block):
                    if not row.problem:
                        return _named(_values([row], self.config)[0])
        return None

    def _open(self, blob: Blob) -> BinaryIO:
        raw = blob.open()
        return raw if self.config.encoding == "utf-8" else cast(BinaryIO, _Transcoded(raw, self.config.encoding))


class _Pass:
    """One pass over one blob."""

    def __init__(self, blocks: Blocks, blob: Blob, config: CSV.Config, names: Sequence[str] | None) -> None:
        self._blocks, self._final, self._config, self._names = blocks, blob.final, config, names
        self._rows = _rows(config, blocks.skip(blob.offset) if blob.offset else 0)
        self._numbers = frozenset(config.numbers)

    def decode(self) -> Iterator[Decoded]:
        while block := self._blocks.next():
            if self._rows.position == 0 and not self._rows.unfinished and block.startswith(BOM):
                block, self._rows.position = block[len(BOM) :], len(BOM)
            yield from self._steps(list(self._rows.feed(block)))
        if self._final:
            yield from self._steps(list(self._rows.finish()))
        if self._blocks.damage is not None:
            at = self._rows.position
            yield Decoded((), (), at, [Rejected(b"", str(self._blocks.damage), at, 0)])

    def _steps(self, rows: list[Row]) -> Iterator[Decoded]:
        for start in range(0, len(rows), ROWS_PER_STEP):
            part = rows[start : start + ROWS_PER_STEP]
            yield self._step(part, part[-1].end)

    def _step(self, rows: list[Row], end: int) -> Decoded:
        rejected = [_rejected(row, row.problem) for row in rows if row.problem]
        good = [row for row in rows if not row.problem]
        records, positions = [], []
        for row, values in zip(good, _values(good, self._config), strict=True):
            if values is None:
                rejected.append(_rejected(row, "no row: a quote that nothing closes, or a byte 0"))
            elif self._names is None:
                self._names = _named(values)
            else:
                records.append(_ENCODE.encode(self._event(self._names, values)))
                positions.append(row.position)
        rejected.sort(key=lambda each: each.position)
        return Decoded(records, positions, end, rejected)

    def _event(self, names: Sequence[str], values: list[str]) -> dict[str, Any]:
        if self._config.empty == "drop":
            event: dict[str, Any] = {name: value for name, value in zip(names, values, strict=False) if value}
        else:
            event = dict(zip(names, values, strict=False))
        if len(values) > len(names):
            event[SURPLUS] = values[len(names) :]
        for name in self._numbers:
            if (text := event.get(name)) and _NUMBER.match(text):
                event[name] = float(text) if "." in text else int(text)
        return event


class _Transcoded(io.RawIOBase):
    """Another encoding as UTF-8. It cannot seek: offsets are those of the result."""

    def __init__(self, raw: BinaryIO, encoding: str) -> None:
        super().__init__()
        self._raw, self._ready = raw, b""
        self._decoder = codecs.getincrementaldecoder(encoding)("backslashreplace")
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._ended:
            part = self._raw.read(1 << 18)
            self._ended = not part
            try:
                self._ready = self._decoder.decode(part, final=self._ended).encode("utf-8", "backslashreplace")
            except UnicodeError as error:  # such as a UTF-16 file that does not begin with its mark
                raise BadRecord(f"the text is not in the encoding: {error}") from error
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


def _rows(config: CSV.Config, position: int) -> Rows:
    return Rows(config.delimiter.encode(), config.quote.encode(), config.max_record_bytes, position)


def _values(rows: Sequence[Row], config: CSV.Config) -> list[list[str] | None]:
    """The values of each row; ``None`` where it is none. Sound rows are read by one call for all of them."""
    texts = [row.content.decode("utf-8", "backslashreplace") for row in rows]
    form: Any = {"delimiter": config.delimiter, "quotechar": config.quote, "strict": False}
    try:
        found: list[list[str] | None] = list(csv.reader(texts, **form))
        if len(found) == len(texts):
            return found
        return [_alone(text, form) for text in texts]
    except csv.Error:
        return [_alone(text, form) for text in texts]


def _alone(text: str, form: Any) -> list[str] | None:
    try:
        found = list(csv.reader([text], **form))
    except csv.Error:
        return None
    return found[0] if len(found) == 1 else None


def _named(values: list[str] | None) -> Sequence[str] | None:
    """Names for the columns: none is empty, none comes twice."""
    names: list[str] = []
    for number, value in enumerate(values or (), start=1):
        name = wanted = value.strip() or f"column_{number}"
        again = 1
        while name in names:
            again += 1
            name = f"{wanted}_{again}"
        names.append(name)
    return names or None


def _rejected(row: Row, reason: str) -> Rejected:
    return Rejected(row.content[:KEPT_OF_OVERSIZED], reason, row.position, row.end - row.position)
