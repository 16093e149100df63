"""What a language model may cost, and what is kept of what it did cost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from mantissa_core.ask.model import Budget, Limits, OverBudget, Price, Prices
from mantissa_core.config import load
from mantissa_core.errors import ConfigError
from mantissa_core.model import Prompt
from mantissa_core.parts import Parts
from mantissa_core.state import State
from mantissa_core.state.sqlite import SQLite

PROMPT = Prompt("a" * 300, max_tokens=100)
PRICES = Prices(date(2026, 11, 21), {"known": Price(10.0, 100.0)})
UNBOUND = Limits(None, None, None, None)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 23, 59, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Callable[[Limits], Budget]:
    state = State(SQLite(SQLite.Config(path=tmp_path / "state.db")))
    return lambda limits: Budget(limits, PRICES, state, clock)


def test_the_estimate_is_no_less_than_what_a_call_can_take(make: Callable[[Limits], Budget]) -> None:
    estimate = make(UNBOUND).question("known").estimate(PROMPT, "s" * 30)
    assert (estimate.input_tokens, estimate.output_tokens) == (110, 100)
    assert estimate.money == pytest.approx((110 * 10 + 100 * 100) / 1e6)
    assert make(UNBOUND).question("unheard of").estimate(PROMPT).money is None


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(tokens_per_question=199), "199 tokens a question"),
        (Limits(money_per_question=0.001), "0.001 US dollars a question"),
        (Limits(tokens_per_day=199), "199 tokens a day"),
        (Limits(money_per_day=0.001), "0.001 US dollars a day"),
    ],
)
def test_a_call_beyond_a_limit_is_not_made(make: Callable[[Limits], Budget], limits: Limits, said: str) -> None:
    budget = make(limits)
    spending = budget.question("known")
    with pytest.raises(OverBudget, match=said):
        spending.reserve(spending.estimate(PROMPT))
    assert budget.today()["tokens"] == 0


def test_the_real_counts_replace_the_reserved_ones(make: Callable[[Limits], Budget]) -> None:
    budget = make(Limits(tokens_per_day=450))
    spending = budget.question("known")
    spending.reserve(spending.estimate(PROMPT))
    assert budget.today()["tokens"] == 200
    spending.settle("known", 30, 5)
    assert budget.today() == {"tokens": 35, "money": pytest.approx(0.0008), "unpriced": 0}
    spending.reserve(spending.estimate(PROMPT))
    spending.release()
    assert budget.today()["tokens"] == 35
    assert (spending.calls, spending.input_tokens, spending.output_tokens) == (1, 30, 5)


def test_a_provider_that_counts_nothing_is_charged_the_estimate(make: Callable[[Limits], Budget]) -> None:
    budget = make(UNBOUND)
    spending = budget.question("known")
    spending.reserve(spending.estimate(PROMPT))
    spending.settle("known", 0, 0)
    assert (spending.input_tokens, spending.output_tokens, budget.today()["tokens"]) == (100, 100, 200)


def test_a_model_without_a_price_has_an_unknown_cost_and_counts_its_tokens(make: Callable[[Limits], Budget]) -> None:
    budget = make(Limits())
    spending = budget.question("unheard of")
    spending.reserve(spending.estimate(PROMPT))
    spending.settle("unheard of", 30, 5)
    assert spending.money is None
    assert budget.today() == {"tokens": 35, "money": 0.0, "unpriced": 35}


def test_a_new_day_begins_with_nothing_spent(make: Callable[[Limits], Budget], clock: Clock) -> None:
    budget = make(Limits(tokens_per_day=300))
    for _ in range(2):
        spending = budget.question("known")
        spending.reserve(spending.estimate(PROMPT))
        spending.settle("known", 100, 100)
        with pytest.raises(OverBudget):
            spending.reserve(spending.estimate(PROMPT))
        clock.now += timedelta(minutes=1)


def test_questions_side_by_side_do_not_overrun_the_day(make: Callable[[Limits], Budget]) -> None:
    budget = make(Limits(tokens_per_day=1_000))
    made: list[bool] = []

    def ask() -> None:
        spending = budget.question("known")
        try:
            spending.reserve(spending.estimate(PROMPT))
        except OverBudget:
            made.append(False)
        else:
            made.append(True)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (sum(made), len(made), budget.today()["tokens"]) == (5, 8, 1_000)


def test_the_switch_stops_every_call_until_it_is_turned_back(make: Callable[[Limits], Budget]) -> None:
    budget = make(UNBOUND)
    budget.stop("the invoice")
    spending = make(UNBOUND).question("known")
    with pytest.raises(OverBudget, match="the invoice"):
        spending.reserve(spending.estimate(PROMPT))
    budget.resume()
    spending.reserve(spending.estimate(PROMPT))


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("claude-sonnet-4-6", True),
        ("anthropic/claude-sonnet-4-6", True),
        ("claude-sonnet-4-5-20250929", True),
        ("bedrock/global.anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("gpt-4.1-2025-04-14", True),
        ("gpt-4.1-turbo", False),
        ("us.anthropic.claude-sonnet-4-6", False),
        ("tiny", False),
        ("", False),
    ],
)
def test_names_with_a_vendor_or_a_date_have_the_price_of_the_model(model: str, known: bool) -> None:
    assert (Prices.load().of(model) is not None) is known


def test_the_table_has_its_date_and_can_be_replaced(tmp_path: Path) -> None:
    assert Prices.load().as_of >= date(2026, 11, 21)
    own = tmp_path / "prices.yaml"
    own.write_text("as_of: 2027-01-01\nsource: our contract\nmodels:\n  tiny: [1, 2]\n")
    prices = Prices.load(own)
    assert (prices.as_of, prices.of("tiny")) == (date(2027, 1, 1), Price(1, 2))
    own.write_text("tiny: 1")
    with pytest.raises(ConfigError, match="as_of"):
        Prices.load(own)


def test_the_configuration_sets_limits_and_prices(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("as_of: 2027-01-01\nsource: ours\nmodels:\n  tiny: [1, 2]\n")
    ask = {"tokens_per_question": 10, "money_per_day": 0.5, "prices": "prices.yaml"}
    settings, home = load({"home": tmp_path, "ask": ask}, {})
    budget = Parts(settings, home).model_budget
    assert (budget.limits.tokens_per_question, budget.limits.money_per_day) == (10, 0.5)
    assert budget.prices.of("tiny") == Price(1, 2)
    spending = budget.question("tiny")
    with pytest.raises(OverBudget, match="10 tokens a question"):
        spending.reserve(spending.estimate(PROMPT))
