"""An SQL rule as data, and the query's guard at the time it is loaded."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from mantissa_core.detect.rules.attributes import Stage
from mantissa_core.detect.schedule.timing import Timing
from mantissa_core.errors import QueryError, RuleError
from mantissa_core.model import Severity
from mantissa_core.query.guard import check

if TYPE_CHECKING:
    import duckdb

START, END = "window_start", "window_end"
"""The parameters that a query may name: the window's first moment, and the first behind it."""

MOST_ROWS = 10_000
"""Rows of a result that are looked at."""


@dataclass(frozen=True, eq=False)
class SqlRule:
    """A query, and when its result is a match: where it (or a group of it) has more rows than ``threshold``.

    ``timing`` says when it runs; without one it runs once a schedule was created by command. ``group_by`` are
    columns of the result whose values tell its alerts apart. ``tables`` are those that the query reads, lower case;
    ``parameters`` those of :data:`START` and :data:`END` that it names.
    """

    silent: ClassVar[bool] = False
    name: ClassVar[str] = ""

    id: str
    title: str
    severity: Severity
    query: str
    threshold: int
    timing: Timing | None
    enabled: bool
    text: str
    source: str
    tables: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    description: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    stage: Stage = Stage.ACTIVE
    owner: str = ""
    alert_window: timedelta | None = None
    modified: str = ""
    warnings: tuple[str, ...] = ()

    @cached_property
    def version(self) -> str:
        """Sixteen hex characters that change with the rule's text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Checked:
    """A query that may run: the tables and the window's parameters that it names, sorted."""

    tables: tuple[str, ...]
    parameters: tuple[str, ...]


def checked(query: str) -> Checked:
    """Pass a query through the guard. Which tables there are is not known yet: each name may be one.

    Raises:
        RuleError: it is no single SELECT, calls what it must not, or names an unknown parameter.
    """
    words = {word.lower() for word in re.findall(r"\w+", query)}
    try:
        statement = check(_parser(), query, words)
    except QueryError as error:
        raise RuleError(f"query: {error}") from None
    if statement.explain:
        raise RuleError("query: EXPLAIN returns a plan, expected a SELECT")
    parameters = sorted(set(_parameters(statement.tree)))
    if unknown := [each for each in parameters if each not in (START, END)]:
        raise RuleError(f"query: the parameter ${unknown[0]} is unknown, expected ${START} or ${END}")
    return Checked(tuple(sorted(statement.tables)), tuple(parameters))


def _parameters(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _parameters(each)
    elif isinstance(node, Mapping):
        if node.get("class") == "PARAMETER":
            yield str(node["identifier"])
        for each in node.values():
            yield from _parameters(each)


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """Lends its parser to the guard; nothing is run in it."""
    import duckdb

    return duckdb.connect(":memory:")
