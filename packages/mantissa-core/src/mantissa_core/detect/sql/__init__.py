"""Rules as SQL, for engines that read the lake where it lies.

.. code-block:: text

    dialect.py                                      what an engine must be able to say
    duckdb.py  trino.py  bigquery.py  tsql.py       the engines
    field.py ─▶ render.py ─▶ row.py                 a field's texts, a rule's condition, a row's decision
    statement.py ─▶ gate.py                         a SELECT, read back before it leaves
    scan.py  executor.py                            many rules in one scan; scans run by a query backend
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mantissa_core.catalog import SQL_DIALECTS, installed, load
from mantissa_core.errors import PluginError

if TYPE_CHECKING:
    from .dialect import Dialect

NAMES = ("athena", "bigquery", "duckdb", "synapse")
"""The dialects that come with the core."""


def dialect_names() -> tuple[str, ...]:
    """The installed dialects, without importing any."""
    return tuple(dict.fromkeys(each.name for each in installed(SQL_DIALECTS)))


def dialect_named(name: str) -> Dialect:
    """A new instance of the dialect of that name; sqlglot is imported only now.

    Raises:
        PluginError: it is not installed, two distributions claim the name, its import or constructor fails, or it is
            no dialect.
    """
    from .dialect import Dialect

    found = load(SQL_DIALECTS, name)
    if not issubclass(found, Dialect):
        raise PluginError(
            name, f"{found.__module__}.{found.__qualname__} is no mantissa_core.detect.sql.dialect.Dialect"
        )
    try:
        return found()
    except Exception as error:
        raise PluginError(name, f"could not be made: {error!r}") from error
