"""The conformance kit for decoders (plugins of the group ``mantissa.parsers``).

.. code-block:: python

    class TestAcmeFile(ParserContract):
        samples = (ParserSample(b'{"a": 1}\\n{"a": 2}\\n', records=({"a": 1}, {"a": 2})),)

        def make_parser(self):
            return AcmeFile(AcmeFile.Config())
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar, Protocol, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mantissa_core.model import Blob, Decoded

from .conformance import proves

MAX_RECORDS_PER_STEP = 20_000
MAX_BYTES_PER_STEP = 64 << 20
_FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


class Decoder(Protocol):
    """What the kit tests: a plugin's ``decode``."""

    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """See :meth:`mantissa_core.hookspecs.Parser.decode`."""


@dataclass(frozen=True)
class ParserSample:
    """A delivery file and what must come of it.

    ``records`` are the events in order, ``rejected`` how many pieces are none. ``context`` is the blob's.
    """

    content: bytes
    records: tuple[Mapping[str, Any], ...]
    rejected: int = 0
    context: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Result:
    """Everything that one call of ``decode`` yielded."""

    steps: tuple[Decoded, ...]
    records: tuple[bytes, ...]
    positions: tuple[int, ...]
    rejected: tuple[int, ...]
    end: int

    @property
    def places(self) -> list[int]:
        return sorted(self.positions + self.rejected)


