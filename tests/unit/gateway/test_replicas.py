"""Which replica gets a call."""

from typing import NoReturn

import pytest

from gateway.channel import Channel
from gateway.replicas import REST_SECONDS, Replicas

ONE, OTHER = Channel("http://one"), Channel("http://other")


class Clock:
    """Stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_call_goes_to_the_replica_that_has_the_fewest() -> None:
    replicas = Replicas([ONE, OTHER], Clock())
    with replicas.call() as first, replicas.call() as second:
        assert {first, second} == {ONE, OTHER}
        with replicas.call() as third, replicas.call() as fourth:
            assert {third, fourth} == {ONE, OTHER}
    with replicas.call() as again:
        assert again == ONE


@pytest.mark.parametrize("failure", [ConnectionError, TimeoutError])
@pytest.mark.parametrize("took", [0.0, 5.0])
def test_one_that_does_not_answer_rests_from_then_on_and_is_tried_again(took: float, failure: type[OSError]) -> None:
    clock = Clock()
    replicas = Replicas([ONE, OTHER], clock)

    def fail() -> NoReturn:
        clock.now = took
        raise failure

    with pytest.raises(failure), replicas.call():
        fail()
    clock.now = took + REST_SECONDS - 0.1
    with replicas.call() as first, replicas.call() as second:
        assert (first, second) == (OTHER, OTHER)
        clock.now = took + REST_SECONDS
        with replicas.call() as later:
            assert later == ONE


def test_when_all_rest_one_is_called_all_the_same() -> None:
    replicas = Replicas([ONE], Clock())
    for _ in range(2):
        with pytest.raises(ConnectionError), replicas.call():
            raise ConnectionError
    with replicas.call() as channel:
        assert channel == ONE
