"""Rules as SQL, for engines that read the lake where it lies.

.. code-block:: text

    dialect.py                                      what an engine must be able to say
    duckdb.py  trino.py  bigquery.py  tsql.py       the engines
    field.py ─▶ render.py ─▶ statement.py           a field's texts, a rule's condition, a SELECT
    gate.py                                         reads every statement back before it leaves
    scan.py  executor.py                            many rules in one scan; scans run by a query backend
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .dialect import Dialect

NAMES = ("athena", "bigquery", "duckdb", "synapse")
"""The dialects that come with the core."""


def dialect_named(name: str) -> Dialect:
    """The dialect of that name; sqlglot is imported only now."""
    from .bigquery import BigQuery
    from .duckdb import DuckDB
    from .trino import Athena
    from .tsql import Synapse

    known: dict[str, Callable[[], Dialect]] = {
        "athena": Athena,
        "bigquery": BigQuery,
        "duckdb": DuckDB,
        "synapse": Synapse,
    }
    return known[name]()
