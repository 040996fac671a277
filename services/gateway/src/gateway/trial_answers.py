"""What a version on trial says of texts, or how it failed; its failures reach no client."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from gateway.predictors import Answer, LeftAlone, Verdict
from vigie.errors import NotFound, QueueFull, VigieError

Said: TypeAlias = list[Verdict] | str | None
"""Verdicts, or how it failed, or null when it had no time or was gone."""


async def said_of(ask: Callable[[], Awaitable[Answer]]) -> Said:
    """What comes of asking it."""
    try:
        return (await ask()).verdicts()
    except (QueueFull, NotFound, LeftAlone):
        return None
    except VigieError as error:
        return f"{type(error).__name__}: {error.message}"
