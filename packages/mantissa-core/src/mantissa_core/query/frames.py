"""Messages between the query backend and its worker process: a JSON header and a binary body, length-prefixed."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import IO, Any

import pyarrow as pa

_LENGTHS = struct.Struct(">IQ")


def write_frame(stream: IO[bytes], header: Mapping[str, Any], body: bytes | pa.Buffer = b"") -> None:
    """Write one message and flush it.

    Raises:
        OSError: the other side is gone.
    """
    text = json.dumps(header).encode()
    stream.write(_LENGTHS.pack(len(text), len(body)) + text)
    stream.write(body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Read one message.

    Raises:
        EOFError: the other side is gone.
    """
    header_size, body_size = _LENGTHS.unpack(_exactly(stream, _LENGTHS.size))
    header = json.loads(_exactly(stream, header_size))
    return header, _exactly(stream, body_size)


def table_to_bytes(table: pa.Table) -> pa.Buffer:
    """A table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def table_from_bytes(data: bytes) -> pa.Table:
    """The table in an Arrow IPC stream."""
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size) if size else b""
    if len(data) != size:
        raise EOFError("the other side closed the connection")
    return data
