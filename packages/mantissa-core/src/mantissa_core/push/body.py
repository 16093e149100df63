"""Reading a request's body: by length or in chunks, decompressed, never more than is allowed."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import BinaryIO

from .request import Refused

_SIZE_LINE = 1_024
_TRAILERS = 64
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)
_READABLE = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


def check_head(headers: Mapping[str, str], limit: int) -> None:
    """See whether the body that is announced can be taken.

    Raises:
        Refused: 400, 411, 413 or 415.
    """
    length, chunked = headers.get("content-length"), headers.get("transfer-encoding")
    if chunked is not None and (length is not None or chunked.strip().lower() != "chunked"):
        raise Refused(400, "a body has a Content-Length, or is Transfer-Encoding: chunked; nothing else is read")
    if chunked is None:
        if length is None:
            raise Refused(411, "the request has no Content-Length")
        if not (length.isascii() and length.isdigit()):
            raise Refused(400, "Content-Length is no number")
        if int(length) > limit:
            raise Refused(413, f"{int(length):,} bytes, at most {limit:,} are taken: send less at a time")
    if _coding(headers) not in ("", "identity", "gzip", "x-gzip"):
        raise Refused(415, "Content-Encoding: gzip is read, or none", {"Accept-Encoding": "gzip"})
    found = _CHARSET.search(headers.get("content-type", ""))
    if found and found[1].lower() not in _READABLE:
        raise Refused(415, "text must be UTF-8")


def read_body(reader: BinaryIO, headers: Mapping[str, str], limit: int, decompressed: int) -> bytes:
    """The body that :func:`check_head` has let in: ``limit`` bytes at most, ``decompressed`` where it is gzip.

    Raises:
        Refused: 400, it ends early or is broken; 413, it is too long.
    """
    length = headers.get("content-length")
    body = _exactly(reader, int(length)) if length is not None else _chunks(reader, limit)
    return _gunzip(body, decompressed) if _coding(headers) in ("gzip", "x-gzip") else body


def _coding(headers: Mapping[str, str]) -> str:
    return headers.get("content-encoding", "").strip().lower()


def _exactly(reader: BinaryIO, size: int) -> bytes:
    content = reader.read(size)
    if len(content) < size:
        raise Refused(400, "the body ends early")
    return content


def _chunks(reader: BinaryIO, limit: int) -> bytes:
    """RFC 9112, 7.1: a size in hexadecimal digits before each chunk, 0 before the trailers."""
    body = bytearray()
    while size := _chunk_size(reader):
        if len(body) + size > limit:
            raise Refused(413, f"more than {limit:,} bytes: send less at a time")
        body += _exactly(reader, size)
        if reader.read(2) != b"\r\n":
            raise Refused(400, "a chunk is longer than its size says")
    for _ in range(_TRAILERS):
        if reader.readline(_SIZE_LINE) in (b"\r\n", b"\n", b""):
            return bytes(body)
    raise Refused(400, "too many trailers")


def _chunk_size(reader: BinaryIO) -> int:
    size = reader.readline(_SIZE_LINE).partition(b";")[0].strip()
    if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
        raise Refused(400, "a chunk has no size")
    return int(size, 16)


def _gunzip(content: bytes, limit: int) -> bytes:
    """All members of a gzip file (RFC 1952, 2.2)."""
    body = bytearray()
    while content:
        stream = zlib.decompressobj(wbits=31)
        try:
            body += stream.decompress(content, limit + 1 - len(body))
        except zlib.error as error:
            raise Refused(400, "the body is no gzip") from error
        if len(body) > limit:
            raise Refused(413, f"more than {limit:,} bytes when decompressed: send less at a time")
        if not stream.eof:
            raise Refused(400, "the gzip body ends early")
        content = stream.unused_data.lstrip(b"\0")
    return bytes(body)
