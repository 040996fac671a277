"""The page at `/docs` in a browser that reaches nothing but this machine."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from gateway.app import create_app
from gateway.settings import GatewaySettings
from tests.support.browser import chromium, is_foreign
from tests.support.uvicorn_thread import UvicornThread


@pytest.fixture
def gateway() -> Iterator[str]:
    """The URL of one with nothing behind it."""
    server = UvicornThread(create_app(GatewaySettings.read(models="logreg")))
    yield server.start()
    server.stop()


def test_it_shows_and_tries_every_endpoint_without_the_internet(gateway: str) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    with chromium() as browser:
        page = browser.new_page()
        page.route(is_foreign, lambda route: route.abort())
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(f"{gateway}/docs")
        expect(page.get_by_role("heading", name="Vigie gateway")).to_be_visible()
        expect(page.locator("#operations-predictions-predict_predict_post")).to_be_visible()
        health = page.locator(".opblock", has_text="/healthz")
        health.locator(".opblock-summary-control").click()
        health.get_by_role("button", name="Try it out").click()
        health.get_by_role("button", name="Execute").click()
        expect(health.locator(".live-responses-table .response .response-col_status")).to_contain_text("200")
        page.get_by_role("button", name="Authorize").first.click()
        expect(page.get_by_role("heading", name="Available authorizations")).to_be_visible()
    assert [url for url in asked if is_foreign(url)] == []
    assert complaints == []
