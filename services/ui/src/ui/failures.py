"""Gradio's errors in the shape of all others."""

import json

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.routing import Mount

from vigie.web import ERRORS, as_vigie_error, error_response


def answer_alike(app: FastAPI) -> None:
    """Takes over the errors of the Gradio applications that are mounted there."""
    mounted = [route.app for route in app.routes if isinstance(route, Mount)]
    for inner in mounted:
        if isinstance(inner, FastAPI):
            for kind in ERRORS:
                inner.add_exception_handler(kind, _on_error)


async def _on_error(_: Request, error: Exception) -> Response:
    """The error; for what Gradio itself says also `detail`, which its page reads."""
    answer = error_response(as_vigie_error(error))
    if isinstance(error, HTTPException) and answer.status_code == error.status_code:
        content = json.dumps({**json.loads(bytes(answer.body)), "detail": error.detail})
        return Response(content, error.status_code, error.headers, "application/json")
    return answer
