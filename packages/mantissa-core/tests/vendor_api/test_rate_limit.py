from __future__ import annotations

import httpx
import pytest
from mantissa_core.vendor_api import Budget, RateLimit
from mantissa_core.vendor_api.budget import forget_shared, shared

DATE = {"Date": "Tue, 04 Mar 2025 09:00:00 GMT"}
NOW = 1_741_078_800


@pytest.mark.parametrize(
    ("limit", "headers", "seconds"),
    [
        (RateLimit(), {"Retry-After": "7"}, 7),
        (RateLimit(), {"Retry-After": "0"}, 1),
        (RateLimit(), {"Retry-After": "Tue, 04 Mar 2025 09:00:30 GMT"}, 30),
        (RateLimit(), {"X-RateLimit-Reset": str(NOW + 20)}, 20),
        (RateLimit(), {"X-RateLimit-Reset": str(NOW - 20)}, 1),
        (RateLimit(), {"X-RateLimit-Reset": "9" * 400}, None),
        (RateLimit(), {"X-RateLimit-Reset": "soon"}, None),
        (RateLimit(), {"X-RateLimit-Reset": "nan"}, None),
        (RateLimit(), {}, None),
        (RateLimit(reset="RateLimit-Reset", reading="delta"), {"RateLimit-Reset": "50"}, 50),
        (RateLimit(reading="delta"), {"X-RateLimit-Reset": str(NOW)}, 3600),
        (RateLimit(reading="epoch_ms"), {"X-RateLimit-Reset": str((NOW + 20) * 1000)}, 20),
    ],
    ids=str,
)
def test_a_wait_goes_by_the_servers_clock(limit: RateLimit, headers: dict[str, str], seconds: float | None) -> None:
    assert limit.wait(httpx.Headers({**DATE, **headers})) == seconds


@pytest.mark.parametrize(
    ("text", "reserve", "used_up"),
    [("0", 0, True), ("1", 0, False), ("5", 5, True), ("6", 5, False), ("", 0, False), ("none", 0, False)],
)
def test_a_limit_is_used_up_when_only_the_reserve_is_left(text: str, reserve: int, used_up: bool) -> None:
    assert RateLimit(reserve=reserve).used_up(httpx.Headers({"X-RateLimit-Remaining": text})) is used_up


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_budget_gives_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    budget = Budget(per_minute=6, burst=2, clock=clock)
    assert [budget.take(), budget.take()] == [0, 0]
    assert budget.take() == pytest.approx(10)
    clock.now += 9
    assert budget.take() == pytest.approx(1)
    clock.now += 1.001
    assert budget.take() == 0
    clock.now += 3600
    assert [budget.take(), budget.take()] == [0, 0]
    assert budget.take() > 0


def test_a_paused_budget_gives_nothing_until_the_pause_is_over() -> None:
    clock = Clock()
    budget = Budget(per_minute=6000, burst=10, clock=clock)
    budget.pause(30)
    budget.pause(10)
    assert budget.take() == pytest.approx(30)
    clock.now += 30
    assert budget.take() == 0


def test_who_shares_a_credential_shares_its_budget_and_the_stricter_rate() -> None:
    one, other = shared("key-of-this-test", 60, 10), shared("key-of-this-test", 6, 1)
    assert one is other
    assert one.take() == 0
    assert 0 < one.take() <= 10
    assert shared("another-key-of-this-test", 6).take() == 0
    forget_shared()
    assert shared("key-of-this-test", 60) is not one


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_budget_of_nothing_is_refused(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="budget"):
        Budget(rate, burst)
