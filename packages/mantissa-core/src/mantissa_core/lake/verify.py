"""Verification: is every file that the log names there, and what the log says it is?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from mantissa_core.errors import LakeError

from .files import DataFile
from .lake import Lake
from .parquet import check_footer
from .table import Table


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a table's file, or with a day of it."""

    table: str
    place: str
    problem: str


def verify(lake: Lake) -> list[Finding]:
    """Check the newest version of every table; an empty list means that all is well."""
    return [finding for name in lake.tables() for finding in verify_table(lake.table(name))]


def verify_table(table: Table) -> Iterator[Finding]:
    """Check existence, size, columns, row counts, and that native ids are unique within a day."""
    sound = []
    for file in sorted(table.live(), key=lambda file: file.dt):
        if problem := _problem(table, file):
            yield Finding(table.name, file.path, problem)
        else:
            sound.append(file)
    if table.spec.native_ids:
        for day, files in groupby(sound, key=lambda file: file.dt):
            yield from _repeated_ids(table, day, list(files))


def _problem(table: Table, file: DataFile) -> str | None:
    storage, name = table.place.storage, f"{table.place.folder}/{file.path}"
    info = storage.filesystem.get_file_info(storage.path(name))
    if info.type != pafs.FileType.File:
        return "the file is missing: restore it from a backup"
    if info.size != file.size:
        return f"the file has {info.size} bytes, the log says {file.size}"
    try:
        check_footer(storage, name, table.schema())
        with storage.open_input(name) as source:
            rows = pq.read_metadata(source).num_rows
    except (LakeError, OSError, pa.ArrowException) as error:
        return str(error)
    return None if rows == file.rows else f"the file has {rows} rows, the log says {file.rows}"


def _repeated_ids(table: Table, day: str, files: list[DataFile]) -> Iterator[Finding]:
    ids = pa.Table.from_batches(table.read(files, ["m_id"]), pa.schema([table.schema().field("m_id")])).column("m_id")
    surplus = len(ids) - pc.count_distinct(ids).as_py()
    if surplus:
        yield Finding(table.name, f"dt={day}", f"{surplus} rows repeat a native id: compaction will drop them")
