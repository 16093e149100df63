"""Delivery files are decompressed by what is in them, and a broken one gives what it has."""

import gzip
import io

import pytest
import zstandard
from mantissa_core.errors import BadRecord
from mantissa_core.model import Blob
from mantissa_core.parse.compression import open_blob

PLAIN = b"".join(b'{"n":%d}\n' % number for number in range(50_000))


def read(content: bytes, *, seekable: bool = True) -> tuple[bytes, str | None]:
    """Return what could be read, and the damage if any."""

    class Reader(io.BytesIO):
        def seekable(self) -> bool:
            return seekable

    output = b""
    with open_blob(Blob("o", "file", lambda: Reader(content))).open() as reader:
        try:
            while part := reader.read(70_000):
                output += part
        except BadRecord as error:
            return output, str(error)
    return output, None


@pytest.mark.parametrize("seekable", [True, False])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", b""),
        (b"\x1f", b"\x1f"),
        (PLAIN, PLAIN),
        (gzip.compress(PLAIN), PLAIN),
        (gzip.compress(PLAIN) + gzip.compress(b"second"), PLAIN + b"second"),
        (gzip.compress(b"") + gzip.compress(b"x"), b"x"),
        (gzip.compress(PLAIN) + b"\0" * 300, PLAIN),
        (zstandard.compress(PLAIN), PLAIN),
        (zstandard.compress(PLAIN) + zstandard.compress(b"second"), PLAIN + b"second"),
        (zstandard.compress(b"") + zstandard.compress(b"x"), b"x"),
    ],
    ids=["empty", "short", "plain", "gzip", "members", "empty member", "padded", "zstd", "frames", "empty frame"],
)
def test_content_is_recognised_by_its_first_bytes(content: bytes, expected: bytes, seekable: bool) -> None:
    assert read(content, seekable=seekable) == (expected, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(PLAIN)[:-5], "ends in the middle at byte"),
        (gzip.compress(PLAIN)[:3000], "ends in the middle at byte 3,000 of the file"),
        (gzip.compress(PLAIN) + b"garbage", "is broken"),
        (zstandard.compress(PLAIN)[:-5], "ends in the middle at byte"),
        (zstandard.compress(PLAIN) + b"garbage", "is broken"),
    ],
)
def test_damage_is_named_after_all_that_could_be_read(content: bytes, message: str) -> None:
    output, damage = read(content)
    assert PLAIN.startswith(output[: len(PLAIN)])
    assert output
    assert damage is not None
    assert message in damage
    assert damage.startswith("file: ")


def test_lines_can_be_read_one_by_one() -> None:
    with open_blob(Blob("o", "n", lambda: io.BytesIO(gzip.compress(PLAIN)))).open() as reader:
        assert sum(1 for _ in reader) == 50_000


def test_a_bomb_comes_out_in_pieces() -> None:
    bomb = zstandard.compress(b"\0" * (64 << 20))
    with open_blob(Blob("o", "n", lambda: io.BytesIO(bomb))).open() as reader:
        assert len(reader.read(1 << 20)) <= 1 << 20


def test_every_open_starts_anew() -> None:
    blob = open_blob(Blob("o", "n", lambda: io.BytesIO(gzip.compress(b"x"))))
    assert [blob.open().read(5) for _ in range(2)] == [b"x", b"x"]


def test_a_reader_that_has_nothing_to_give_says_so_when_it_is_read_and_not_when_it_is_opened() -> None:
    class Reader(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: object) -> int:
            raise BadRecord("the object is gone")

    reader = open_blob(Blob("o", "file", Reader)).open()
    with pytest.raises(BadRecord, match="the object is gone"):
        reader.read(10)
