"""What a version on trial says of texts, or how it failed; its failures reach no client."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from gateway.predictors import Answer, LeftAlone, Verdict
from vigie.errors import NotFound, QueueFull, VigieError

Said: TypeAlias = list[Verdict] | str | None
"""Verdicts, or how it failed, or null when it had no time or was gone."""

_LOG = logging.getLogger(__name__)


async def said_of(ask: Callable[[], Awaitable[Answer]]) -> Said:
    """What comes of asking it; whatever goes wrong with an answer is a failure of the one who gave it."""
    try:
        return (await ask()).verdicts()
    except (QueueFull, NotFound, LeftAlone):
        return None
    except VigieError as error:
        return f"{type(error).__name__}: {error.message}"
    except Exception as error:  # what it sent is anybody's guess
        _LOG.exception("an answer of a version on trial could not be understood")
        return f"{type(error).__name__}: {error}"
