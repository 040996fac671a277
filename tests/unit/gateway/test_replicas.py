"""Which replica gets a call."""

import pytest

from gateway.channel import Channel
from gateway.replicas import REST_SECONDS, Replicas

ONE, OTHER = Channel("http://one"), Channel("http://other")


def test_a_call_goes_to_the_replica_that_has_the_fewest() -> None:
    replicas = Replicas([ONE, OTHER])
    with replicas.call(0) as first, replicas.call(0) as second:
        assert {first, second} == {ONE, OTHER}
        with replicas.call(0) as third, replicas.call(0) as fourth:
            assert {third, fourth} == {ONE, OTHER}
    with replicas.call(0) as again:
        assert again == ONE


@pytest.mark.parametrize("failure", [ConnectionError, TimeoutError])
def test_one_that_does_not_answer_rests_and_is_tried_again(failure: type[OSError]) -> None:
    replicas = Replicas([ONE, OTHER])
    with pytest.raises(failure), replicas.call(0):
        raise failure
    with replicas.call(REST_SECONDS - 0.1) as first, replicas.call(REST_SECONDS - 0.1) as second:
        assert (first, second) == (OTHER, OTHER)
        with replicas.call(REST_SECONDS) as later:
            assert later == ONE


def test_when_all_rest_one_is_called_all_the_same() -> None:
    replicas = Replicas([ONE])
    for _ in range(2):
        with pytest.raises(ConnectionError), replicas.call(0):
            raise ConnectionError
    with replicas.call(0) as channel:
        assert channel == ONE
