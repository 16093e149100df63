"""Records that the Kinesis Producer Library packed into one.

Format: https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

MAGIC = b"\xf3\x89\x9a\xc2"
_DIGEST = 16
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_RECORDS, _DATA = 3, 3
"""The fields' numbers, in the outer and in the inner message."""
_LONGEST_VARINT = 10


def unpacked(data: bytes) -> list[bytes] | None:
    """Return the packed records; ``None`` where the record is none of the library's."""
    body, digest = data[len(MAGIC) : -_DIGEST], data[-_DIGEST:]
    if not data.startswith(MAGIC) or hashlib.md5(body, usedforsecurity=False).digest() != digest:
        return None
    try:
        packed = [value for number, value in _fields(body) if number == _RECORDS]
        return [value for record in packed for number, value in _fields(record) if number == _DATA]
    except ValueError:
        return None


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a protobuf message that have bytes. Raises ``ValueError`` where it is none."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _BYTES:
            size, at = _varint(message, at)
            if at + size > len(message):
                raise ValueError("a field is longer than the message")
            yield key >> 3, message[at : at + size]
            at += size
        elif kind == _VARINT:
            _, at = _varint(message, at)
        elif kind in (_FIXED_64, _FIXED_32):
            at += 8 if kind == _FIXED_64 else 4
        else:
            raise ValueError(f"unknown kind of field {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(message[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number does not end")
