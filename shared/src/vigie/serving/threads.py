"""The threads that compute: one, or as many as batches are computed at a time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

ArgumentsT = ParamSpec("ArgumentsT")
ResultT = TypeVar("ResultT")


class ComputeThreads:
    """Runs at most `count` functions at a time, in the order they came; a context manager, used from one event loop."""

    def __init__(self, count: int = 1) -> None:
        self.count = count
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="compute")
        self._given: list[Future[Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown()

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs or waits: then what the loop's own thread computes, it computes alone."""
        self._given = [future for future in self._given if not future.done()]
        return not self._given

    async def run(
        self, function: Callable[ArgumentsT, ResultT], *args: ArgumentsT.args, **options: ArgumentsT.kwargs
    ) -> ResultT:
        """What the function returns or raises. It is not interrupted when nobody waits for it any more."""
        future = self._executor.submit(function, *args, **options)
        self._given.append(future)
        return await asyncio.wrap_future(future)
