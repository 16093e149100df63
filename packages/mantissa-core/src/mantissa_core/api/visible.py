"""Which rules somebody may know who may see some tables only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mantissa_core.detect.correlate.correlation import Correlation
from mantissa_core.detect.match.route import log_types_of
from mantissa_core.detect.rules.rule import Rule

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime

    from .caller import Caller
    from .own_rules import AnyRule

_WORD = re.compile(r"[a-z0-9_]+")


class VisibleRules:
    """Those about the caller's tables.

    Sigma rules that match events of one of them, correlations of such rules alone, SQL rules that name no other table.
    """

    def __init__(self, runtime: Runtime, caller: Caller) -> None:
        self._rules, self._log_types, self._tables = runtime.rules, runtime.log_types, caller.tables
        known = {*runtime.lake.tables(), *(each.table for each in runtime.log_types)}
        self._hidden = frozenset(each for each in known if not caller.sees(each))

    def shows(self, rule: AnyRule) -> bool:
        """Whether it is one of them."""
        tables = self._tables
        if tables is None:
            return True
        if not self._hidden.isdisjoint(_WORD.findall(rule.text.lower())):
            return False
        if isinstance(rule, Rule):
            return any(each.table in tables for each in log_types_of(rule, self._log_types))
        if isinstance(rule, Correlation):
            parts = [self._rules.get(each) for each in rule.ids.values()]
            return all(each is not None and self.shows(each) for each in parts)
        return True
