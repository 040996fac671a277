"""Keys in a file that is looked at again and again, so that keys change without a restart."""

import asyncio
import logging
from pathlib import Path

from gateway.keys import KeyRing

LOOK_SECONDS = 2.0

_LOG = logging.getLogger(__name__)


async def follow(path: Path, ring: KeyRing, *, every_seconds: float = LOOK_SECONDS) -> None:
    """Puts the keys of the file into the ring whenever they change, until cancelled.

    A file that is gone, malformed or without keys changes nothing: a slip must neither lock everybody out nor let
    everybody in.
    """
    seen = None
    while True:
        try:
            text = await asyncio.to_thread(path.read_text, "utf-8")
            if text != seen:
                _take_over(text, ring)
            seen = text
        except (OSError, ValueError) as error:
            _LOG.error("the file of keys cannot be used; the old keys stay", extra={"error": str(error)})
        await asyncio.sleep(every_seconds)


def _take_over(text: str, ring: KeyRing) -> None:
    found = KeyRing.parse(text)
    if found.is_open and not ring.is_open:
        raise ValueError("expected at least one key, got none")
    if found.names != ring.names:
        _LOG.info("keys changed", extra={"keys": found.names})
    ring.become(found)
