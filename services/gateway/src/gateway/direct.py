"""Routes that skip FastAPI's parameter machinery, which costs more than a small model does, but keep its documentation.

An endpoint of a direct route is `async def endpoint(request, body: Schema) -> Response`, with a `response_model`. The
documentation is made from these; at run time the route checks the key, and validates the raw body with the same schema.
"""

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, get_type_hints

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from gateway.keys import Scope
from gateway.state import state_of
from vigie.connections import end_with_client
from vigie.errors import UnsupportedMediaType
from vigie.mistakes import invalid_body

_JSON = "application/json"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class DirectRoute(APIRoute):
    """A documented route that handles its requests itself; subclasses set `scope`, and whether a hang-up ends it."""

    scope: ClassVar[Scope]
    ends_with_client: ClassVar[bool] = False

    def get_route_handler(self) -> Handler:
        """FastAPI's hook: what answers a request."""
        endpoint, scope, ends = self.endpoint, self.scope, self.ends_with_client
        schema: type[BaseModel] = get_type_hints(endpoint)["body"]

        async def handle(request: Request) -> Response:
            if ends:
                end_with_client(request.scope)
            state_of(request).admit(request.headers.get("x-api-key"), scope)
            answer: Response = await endpoint(request, await read_body(request, schema))
            return answer

        return handle


class PredictRoute(DirectRoute):
    """Needs the scope `predict`."""

    scope = Scope.PREDICT
    ends_with_client = True


class FeedbackRoute(DirectRoute):
    """Needs the scope `feedback`."""

    scope = Scope.FEEDBACK


class AdminRoute(DirectRoute):
    """Needs the scope `admin`."""

    scope = Scope.ADMIN


async def read_body(request: Request, schema: type[BaseModel]) -> BaseModel:
    """The validated body; raises `UnsupportedMediaType` or `InvalidRequest`."""
    kind = request.headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    if kind != _JSON and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMediaType(f"expected Content-Type application/json, got {kind[:80]!r}")
    try:
        return schema.model_validate_json(await request.body())
    except ValidationError as error:
        raise invalid_body(error) from None
