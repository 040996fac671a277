"""When a predictor is left alone, by an injected clock."""

from gateway.breaker import FAILURES_IN_A_ROW, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, CircuitBreaker


def opened(at: float = 100.0) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(FAILURES_IN_A_ROW):
        breaker.failed(at)
    return breaker


def test_a_few_failures_change_nothing() -> None:
    breaker = CircuitBreaker()
    for _ in range(FAILURES_IN_A_ROW - 1):
        breaker.failed(1.0)
    assert breaker.allows(1.0)
    breaker.succeeded()
    breaker.failed(2.0)
    assert breaker.allows(2.0), "failures count in a row"


def test_after_failures_in_a_row_calls_are_refused_for_a_pause() -> None:
    breaker = opened()
    assert not breaker.allows(100.0 + FIRST_PAUSE_SECONDS - 0.01)
    assert breaker.allows(100.0 + FIRST_PAUSE_SECONDS)


def test_calls_that_were_under_way_when_it_opened_make_the_pause_no_longer() -> None:
    breaker = opened()
    for _ in range(10):
        breaker.failed(100.5)
    assert breaker.allows(100.0 + FIRST_PAUSE_SECONDS)


def test_one_call_at_a_time_tries_it_out() -> None:
    breaker = opened()
    assert [breaker.allows(102.0) for _ in range(3)] == [True, False, False]


def test_pauses_double_up_to_a_bound_and_a_success_ends_them() -> None:
    breaker, now = opened(), 100.0
    for _ in range(10):
        now += 1000
        assert breaker.allows(now)
        breaker.failed(now)
    assert not breaker.allows(now + LONGEST_PAUSE_SECONDS - 0.01)
    assert breaker.allows(now + LONGEST_PAUSE_SECONDS)
    breaker.succeeded()
    assert not breaker.is_open
    assert [breaker.allows(now) for _ in range(3)] == [True, True, True]
