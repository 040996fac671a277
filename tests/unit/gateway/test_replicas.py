"""Which replica gets a call."""

from collections.abc import Mapping, Sequence
from typing import NoReturn

import pytest

from gateway.channel import Channel, Lost, NotHttp, Reply
from gateway.replicas import REST_SECONDS, Replicas

ONE, OTHER, THIRD = Channel("http://one"), Channel("http://other"), Channel("http://third")
DONE, EMPTY = Reply(200, {}, b""), Reply(503, {}, b"")
Outcome = Reply | Exception


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


async def asked(replicas: Replicas, outcomes: Mapping[Channel, Sequence[Outcome]]) -> tuple[Outcome, list[Channel]]:
    """What comes of it when each channel does one thing after the other, and whom it was asked of."""
    called: list[Channel] = []

    async def call(channel: Channel) -> Reply:
        outcome = outcomes[channel][called.count(channel)]
        called.append(channel)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    try:
        return await replicas.ask(call), called
    except (OSError, NotHttp) as error:
        return error, called


@pytest.mark.parametrize("trouble", [EMPTY, ConnectionError(), Lost(), NotHttp()])
async def test_whoever_cannot_answer_is_passed_over_and_rests(trouble: Outcome) -> None:
    replicas = Replicas([ONE, OTHER, THIRD], Clock())
    outcomes: dict[Channel, list[Outcome]] = {ONE: [trouble], OTHER: [trouble], THIRD: [DONE, DONE]}
    assert await asked(replicas, outcomes) == (DONE, [ONE, OTHER, THIRD])
    assert await asked(replicas, outcomes) == (DONE, [THIRD])


@pytest.mark.parametrize("trouble", [EMPTY, NotHttp()])
async def test_where_nobody_can_the_last_one_says_why(trouble: Outcome) -> None:
    replicas = Replicas([ONE, OTHER], Clock())
    assert await asked(replicas, {ONE: [trouble], OTHER: [trouble]}) == (trouble, [ONE, OTHER])


async def test_time_that_is_over_is_over_for_all() -> None:
    late = TimeoutError()
    assert await asked(Replicas([ONE, OTHER], Clock()), {ONE: [late], OTHER: [DONE]}) == (late, [ONE])


async def test_the_only_one_is_asked_again_after_its_connection_was_lost_and_after_nothing_else() -> None:
    refused = ConnectionRefusedError()
    for first, then, calls in ((Lost(), DONE, 2), (EMPTY, EMPTY, 1), (refused, refused, 1)):
        assert await asked(Replicas([ONE], Clock()), {ONE: [first, DONE]}) == (then, [ONE] * calls)
