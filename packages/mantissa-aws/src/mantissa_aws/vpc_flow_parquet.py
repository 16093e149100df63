"""Flow logs that were delivered as Parquet. Their columns have underscores where the text's fields have hyphens.

Format: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from mantissa_core.errors import BadRecord
from mantissa_core.model import Blob, Decoded, Rejected
from mantissa_core.parse.blocks import Blocks

MAGIC = b"PAR1"
ROWS_PER_STEP = 10_000
IN_MEMORY = 64 * 1024 * 1024
"""Bytes of a file that are held in memory; a larger one goes through the disk."""


def decode(blob: Blob) -> Iterator[Decoded]:
    """Yield rows as records. Offsets and positions count rows; a file without its end cannot be read."""
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        damage = _copy(blob, file)
        size = file.tell()
        if not blob.final and not _is_complete(file, size):
            return
        row = 0
        try:
            for step in _steps(file, blob.offset):
                row = step.end
                yield step
        except (pa.ArrowException, OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
            reason = f"the Parquet file cannot be read: {damage or error}"
            yield Decoded((), (), row, [Rejected(b"", reason, row, size)])


def _copy(blob: Blob, file: IO[bytes]) -> BadRecord | None:
    with blob.open() as reader:
        blocks = Blocks(reader)
        while block := blocks.next():
            file.write(block)
        return blocks.damage


def _is_complete(file: IO[bytes], size: int) -> bool:
    file.seek(max(0, size - len(MAGIC)))
    return size > 2 * len(MAGIC) and file.read() == MAGIC


def _steps(file: IO[bytes], offset: int) -> Iterator[Decoded]:
    start = 0
    file.seek(0)
    parquet = pq.ParquetFile(file)
    for batch in parquet.iter_batches(ROWS_PER_STEP):
        skipped, end = max(0, offset - start), start + batch.num_rows
        records = [_encode(_event(row)) for row in batch.slice(skipped).to_pylist()]
        yield Decoded(records, range(end - len(records), end), end)
        start = end
    if start != parquet.metadata.num_rows:  # a damaged page may end a column early, without an error
        raise OSError(f"it holds {start} rows, its end says {parquet.metadata.num_rows}")


def _event(row: dict[str, object]) -> dict[str, object]:
    return {
        name.replace("_", "-"): value for name, value in row.items() if value is not None and value not in ("-", "")
    }


_encode = msgspec.json.Encoder().encode
