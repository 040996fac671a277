"""A service whose answers take all of its time: `python -m tests.support.crowded PORT`."""

import sys
from time import perf_counter

from tests.support.services import nothing, ready
from vigie.schemas import Health
from vigie.server import serve
from vigie.settings import ServiceSettings
from vigie.web import service_app

BUSY_SECONDS = 0.002


def main() -> None:
    """Serves until it is stopped."""
    app = service_app("crowded", lifespan=nothing, readiness=ready)

    @app.get("/busy")
    async def busy() -> Health:
        until = perf_counter() + BUSY_SECONDS
        while perf_counter() < until:
            pass
        return Health()

    serve(app, ServiceSettings.read(), service="crowded", port=int(sys.argv[1]))


if __name__ == "__main__":
    main()
