"""Bodies read as pydantic reads JSON: nothing but UTF-8, no half of a surrogate pair, no nesting without end."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic_core import from_json

from vigie.errors import InvalidRequest


class JsonRoute(APIRoute):
    """A route like any other; Python's own parser takes texts that neither a store nor an answer can hold."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's hook: what answers a request."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return answer


class _StrictRequest(Request):
    async def json(self) -> Any:
        try:
            return from_json(await self.body())
        except ValueError as error:
            raise InvalidRequest(f"Invalid JSON: {error}", code="malformed_json") from None
