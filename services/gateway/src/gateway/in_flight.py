"""Answers on their way: who asks for what somebody waits for already gets the same answer, computed once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from vigie.errors import DeadlineExceeded

AnswerT = TypeVar("AnswerT")


class InFlight(Generic[AnswerT]):
    """By key. The first who asks computes, those who come meanwhile wait for it, each until a deadline of its own."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[AnswerT | Exception | None]]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._waiting

    async def once(self, key: str, deadline: float, compute: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
        """The answer, by `compute` unless somebody else computes it already; raises what `compute` raises.

        Only the deadline and the leaving of whoever computes are its own: then the next one computes. `deadline` is a
        time of the event loop's clock; raises `DeadlineExceeded` for who waited for another's answer until then.
        """
        while (others := self._waiting.get(key)) is not None:
            outcome = await _wait(others, deadline)
            if isinstance(outcome, Exception):
                raise outcome
            if outcome is not None:
                return outcome
        followers = self._waiting[key] = []
        outcome = None
        try:
            answer = outcome = await compute()
        except DeadlineExceeded:
            raise
        except Exception as error:
            outcome = error
            raise
        finally:
            del self._waiting[key]
            for follower in followers:
                if not follower.done():
                    follower.set_result(outcome)
        return answer


async def _wait(
    others: list["asyncio.Future[AnswerT | Exception | None]"], deadline: float
) -> AnswerT | Exception | None:
    """What came of it; null when the one who computed gave up."""
    outcome: asyncio.Future[AnswerT | Exception | None] = asyncio.get_running_loop().create_future()
    others.append(outcome)
    try:
        async with asyncio.timeout_at(deadline):
            return await outcome
    except TimeoutError:
        raise DeadlineExceeded("the deadline passed before an answer was there") from None
