"""Whether a result is the one that was asked for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

Rows = list[Mapping[str, Any]]


def same(gold: Rows, found: Rows, ranked: bool = False) -> bool:
    """Whether ``found`` has gold's rows, and among its columns gold's.

    What comes in the order of figures is compared up to ties: the figures in order, the rows in any. A single moment
    or figure is right too where it stands in the only row. Fractions count to six digits.
    """
    if len(gold) == 1 and len(gold[0]) == 1 and len(found) == 1:
        return _value(next(iter(gold[0].values()))) in map(_value, found[0].values())
    if len(gold) != len(found):
        return False
    if not gold:
        return True
    wanted = [[_value(row[name]) for row in gold] for name in gold[0]]
    there = {name: [_value(row[name]) for row in found] for name in found[0]}
    return any(_fit(wanted, columns, ranked) for columns in _pairings(wanted, there))


def _fit(wanted: list[list[str]], found: list[list[str]], ranked: bool) -> bool:
    if ranked and wanted[-1] != found[-1]:
        return False
    ties = ranked and len(wanted) > 1
    rows, those = (Counter(zip(*each, strict=True)) for each in (wanted, found))
    # At the end of a ranking, which of those with the same figure are shown is open.
    open_end = wanted[-1][-1]
    return rows == those or (
        ties and {each for each in rows if each[-1] != open_end} == {each for each in those if each[-1] != open_end}
    )


def _pairings(wanted: list[list[str]], there: Mapping[str, list[str]]) -> Iterator[list[list[str]]]:
    """Ways to find gold's columns among those of the result."""
    if not wanted:
        yield []
        return
    for name, column in there.items():
        if set(column) & set(wanted[0]) and len(set(column)) == len(set(wanted[0])):
            rest = {other: values for other, values in there.items() if other != name}
            for more in _pairings(wanted[1:], rest):
                yield [column, *more]


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if value % 1 else str(int(value))
    return json.dumps(value, default=str)
