"""The amounts that a question names: what is added up, averaged or ranked by, and what each row has a bound of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from mantissa_core.ask.plan import Compare, Filter, Measure, Op
from mantissa_core.ask.schema import SchemaColumn, SchemaTable

from .figures import SPREADS, NoFigure, figure, is_quantile
from .quantities import amount_called, is_amount, is_quantity
from .slots import Mention, Slots
from .unclear import Unclear

BOUNDS: Mapping[str, Op] = {"more": "gt", "less": "lt", "at_least": "ge", "at_most": "le"}
ROWS = frozenset({"eventName", "eventType", "m_action"})
"""Columns whose words mean the events themselves where something is counted: calls, actions."""
RANKED = frozenset({"top", "fewest", "longest", "shortest"})
"""Frames of an order."""


class Amounts:
    """The amounts of one question over one table; ``column`` says what the table calls a column that is named."""

    def __init__(self, slots: Slots, table: SchemaTable, column: Callable[[Mention], str]) -> None:
        self._slots, self._table, self._column = slots, table, column

    def bounds(self) -> Iterator[Filter]:
        """Bounds of a column's own values: severity above 5, downloads of more than 10 MB."""
        for name, word, number in self._bounded():
            yield Compare(field=name, op=BOUNDS[word], value=number)

    def of_rows(self) -> list[tuple[str, int]]:
        """The numbers that are bounds of amounts, where nothing is added up: each row has its own."""
        amounts = {each.after for each in self._named() if each.after in BOUNDS}
        others = [each for each in self._slots.mentions if each.after not in amounts and each.name not in ROWS]
        if others or set(self._slots.frames) & {"who", "each", "top", "fewest"}:
            return []
        return [each for each in self._slots.numbers if each[0] in amounts]

    def measure(self, frames: set[str]) -> Measure | None:
        """The figure of an amount that is asked for; None where there is none.

        Raises:
            Unclear: it cannot be worked out.
        """
        try:
            return figure(frames, [self._table.columns[each] for each in self._asked(frames)])
        except NoFigure as error:
            raise Unclear(str(error)) from None

    def grouped(self, frames: set[str], having: bool) -> list[Mention]:
        """The columns that the figure is worked out for each value of."""
        mentions = self._others(frames)
        grouped = [each for each in mentions if each.after == "each"]
        chosen = grouped or (mentions[:2] if frames & {*RANKED, "list"} or having else [])
        return chosen or ([Mention("m_user", frozenset(), "")] if "who" in frames else [])

    def ranked(self, frames: set[str], buckets: Sequence[str]) -> str:
        """The amount by which rows are ordered, where no figure is asked for; empty where there is none."""
        figures = frames & {*SPREADS} or any(map(is_quantile, frames)) or "of" in self._slots.phrases
        if not frames & RANKED or buckets or figures or self.grouped(frames, False):
            return ""
        return next(iter(self._asked(frames)), "")

    def listed(self, frames: set[str]) -> tuple[str, ...]:
        """The amounts that a list shows."""
        named = (self._column(each) for each in self._slots.mentions if self.is_one(each))
        bounded = (name for name, _, _ in self._bounded())
        return tuple(dict.fromkeys(filter(None, (self.ranked(frames, ()), *bounded, *named))))

    def is_one(self, mention: Mention) -> bool:
        """Whether it is an amount, which nothing is grouped by: show traffic to a port."""
        return is_amount(self._told(mention))

    def _bounded(self) -> Iterator[tuple[str, str, int]]:
        for mention, word, number in self._slots.bounds:
            yield self._column(mention), word, number
        for word, number in self.of_rows():
            mention = next(each for each in self._slots.mentions if each.after == word)
            yield self._column(mention), word, number

    def _named(self) -> list[Mention]:
        """The columns that are named and hold amounts or scores."""
        return [each for each in self._slots.mentions if is_quantity(self._told(each))]

    def _asked(self, frames: set[str]) -> list[str]:
        """The columns that a figure is asked of."""
        if self._of_time(frames):
            name = amount_called(self._table, "duration", "elapsed time", "latency", "took")
            if not name:
                raise Unclear(f"{self._table.title} does not tell how long anything took")
            return [name]
        return [self._column(each) for each in self._summed(frames)]

    def _summed(self, frames: set[str]) -> list[Mention]:
        grouping = () if frames & RANKED else ("each",)
        of_rows = {word for word, _ in self.of_rows()}
        return [each for each in self._named() if each.after not in (*grouping, *of_rows)]

    def _of_time(self, frames: set[str]) -> bool:
        """The slowest, or a mean of "time": how long it took."""
        timed = "times" in frames or any(each.name == "m_time" for each in self._slots.mentions)
        spread = any(each in SPREADS or is_quantile(each) for each in frames)
        return bool(frames & {"longest", "shortest"}) or (timed and spread and not self._named())

    def _others(self, frames: set[str]) -> list[Mention]:
        amounts = self._summed(frames)
        found = [each for each in self._slots.mentions if each not in amounts and each.after not in ("rare", *BOUNDS)]
        return [each for each in found if (each.name not in ROWS or each.after == "each") and each.name != "m_time"]

    def _told(self, mention: Mention) -> SchemaColumn:
        return self._table.columns[self._column(mention)]
