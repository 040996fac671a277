"""The page below a path of a proxy's, whether or not the proxy takes that prefix off."""

from starlette.types import ASGIApp, Receive, Scope, Send


class BelowPrefix:
    """Tells the application its prefix as ASGI defines it: `root_path`, which `path` starts with."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            path = scope["path"]
            whole = path if path.startswith(f"{self._prefix}/") else self._prefix + path
            scope = {**scope, "root_path": self._prefix, "path": whole}
        await self._app(scope, receive, send)
