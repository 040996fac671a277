"""Of Gradio's doors only those that its own page uses, and nothing through them that it would stumble over."""

import re
from collections.abc import Callable, Collection

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vigie.errors import InvalidRequest, NotFound, VigieError
from vigie.mistakes import invalid_body
from vigie.web import error_response

_UNUSED = re.compile(r"/gradio_api/(run|api|call)/")
_ASKING = "/gradio_api/queue/join"


class _Asked(BaseModel):
    """What is looked at here of what the page asks."""

    fn_index: int | None = None
    session_hash: str | None = None


class OwnPageOnly:
    """Refuses what asks past the queue, for a function that is none of `functions`, or in texts that are none.

    `seen` is told of each session that asks.
    """

    def __init__(self, app: ASGIApp, functions: Collection[int], seen: Callable[[str], None]) -> None:
        self._app = app
        self._functions = functions
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        try:
            if _UNUSED.search(path):
                raise NotFound("expected a path of the page, got one that it does not use")
            if path.endswith(_ASKING) and scope["method"] == "POST":
                receive = _again(await self._checked(Request(scope, receive)), receive)
        except VigieError as error:
            await error_response(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _checked(self, request: Request) -> bytes:
        body = await request.body()
        try:
            asked = _Asked.model_validate_json(body)
        except ValidationError as error:
            raise invalid_body(error) from None
        if asked.fn_index not in self._functions:
            raise InvalidRequest(f"fn_index: expected a function of the page, got {asked.fn_index!r}")
        if asked.session_hash is not None:
            self._seen(asked.session_hash)
        return body


def _again(body: bytes, receive: Receive) -> Receive:
    """Receives the body that was read already, then what follows it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received
