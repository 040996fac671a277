"""What the page of the documentation is made of."""

from collections.abc import AsyncIterator
from hashlib import sha256
from importlib.resources import files

import httpx
import pytest

from tests.support.services import nothing, ready
from vigie.documentation import NAMES, PACKAGE, SCRIPT, SIGN, STYLE
from vigie.web import service_app

# Of `npm pack swagger-ui-dist@5.34.0`. For another version compare again: people type keys where these run.
PUBLISHED = {
    SCRIPT: "3f6abf70480db7e07914df4c98a77385f22ea585eaf457a3e6415ba0eae2d167",
    STYLE: "c3cfe8248c4b0b89673600fb829924eafbac6de4bc4b2b06f5f5243483074d0a",
    SIGN: "3ed612f41e050ca5e7000cad6f1cbe7e7da39f65fca99c02e99e6591056e5837",
}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(service_app("test", lifespan=nothing, readiness=ready))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as found:
        yield found


@pytest.mark.parametrize("name", NAMES)
def test_each_file_is_the_one_that_the_authors_of_swagger_ui_published(name: str) -> None:
    assert sha256(files(PACKAGE).joinpath(name).read_bytes()).hexdigest() == PUBLISHED[name]


async def test_the_page_names_nothing_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert "://" not in page.text
    for name, kind in zip(NAMES, ("text/javascript", "text/css", "image/png"), strict=True):
        assert f'"docs/{name}"' in page.text
        assert (await client.get(f"/docs/{name}")).headers["content-type"].partition(";")[0] == kind


@pytest.mark.parametrize("path", ["/docs/__init__.py", "/docs/..%2f__init__.py", "/docs/", "/redoc"])
async def test_nothing_else_is_served_there(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_the_page_is_not_in_what_it_shows(client: httpx.AsyncClient) -> None:
    assert set((await client.get("/openapi.json")).json()["paths"]) == {"/healthz", "/readyz", "/metrics"}
