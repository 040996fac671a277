"""HEAD wherever there is GET: the same answer without its body (RFC 9110, 9.3.2)."""

import asyncio
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send


async def answer_head(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Asks the application for GET, and leaves in the scope which route that was."""
    asked = {**scope, "method": "GET"}
    try:
        await app(asked, receive, _Bodiless(send))
    finally:
        scope["route"] = asked.get("route")


def allowing_head(headers: Mapping[str, str] | None) -> dict[str, str]:
    """The headers of an error, where `Allow` that names GET also names HEAD."""
    found = dict(headers or {})
    methods = found.get("Allow", "").split(", ")
    if "GET" in methods and "HEAD" not in methods:
        found["Allow"] += ", HEAD"
    return found


class _Bodiless:
    """Wraps `send`: the answer is over with its headers, and what else is sent goes nowhere."""

    __slots__ = ("_send",)

    def __init__(self, send: Send) -> None:
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._send(message)
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await asyncio.sleep(0)  # whoever sends without end must let others run, to hear that it is over
