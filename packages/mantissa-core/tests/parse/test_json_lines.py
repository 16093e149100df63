"""Splitting lines: positions, growing files, and input of any size."""

import gzip
import io
from collections.abc import Iterator

import pytest
from mantissa_core.model import Blob, Decoded
from mantissa_core.parse import json_lines
from mantissa_core.parse.blocks import KEPT_OF_OVERSIZED
from mantissa_core.parse.compression import open_blob
from mantissa_core.parse.json_lines import JSONLines


def decode(content: bytes, *, offset: int = 0, final: bool = True, max_record_bytes: int = 16 << 20) -> list[Decoded]:
    parser = JSONLines(JSONLines.Config(max_record_bytes=max_record_bytes))
    return list(parser.decode(Blob("o", "n", lambda: io.BytesIO(content), offset, final)))


def records(steps: list[Decoded]) -> list[tuple[int, bytes]]:
    return [pair for step in steps for pair in zip(step.positions, step.records, strict=True)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n\n", []),
        (b'{"a":1}', [(0, b'{"a":1}')]),
        (b'{"a":1}\n{"b":2}\n', [(0, b'{"a":1}'), (8, b'{"b":2}')]),
        (b'{"a":1}\r\n{"b":2}\r\n', [(0, b'{"a":1}'), (9, b'{"b":2}')]),
        (b'\n  \r\n{"a":1}\n', [(5, b'{"a":1}')]),
        (b'\xef\xbb\xbf{"a":1}\n{"b":2}', [(3, b'{"a":1}'), (11, b'{"b":2}')]),
        (b" \t\r\n\t\n \n", []),
        (b"\x0b\n", [(0, b"\x0b")]),
        (b"\x0c\n\x1c\n\x00\n", [(0, b"\x0c"), (2, b"\x1c"), (4, b"\x00")]),
        (b"\xff\xfe\nnonsense\n", [(0, b"\xff\xfe"), (3, b"nonsense")]),
    ],
)
def test_lines_and_their_offsets(content: bytes, expected: list[tuple[int, bytes]]) -> None:
    steps = decode(content)
    assert records(steps) == expected
    assert not steps or steps[-1].end == len(content)


def test_an_unfinished_last_line_waits_for_its_end() -> None:
    content = b'{"a":1}\n{"b":'
    assert records(decode(content, final=False)) == [(0, b'{"a":1}')]
    assert decode(content, final=False)[-1].end == 8
    assert records(decode(content + b"2}\n", offset=8, final=False)) == [(8, b'{"b":2}')]
    assert decode(b'{"b":', final=False) == []


def test_steps_are_bounded_and_resumable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "RECORDS_PER_STEP", 3)
    content = b"".join(b'{"n":%d}\n' % number for number in range(8))
    steps = decode(content)
    assert [len(step.records) for step in steps] == [3, 3, 2]
    for number, step in enumerate(steps):
        rest = records(decode(content, offset=step.end))
        assert rest == records(steps[number + 1 :])


def test_a_line_beyond_the_limit_is_one_rejection() -> None:
    content = b'{"a":1}\n{"b":"' + b"x" * 100 + b'"}\n{"c":3}\n'
    steps = decode(content, max_record_bytes=50)
    assert [raw for _, raw in records(steps)] == [b'{"a":1}', b'{"c":3}']
    (rejected,) = [each for step in steps for each in step.rejected]
    assert (rejected.position, rejected.size) == (8, 108)
    assert "max_record_bytes = 50" in rejected.reason


class Endless(io.RawIOBase):
    """A reader of parts that never exist all at once."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        super().__init__()
        self._parts, self._rest = parts, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        self._rest = self._rest or next(self._parts, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def huge(line_feed: bytes) -> Iterator[bytes]:
    yield b'{"a":1}\n{"b":"'
    for _ in range(200):
        yield b"x" * (1 << 20)
    yield b'"}' + line_feed


@pytest.mark.parametrize(("line_feed", "last"), [(b'\n{"c":3}', [(209715217, b'{"c":3}')]), (b"", [])])
def test_a_line_of_200_mb_is_skipped_without_being_held(line_feed: bytes, last: list[tuple[int, bytes]]) -> None:
    blob = Blob("o", "n", lambda: Endless(huge(line_feed)))  # type: ignore[arg-type,return-value]
    steps = list(JSONLines(JSONLines.Config()).decode(blob))
    assert records(steps) == [(0, b'{"a":1}'), *last]
    (rejected,) = [each for step in steps for each in step.rejected]
    assert (rejected.position, rejected.size, len(rejected.raw)) == (8, (200 << 20) + 8, KEPT_OF_OVERSIZED)


def test_an_oversized_line_that_still_grows_is_left_for_later() -> None:
    content = b'{"a":1}\n' + b"x" * 100
    steps = decode(content, final=False, max_record_bytes=50)
    assert records(steps) == [(0, b'{"a":1}')]
    assert (steps[-1].end, [each for step in steps for each in step.rejected]) == (8, [])


def test_a_cut_gzip_file_keeps_its_lines_and_names_the_place() -> None:
    content = b"".join(b'{"n":%d}\n' % number for number in range(2000))
    blob = Blob("o", "logs.gz", lambda: io.BytesIO(gzip.compress(content)[:-20]))
    steps = list(JSONLines(JSONLines.Config()).decode(open_blob(blob)))
    whole = [raw for _, raw in records(steps)]
    assert len(whole) > 1000
    assert whole[:-1] == content.split(b"\n")[: len(whole) - 1]
    (rejected,) = [each for step in steps for each in step.rejected]
    assert "logs.gz: the compressed content ends in the middle at byte" in rejected.reason
    assert rejected.position not in [position for position, _ in records(steps)]
