"""Bodies read as pydantic reads JSON: nothing but UTF-8, no half of a surrogate pair, no nesting without end."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic_core import from_json

from vigie.errors import InvalidRequest

FIELDS_LIMIT = 100


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
            body = from_json(await self.body())
        except ValueError as error:
            raise InvalidRequest(f"Invalid JSON: {error}", code="malformed_json") from None
        if isinstance(body, dict) and len(body) > FIELDS_LIMIT:  # each would be an error of its own
            raise InvalidRequest(f"body: expected at most {FIELDS_LIMIT} fields, got {len(body)}")
        return body
