"""SQL on its way to an engine and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class TableSnapshot:
    """A table as of one version. ``files`` are local paths or URLs; ``columns`` map names to SQL types.

    A view has ``sql`` (over the other tables of the query) and no files. ``partitions`` gives each file's
    ``dt``, in the order of ``files``.
    """

    name: str
    columns: Mapping[str, str]
    files: Sequence[str] = ()
    partitions: Sequence[str] = ()
    bytes: int = 0
    rows: int = 0
    sql: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One read-only statement and its limits. ``parameters`` bind ``$name`` in the text.

    ``tables`` are those that it may name; ``known`` names all that exist, for messages.
    """

    sql: str
    tables: Sequence[TableSnapshot]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    max_rows: int = 1_000
    timeout: float = 120.0
    execution_id: str = ""
    known: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What running it would read, and cost in US dollars where the engine bills."""

    bytes: int
    usd: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Rows and what they took. ``truncated`` says that there were more than ``max_rows``."""

    execution_id: str
    status: Literal["succeeded", "failed", "cancelled"]
    rows: pa.Table
    data_scanned_bytes: int
    execution_time_ms: float
    truncated: bool = False
