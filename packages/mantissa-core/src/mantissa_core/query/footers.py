"""What a data file's footer tells: its columns, the span of its events' times, its size. Files never change."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

import pyarrow as pa
import pyarrow.parquet as pq

from mantissa_core.errors import QueryError

TIME = "m_time"
_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Footer:
    """One file's facts. ``first`` and ``last`` are ``None`` where the file does not say."""

    path: str
    columns: frozenset[str]
    size: int
    first: datetime | None
    last: datetime | None


class Footers:
    """Footers by path, read once."""

    def __init__(self) -> None:
        self._known: dict[str, Footer] = {}

    def of(self, paths: Iterable[str]) -> list[Footer]:
        """The footers of these files.

        Raises:
            QueryError: a file is missing or no Parquet file.
        """
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        return [self._known.get(path) or self._read(path) for path in paths]

    def _read(self, path: str) -> Footer:
        try:
            metadata = pq.read_metadata(path)
            size = os.stat(path).st_size
        except (OSError, pa.ArrowException) as error:
            name = PurePath(path).name
            raise QueryError(
                f"the data file {name} cannot be read ({type(error).__name__}): if it was compacted away, query again"
            ) from None
        names = metadata.schema.to_arrow_schema().names
        first, last = _span(metadata, names)
        footer = self._known[path] = Footer(path, frozenset(names), size, first, last)
        return footer


def _span(metadata: pq.FileMetaData, names: list[str]) -> tuple[datetime | None, datetime | None]:
    """Least and greatest time over the row groups."""
    leaves = {metadata.schema.column(index).path: index for index in range(len(metadata.schema))}
    if TIME not in names or TIME not in leaves:
        return None, None
    groups = (metadata.row_group(index).column(leaves[TIME]).statistics for index in range(metadata.num_row_groups))
    spans = [(each.min, each.max) if each is not None and each.has_min_max else None for each in groups]
    known = [span for span in spans if span and isinstance(span[0], datetime)]
    if not known or len(known) != len(spans):
        return None, None
    return _utc(min(span[0] for span in known)), _utc(max(span[1] for span in known))


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
