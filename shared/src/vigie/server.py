"""Runs a service in this process: uvicorn on uvloop, with the settings that all services share."""

import gc

import uvicorn
from fastapi import FastAPI

from vigie import tracing
from vigie.connections import GuardedProtocol
from vigie.logs import configure_logging
from vigie.settings import ServiceSettings, TracedSettings

GRACE_SECONDS = 10
KEEP_ALIVE_SECONDS = 75
STARTUP_FAILURE = 3  # as `uvicorn.run` does
DOORS = 16  # uvloop lets in one client per turn and listening socket: a crowd would wait behind who is in already
GC_THRESHOLDS = (10_000, 20, 20)


def serve(app: FastAPI, settings: ServiceSettings, *, service: str, port: int) -> None:
    """Runs `app` until SIGTERM or SIGINT, which let running requests finish for up to `GRACE_SECONDS`."""
    configure_logging(service, settings.log_level)
    if isinstance(settings, TracedSettings) and settings.otel_exporter_otlp_endpoint:
        endpoint, share = settings.otel_exporter_otlp_endpoint, settings.otel_traces_sampler_arg
        tracing.start(service, endpoint=endpoint, share=share)
    gc.collect()
    gc.freeze()  # a full collection over everything imported pauses all requests for some 60 ms
    gc.set_threshold(*GC_THRESHOLDS)
    config = uvicorn.Config(
        app,
        host=settings.vigie_host,
        port=port,
        loop="uvloop",
        http=GuardedProtocol,
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server, door = uvicorn.Server(config), config.bind_socket()
    server.run([door, *(door.dup() for _ in range(1, DOORS))])
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)
    tracing.stop()
