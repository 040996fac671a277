"""Which replica gets a call, and how much of the time."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from gateway.channel import Channel, Lost, NotHttp, Reply
from gateway.replicas import ATTEMPT_SHARE, REST_SECONDS, Replicas
from vigie.errors import DeadlineExceeded

ONE, OTHER, THIRD = Channel("http://one"), Channel("http://other"), Channel("http://third")
DONE, EMPTY, LATE = Reply(200, {}, b""), Reply(503, {}, b""), Reply(504, {}, b"")
SILENCE, UNFAIR = TimeoutError(), DeadlineExceeded("it had little time")
SECONDS = 10.0
Outcome = Reply | Exception


class Clock:
    """Stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def busy(replicas: Replicas) -> AsyncIterator[Channel]:
    """Whom a call was made of that lasts as long as the block."""
    called: asyncio.Queue[Channel] = asyncio.Queue()
    over = asyncio.Event()

    async def call(channel: Channel, _: float) -> Reply:
        called.put_nowait(channel)
        await over.wait()
        return DONE

    lasting = asyncio.create_task(replicas.ask(call, SECONDS))
    yield await called.get()
    over.set()
    await lasting


async def asked(
    replicas: Replicas,
    outcomes: Mapping[Channel, Sequence[Outcome]],
    clock: Clock | None = None,
    seconds: float = SECONDS,
) -> tuple[Outcome, list[Channel]]:
    """What comes of it when each channel does one thing after the other, and whom it was asked of.

    Who is silent takes all the time that it has.
    """
    clock = clock or Clock()
    called: list[Channel] = []

    async def call(channel: Channel, until: float) -> Reply:
        outcome = outcomes[channel][called.count(channel)]
        called.append(channel)
        if outcome in (SILENCE, UNFAIR):
            clock.now = until
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    try:
        return await replicas.ask(call, clock.now + seconds), called
    except (OSError, NotHttp, DeadlineExceeded) as error:
        return error, called


async def test_a_call_goes_to_the_replica_that_has_the_fewest() -> None:
    replicas = Replicas([ONE, OTHER], Clock())
    async with busy(replicas) as first, busy(replicas) as second:
        assert {first, second} == {ONE, OTHER}
        async with busy(replicas) as third, busy(replicas) as fourth:
            assert {third, fourth} == {ONE, OTHER}
    async with busy(replicas) as again:
        assert again == ONE


@pytest.mark.parametrize("trouble", [EMPTY, ConnectionError(), Lost(), NotHttp()])
async def test_whoever_cannot_answer_is_passed_over_and_rests(trouble: Outcome) -> None:
    clock = Clock()
    replicas = Replicas([ONE, OTHER, THIRD], clock)
    outcomes: dict[Channel, list[Outcome]] = {ONE: [trouble], OTHER: [trouble], THIRD: [DONE, DONE]}
    assert await asked(replicas, outcomes, clock) == (DONE, [ONE, OTHER, THIRD])
    assert await asked(replicas, outcomes, clock) == (DONE, [THIRD])
    assert clock.now < SECONDS


async def test_who_failed_is_tried_again_after_its_rest_when_the_other_is_busy_and_first_when_that_one_fails() -> None:
    clock = Clock()
    replicas = Replicas([ONE, OTHER], clock)
    await asked(replicas, {ONE: [SILENCE], OTHER: [DONE]}, clock)
    clock.now += REST_SECONDS
    assert await asked(replicas, {OTHER: [DONE]}, clock) == (DONE, [OTHER])
    assert await asked(replicas, {ONE: [DONE], OTHER: [ConnectionError()]}, clock) == (DONE, [OTHER, ONE])
    assert await asked(replicas, {ONE: [DONE]}, clock) == (DONE, [ONE])


async def test_rests_begin_with_the_failure_and_double_up_to_a_bound_and_an_answer_ends_that() -> None:
    clock = Clock()
    replicas = Replicas([OTHER, ONE], clock)
    async with busy(replicas):
        for seconds in (2, 4, 8, 15, 15):
            assert await asked(replicas, {ONE: [SILENCE], OTHER: [DONE]}, clock) == (DONE, [ONE, OTHER])
            clock.now += seconds - 0.1
            assert await asked(replicas, {OTHER: [DONE]}, clock) == (DONE, [OTHER])
            clock.now += 0.2
        assert await asked(replicas, {ONE: [DONE]}, clock) == (DONE, [ONE])
        await asked(replicas, {ONE: [SILENCE], OTHER: [DONE]}, clock)
        clock.now += REST_SECONDS
        assert await asked(replicas, {ONE: [DONE]}, clock) == (DONE, [ONE])


