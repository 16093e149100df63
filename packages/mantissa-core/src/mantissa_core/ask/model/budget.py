"""How much a language model may be asked: for each question, and for each day over all questions.

Before a call its worst case is reserved, afterwards the provider's own counts replace it, so that questions asked side
by side cannot overrun the day's limit. The days' sums live in the state store.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mantissa_core.ask.usage import Usage
from mantissa_core.model import Put
from mantissa_core.model.completion import Prompt
from mantissa_core.state import State
from mantissa_core.state.audit import entry

from .prices import Prices

PARTITION = "ask.budget"
SUBJECT = "models"
"""Of what is audited."""
_STOP = "stopped"
_KEPT = timedelta(days=400)


class OverBudget(Exception):
    """The call would cost more than is allowed; the message says which limit it meets."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Tokens count input and output; money is in US dollars. ``None``: no limit."""

    tokens_per_question: int | None = 60_000
    money_per_question: float | None = 0.50
    tokens_per_day: int | None = 5_000_000
    money_per_day: float | None = 20.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """The worst case of a call. ``money`` is ``None`` where the model's price is not known."""

    input_tokens: int
    output_tokens: int
    money: float | None

    @property
    def tokens(self) -> int:
        """Both together."""
        return self.input_tokens + self.output_tokens


class Budget:
    """The limits of an instance, and what was spent of them. ``now`` is the clock; days are UTC's."""

    def __init__(self, limits: Limits, prices: Prices, state: State, now: Callable[[], datetime]) -> None:
        self.limits, self.prices = limits, prices
        self._state, self._now = state, now

    def question(self, model: str = "") -> Spending:
        """Start a question. ``model`` is the configured model, for its price."""
        return Spending(self, model)

    def stop(self, reason: str, by: str = "") -> None:
        """No call any more by any process of the instance, until :meth:`resume`. It is audited."""
        now = self._now()
        value = {"reason": reason, "by": by, "at": now.astimezone(UTC).isoformat()}
        self._state.commit(PARTITION, [Put(_STOP, value), entry(SUBJECT, "stopped", by, now, reason=reason)])

    def resume(self, by: str = "") -> None:
        """Calls again. It is audited."""
        self._state.commit(PARTITION, [Put(_STOP, None), entry(SUBJECT, "resumed", by, self._now())])

    def stopped(self) -> Mapping[str, Any] | None:
        """Why calls are stopped (``reason``), ``by`` whom and since when (``at``); ``None`` where they are not."""
        found = self._state.get(PARTITION, _STOP)
        return found.value if found else None

    def note(self, action: str, by: str, **facts: Any) -> None:
        """Audit something that was done with a model besides questions."""
        self._state.commit(PARTITION, [entry(SUBJECT, action, by, self._now(), **facts)])

    def today(self) -> Mapping[str, Any]:
        """What was spent this day: ``tokens``, ``money``, and ``unpriced`` tokens, whose price is not known."""
        found = self._state.get(PARTITION, self._day())
        return found.value if found else {"tokens": 0, "money": 0.0, "unpriced": 0}

    def reserve(self, estimate: Estimate) -> str:
        """Take a call's worst case from the day, and return the day.

        Raises:
            OverBudget: calls are stopped, or the day has not enough left.
        """
        if stopped := self.stopped():
            raise OverBudget(f"the language model is switched off: {stopped.get('reason', '')}")
        day = self._day()
        self.add(day, estimate.tokens, estimate.money, within=True)
        return day

    def add(self, day: str, tokens: int, money: float | None, *, within: bool = False) -> None:
        """Add to a day's sums; with ``within`` only if they stay within the limits."""

        def change(old: Mapping[str, Any] | None) -> Mapping[str, Any]:
            sums = dict(old or {"tokens": 0, "money": 0.0, "unpriced": 0})
            sums["tokens"] += tokens
            sums["money"] += money or 0.0
            sums["unpriced"] += tokens if money is None else 0
            if within:
                _check(sums["tokens"], self.limits.tokens_per_day, "tokens a day")
                _check(sums["money"], self.limits.money_per_day, "US dollars a day")
            return sums

        self._state.update(PARTITION, day, change, expires=self._now() + _KEPT)

    def _day(self) -> str:
        return f"{self._now().astimezone(UTC):%Y-%m-%d}"


class Spending:
    """What one question has cost: the provider's own counts, and money where every price is known."""

    def __init__(self, budget: Budget, model: str) -> None:
        self._budget, self._model = budget, model
        self.input_tokens = self.output_tokens = self.calls = 0
        self.money: float | None = 0.0
        self._first: Estimate | None = None
        self._reserved: tuple[str, Estimate] | None = None

    def estimate(self, prompt: Prompt, schema_text: str = "") -> Estimate:
        """The worst case of a call: three bytes to a token, which few texts reach, and the longest answer."""
        read = math.ceil(sum(len(each.encode()) for each in (prompt.system, prompt.user, schema_text)) / 3)
        return Estimate(read, prompt.max_tokens, self._price(self._model, read, prompt.max_tokens))

    def reserve(self, estimate: Estimate) -> None:
        """Before a call.

        Raises:
            OverBudget: the question or the day has not enough left.
        """
        limits, spent = self._budget.limits, self.input_tokens + self.output_tokens
        _check(spent + estimate.tokens, limits.tokens_per_question, "tokens a question")
        _check((self.money or 0.0) + (estimate.money or 0.0), limits.money_per_question, "US dollars a question")
        self._reserved = (self._budget.reserve(estimate), estimate)
        self._first = self._first or estimate

    def settle(self, model: str, input_tokens: int, output_tokens: int) -> None:
        """After it: what it really took. Where the provider counts nothing, the reserved worst case stands."""
        if self._reserved is None:
            return
        (day, estimate), self._reserved = self._reserved, None
        if not input_tokens and not output_tokens:
            input_tokens, output_tokens = estimate.input_tokens, estimate.output_tokens
        money = self._price(model, input_tokens, output_tokens)
        if money is None:
            money = self._price(self._model, input_tokens, output_tokens)
        self._budget.add(day, -estimate.tokens, None if estimate.money is None else -estimate.money)
        self._budget.add(day, input_tokens + output_tokens, money)
        self._count(input_tokens, output_tokens, money)

    def release(self) -> None:
        """After a call that was refused before the model read anything."""
        if self._reserved is not None:
            (day, estimate), self._reserved = self._reserved, None
            self._budget.add(day, -estimate.tokens, None if estimate.money is None else -estimate.money)

    @property
    def usage(self) -> Usage | None:
        """What it took so far; ``None`` before the first call."""
        if self._first is None:
            return None
        spent = (self.calls, self.input_tokens, self.output_tokens, self.money)
        return Usage(*spent, self._first.tokens, self._first.money)

    def _count(self, read: int, written: int, money: float | None) -> None:
        self.calls += 1
        self.input_tokens += read
        self.output_tokens += written
        self.money = None if money is None or self.money is None else self.money + money

    def _price(self, model: str, read: int, written: int) -> float | None:
        price = self._budget.prices.of(model)
        return price.of(read, written) if price else None


def _check(wanted: float, limit: float | None, what: str) -> None:
    if limit is not None and wanted > limit:
        raise OverBudget(f"the language model may cost {limit:,} {what} at most")