class ParserContract:
    """Subclass it, name ``samples`` and write :meth:`make_parser`; pytest runs the tests below.

    ``resumable`` is false for formats that can only be decoded from their beginning. ``translated`` is true for
    formats that are not JSON: a record is then longer than the bytes that it was made from. ``plain_text`` is true for
    those in which nobody can tell a record that was cut from a whole one, ``headed`` for those whose beginning says
    what the rest means.
    """

    conforms_to: ClassVar[str] = "mantissa.parsers"
    samples: ClassVar[tuple[ParserSample, ...]] = ()
    resumable: ClassVar[bool] = True
    translated: ClassVar[bool] = False
    plain_text: ClassVar[bool] = False
    headed: ClassVar[bool] = False

    def make_parser(self) -> Decoder:
        """Return a decoder with its settings."""
        raise NotImplementedError("return your decoder here")

    def test_samples_are_given(self) -> None:
        """A kit without samples proves nothing: at least one with two records."""
        assert any(len(sample.records) >= 2 for sample in self.samples), "give a sample of two records or more"

    def test_samples_yield_their_records(self) -> None:
        """Each sample decodes to the records that its author expects, in order."""
        for sample in self.samples:
            result = self._decode(sample.content, context=sample.context)
            assert [json.loads(record) for record in result.records] == [dict(each) for each in sample.records]
            assert len(result.rejected) == sample.rejected, f"{len(result.rejected)} rejected"

    def test_records_are_bytes(self) -> None:
        """A record is the UTF-8 text of one JSON object."""
        for sample in self.samples:
            for record in self._decode(sample.content, context=sample.context).records:
                assert isinstance(record, bytes)
                assert isinstance(json.loads(record), dict)

    def test_decoding_is_deterministic(self) -> None:
        """The same bytes give the same steps."""
        for sample in self.samples:
            first, second = (self._decode(sample.content, context=sample.context) for _ in range(2))
            assert first == second

    def test_positions_are_unique_and_rise(self) -> None:
        """Positions identify records that carry no id, so no two may be equal."""
        for sample in self.samples:
            result = self._decode(sample.content, context=sample.context)
            assert list(result.positions) == sorted(set(result.positions))
            assert len(set(result.places)) == len(result.places), "a rejected piece has a record's position"
            assert all(len(step.records) == len(step.positions) for step in result.steps)

    def test_positions_do_not_depend_on_how_the_bytes_arrive(self) -> None:
        """A reader may return as little as it likes."""
        for sample in self.samples:
            whole = self._decode(sample.content, context=sample.context)
            dripping = self._decode(sample.content, context=sample.context, drip=3)
            assert (whole.records, whole.positions, whole.places) == (
                dripping.records,
                dripping.positions,
                dripping.places,
            )

    def test_a_cut_file_keeps_what_came_before_the_cut(self) -> None:
        """Wherever the file ends: a prefix of the records is there, and what is lost of the rest is rejected."""
        for sample in self.samples:
            whole = self._decode(sample.content, context=sample.context)
            for cut in _cuts(len(sample.content)):
                part = self._decode(sample.content[:cut], context=sample.context)
                usable = tuple(record for record in part.records if _is_object(record))
                if self.plain_text and usable:
                    usable = usable[:-1] if usable[-1] not in whole.records else usable
                    assert len(usable) >= len(part.records) - 1, f"cut at {cut}: more than the last record differs"
                assert whole.records[: len(usable)] == usable, f"cut at {cut}: not a prefix"
                missing = len(usable) < len(whole.records) and sample.content[:cut].strip(b" \t\r\n")
                accounted = part.rejected or len(part.records) > len(usable) or self._ends_between(sample, cut, part)
                accounted = accounted or (self.headed and cut <= min(whole.positions, default=cut))
                assert not missing or accounted, f"cut at {cut}: records are gone and nothing is rejected"

    def test_an_unfinished_file_is_left_for_later(self) -> None:
        """With ``final`` false nothing is rejected for being incomplete, and decoding goes on at ``end``."""
        for sample in self.samples:
            whole = self._decode(sample.content, context=sample.context)
            for cut in _cuts(len(sample.content)):
                part = self._decode(sample.content[:cut], context=sample.context, final=False)
                assert whole.records[: len(part.records)] == part.records, f"cut at {cut}: an unfinished record"
                assert set(part.rejected) <= set(whole.rejected), f"cut at {cut}: rejected before its end was there"

    def test_decoding_resumes_at_end(self) -> None:
        """What was decoded of a growing file, and what comes from ``end`` on, are together the whole."""
        if not self.resumable:
            pytest.skip("this format is decoded from its beginning only")
        for sample in self.samples:
            whole = self._decode(sample.content, context=sample.context)
            for cut in _cuts(len(sample.content)):
                first = self._decode(sample.content[:cut], context=sample.context, final=False)
                rest = self._decode(sample.content, context=sample.context, offset=first.end)
                assert first.records + rest.records == whole.records, f"cut at {cut}: lost or doubled"
                assert first.positions + rest.positions == whole.positions, f"cut at {cut}: other positions"

    def test_steps_are_bounded(self) -> None:
        """No step holds more than some 10,000 records or 32 MB."""
        for sample in self.samples:
            for step in self._decode(sample.content, context=sample.context).steps:
                assert len(step.records) <= MAX_RECORDS_PER_STEP
                assert sum(map(len, step.records)) <= MAX_BYTES_PER_STEP

    @_FEW
    @given(content=st.binary(max_size=300))
    def test_any_bytes_are_accounted_for(self, content: bytes) -> None:
        """Bytes that are no such file are rejected, never raised; nothing but space and marks vanishes."""
        result = self._decode(content)
        assert list(result.positions) == sorted(set(result.positions))
        if content.removeprefix(b"\xef\xbb\xbf").strip(b"\0 \t\r\n[]{},:") and not self.headed:
            assert result.records or result.rejected, "the content vanished"

    @_FEW
    @given(data=st.data())
    def test_damage_stays_where_it_is(self, data: st.DataObject) -> None:
        """A byte changed anywhere neither raises nor silently drops what stood before it."""
        sample = data.draw(st.sampled_from(self.samples))
        at = data.draw(st.integers(0, max(0, len(sample.content) - 1)))
        byte = data.draw(st.integers(0, 255))
        damaged = sample.content[:at] + bytes([byte]) + sample.content[at + 1 :]
        result = self._decode(damaged, context=sample.context)
        kept = sum(map(len, result.records)) + sum(step_size for step_size in self._rejected_sizes(result))
        assert result.records or result.rejected or not sample.records, "everything vanished"
        assert self.translated or kept <= len(damaged), "bytes came twice"

    def _decode(
        self,
        content: bytes,
        *,
        context: Mapping[str, Any] | None = None,
        final: bool = True,
        offset: int = 0,
        drip: int | None = None,
    ) -> _Result:
        blob = Blob("origin", "sample", lambda: _reader(content, drip), offset, final, context or {})
        parser = self.make_parser()
        proves(self, parser)
        steps = tuple(parser.decode(blob))
        return _Result(
            steps,
            tuple(record for step in steps for record in step.records),
            tuple(position for step in steps for position in step.positions),
            tuple(each.position for step in steps for each in step.rejected),
            steps[-1].end if steps else offset,
        )

    def _rejected_sizes(self, result: _Result) -> Iterator[int]:
        return (len(each.raw) for step in result.steps for each in step.rejected)

    def _ends_between(self, sample: ParserSample, cut: int, part: _Result) -> bool:
        """Whether the cut fell between two records, so that it cannot be told from a shorter file's end."""
        rest = self._decode(sample.content, context=sample.context, offset=part.end) if self.resumable else None
        return rest is not None and len(part.records) + len(rest.records) == len(sample.records)


def _cuts(size: int) -> Iterator[int]:
    """Every offset of a small file, some 60 of a larger one."""
    return iter(range(0, size, max(1, size // 60)))


def _is_object(record: bytes) -> bool:
    try:
        return isinstance(json.loads(record), dict)
    except ValueError:
        return False


def _reader(content: bytes, drip: int | None) -> BinaryIO:
    return io.BytesIO(content) if drip is None else cast(BinaryIO, _Dripping(content, drip))


class _Dripping(io.RawIOBase):
    """A reader that returns a few bytes at a time and cannot seek."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__()
        self._rest, self._size = content, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: WriteableBuffer
        part = self._rest[: min(self._size, len(buffer))]
        buffer[: len(part)] = part
        self._rest = self._rest[len(part) :]
        return len(part)
