"""Which rules a caller sees who is limited to tables: those that name no other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .caller import Caller

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime

    from .own_rules import AnyRule

_WORD = re.compile(r"[a-z0-9_]+")


def hidden_tables(runtime: Runtime, caller: Caller) -> frozenset[str]:
    """The names of the tables that the caller may not see."""
    if caller.tables is None:
        return frozenset()
    tables = {*runtime.lake.tables(), *(each.table for each in runtime.log_types)}
    return frozenset(tables - caller.tables)


def is_shown(each: AnyRule, hidden: frozenset[str]) -> bool:
    """Whether a rule names none of the hidden tables, as SQL rules do."""
    return not hidden or hidden.isdisjoint(_WORD.findall(each.text.lower()))