async def test_calls_that_were_under_way_when_a_rest_began_make_it_no_longer_than_from_their_end() -> None:
    clock, begun, over = Clock(), asyncio.Event(), asyncio.Event()
    replicas = Replicas([ONE, OTHER], clock)

    async def call(channel: Channel, _: float) -> Reply:
        begun.set()
        await over.wait()
        if channel == ONE:
            raise ConnectionError
        return DONE

    calls = [asyncio.create_task(replicas.ask(call, SECONDS)) for _ in range(6)]
    await begun.wait()
    over.set()
    assert await asyncio.gather(*calls) == [DONE] * 6
    clock.now += REST_SECONDS
    async with busy(replicas) as first, busy(replicas) as second:
        assert [first, second] == [OTHER, ONE]


async def test_when_all_rest_the_one_whose_rest_is_over_first_is_called_first() -> None:
    clock = Clock()
    replicas = Replicas([OTHER, ONE], clock)
    async with busy(replicas):
        assert await asked(replicas, {ONE: [EMPTY], OTHER: [DONE]}, clock) == (DONE, [ONE, OTHER])
    assert await asked(replicas, {OTHER: [SILENCE]}, clock, seconds=REST_SECONDS / 2) == (SILENCE, [OTHER])
    assert await asked(replicas, {ONE: [EMPTY], OTHER: [DONE]}, clock) == (DONE, [ONE, OTHER])


@pytest.mark.parametrize("trouble", [EMPTY, NotHttp()])
async def test_where_nobody_can_the_last_one_says_why(trouble: Outcome) -> None:
    replicas = Replicas([ONE, OTHER], Clock())
    assert await asked(replicas, {ONE: [trouble], OTHER: [trouble]}) == (trouble, [ONE, OTHER])


@pytest.mark.parametrize(("silence", "rests"), [(SILENCE, True), (UNFAIR, False), (LATE, False)])
async def test_who_says_nothing_in_its_share_of_the_time_leaves_the_rest_to_the_next(
    silence: Outcome, rests: bool
) -> None:
    clock = Clock()
    replicas = Replicas([ONE, OTHER], clock)
    assert await asked(replicas, {ONE: [silence], OTHER: [DONE]}, clock) == (DONE, [ONE, OTHER])
    assert clock.now == (0 if silence is LATE else ATTEMPT_SHARE * SECONDS)
    assert (await asked(replicas, {ONE: [DONE], OTHER: [DONE]}, clock))[1] == [OTHER if rests else ONE]


async def test_silence_in_what_another_left_of_the_time_says_nothing() -> None:
    clock, seconds = Clock(), REST_SECONDS / 2
    replicas = Replicas([ONE, OTHER], clock)
    assert await asked(replicas, {ONE: [SILENCE], OTHER: [SILENCE]}, clock, seconds=seconds) == (SILENCE, [ONE, OTHER])
    assert await asked(replicas, {OTHER: [SILENCE]}, clock, seconds=seconds) == (SILENCE, [OTHER])
    assert clock.now == 2 * seconds, "the second time it had all of it"


async def test_the_only_one_that_is_awake_has_all_the_time_and_none_is_left_for_who_rests() -> None:
    clock = Clock()
    replicas = Replicas([ONE, OTHER], clock)
    await asked(replicas, {ONE: [ConnectionError()], OTHER: [DONE]}, clock)
    assert await asked(replicas, {OTHER: [SILENCE]}, clock) == (SILENCE, [OTHER])
    assert clock.now == SECONDS


async def test_silence_of_all_is_silence_at_the_end_of_the_time() -> None:
    clock = Clock()
    assert await asked(Replicas([ONE, OTHER], clock), {ONE: [SILENCE], OTHER: [SILENCE]}, clock) == (
        SILENCE,
        [ONE, OTHER],
    )
    assert clock.now == SECONDS


async def test_the_only_one_is_asked_again_after_its_connection_was_lost_and_after_nothing_else() -> None:
    refused = ConnectionRefusedError()
    for first, then, calls in ((Lost(), DONE, 2), (EMPTY, EMPTY, 1), (refused, refused, 1)):
        assert await asked(Replicas([ONE], Clock()), {ONE: [first, DONE]}) == (then, [ONE] * calls)
