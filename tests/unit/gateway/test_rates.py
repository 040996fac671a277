"""How often a key may ask."""

from itertools import repeat

import pytest

from gateway.rates import Rates
from vigie.errors import RateLimited


class Clock:
    """Time that the test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def taken(rates: Rates, name: str, tries: int) -> int:
    """How many of so many requests are let in."""
    count = 0
    for _ in repeat(None, tries):
        try:
            rates.take(name)
        except RateLimited:
            continue
        count += 1
    return count


def test_a_burst_of_two_seconds_is_let_in_then_the_rate() -> None:
    clock = Clock()
    rates = Rates(10, clock)
    assert taken(rates, "web", 100) == 20
    clock.now += 0.5
    assert taken(rates, "web", 100) == 5
    clock.now += 3600
    assert taken(rates, "web", 100) == 20


def test_one_key_takes_nothing_from_another() -> None:
    rates = Rates(1, Clock())
    assert taken(rates, "web", 100) == 2
    assert taken(rates, "ops", 100) == 2


def test_the_refusal_says_when_there_is_room_again() -> None:
    clock = Clock()
    rates = Rates(0.5, clock)
    rates.take("web")
    with pytest.raises(RateLimited, match=r"at most 0.5 requests per second from the key 'web'") as refused:
        rates.take("web")
    assert refused.value.retry_after == pytest.approx(2.0)
    clock.now += 2.0
    rates.take("web")


def test_no_limit_lets_everything_in() -> None:
    assert taken(Rates(0, Clock()), "web", 1000) == 1000
