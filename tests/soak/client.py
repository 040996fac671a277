"""A client as one should be: comes back when told to, knocks again when nobody opens, remembers what it saw."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

import httpx

from tests.soak.tally import Tally

PATIENCE_SECONDS = 90.0
KNOCK_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
TIMEOUT_SECONDS = 30.0


class Client:
    """Asks the gateway at `url`. `away` says whether the gateway may be missing right now."""

    def __init__(self, url: str, tally: Tally, away: Callable[[], bool], connections: int) -> None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._http = httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS, limits=limits)
        self._tally = tally
        self._away = away

    async def close(self) -> None:
        """Hangs up."""
        await self._http.aclose()

    async def post(self, path: str, body: dict[str, Any]) -> tuple[httpx.Response, int] | None:
        """The answer, and how many times it was asked for; null for a request that failed, which is then counted."""
        self._tally.requests[path] += 1
        seen: set[str | int] = set()
        asked, deadline = 0, monotonic() + PATIENCE_SECONDS
        while monotonic() < deadline:
            asked += 1
            try:
                reply = await self._http.post(path, json=body)
            except httpx.TransportError as error:
                if not self._excuse(error, seen):
                    self._fail(f"{path}: {type(error).__name__} while the gateway ran: {error}")
                    return None
                await asyncio.sleep(KNOCK_SECONDS)
                continue
            if reply.is_success:
                return reply, asked
            if reply.status_code not in (429, 503) or "Retry-After" not in reply.headers:
                self._fail(f"{path}: {reply.status_code} {reply.text[:300]}")
                return None
            if reply.status_code not in seen:
                seen.add(reply.status_code)
                self._tally.stated[reply.status_code] += 1
            await asyncio.sleep(min(float(reply.headers["Retry-After"]), LONGEST_PAUSE_SECONDS))
        self._fail(f"{path}: no answer within {PATIENCE_SECONDS:.0f} s, asked {asked} times")
        return None

    def _excuse(self, error: httpx.TransportError, seen: set[str | int]) -> bool:
        """Counts a connection that the end of the gateway explains; false for any other."""
        if isinstance(error, httpx.TimeoutException) or not self._away():
            return False
        kind = "refused" if isinstance(error, httpx.ConnectError) else "in_flight"
        if kind not in seen:
            seen.add(kind)
            setattr(self._tally, kind, getattr(self._tally, kind) + 1)
        return True

    def _fail(self, what: str) -> None:
        self._tally.failures.append(what)
