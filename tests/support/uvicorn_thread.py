"""An ASGI application on a real socket, served by uvicorn in a thread."""

import logging
import threading
from io import StringIO

import uvicorn
from fastapi import FastAPI

from tests.support.servers import free_port, wait_for
from vigie.connections import GuardedProtocol


class UvicornThread:
    """Start and stop one server."""

    def __init__(self, app: FastAPI, protocol: type[GuardedProtocol] = GuardedProtocol) -> None:
        self.port = free_port()
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                port=self.port,
                lifespan="on",
                log_config=None,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=10,
                http=protocol,
            )
        )
        self._thread = threading.Thread(target=self._server.run, name="uvicorn")

    def start(self) -> str:
        """The URL, once it listens; raises `RuntimeError` with what it said when it ended instead."""
        log, said = logging.getLogger("uvicorn.error"), StringIO()
        log.addHandler(listener := logging.StreamHandler(said))
        try:
            self._thread.start()
            wait_for(lambda: self._server.started or not self._thread.is_alive(), what="uvicorn")
        finally:
            log.removeHandler(listener)
        if not self._thread.is_alive():
            raise RuntimeError(f"uvicorn on port {self.port} ended: {said.getvalue()[-3000:]}")
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """As SIGTERM does."""
        self._server.should_exit = True
        self._thread.join(20)
