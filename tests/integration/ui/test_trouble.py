"""The page when its gateway ends, and behind a proxy that takes a prefix off."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.integration.ui.keys import PAGE_KEY
from tests.support.browser import CUT_OFF, Visit, visit
from tests.support.pages import lone_page
from tests.support.peers import Peer
from tests.support.servers import wait_for
from tests.support.system import LocalSystem

PREFIX = "/vigie"
GONE = {"connection", "keep-alive", "transfer-encoding", "host"}

pytestmark = pytest.mark.timeout(300)


def test_a_gateway_that_ends_is_told_and_nothing_typed_is_lost(english: Visit, system: LocalSystem) -> None:
    page, typed = english.page, "late again and nobody cares"
    page.locator("#tweets textarea").fill(typed)
    with system.without("gateway"):
        page.locator("#predict").click()
        expect(page.locator("#predict-notice")).to_contain_text("The gateway does not answer")
        expect(page.locator("#status")).to_contain_text("What you typed is kept")
    wait_for(system.complete, what="a new gateway")
    expect(page.locator("#status .notice")).to_have_count(0)
    expect(page.locator("#tweets textarea")).to_have_value(typed)
    page.locator("#predict").click()
    expect(page.locator(".tweet .answer")).to_have_count(1)


def test_the_live_tab_says_that_it_is_cut_off_and_goes_on_by_itself(english: Visit, system: LocalSystem) -> None:
    page = english.page
    english.tab("Live")
    expect(page.locator("#live-view .figures")).to_be_visible()
    with system.without("gateway"):
        expect(page.locator("#live-notice")).to_contain_text("The gateway does not answer")
        expect(page.locator("#live-view .figures")).to_be_visible()
    wait_for(system.complete, what="a new gateway")
    expect(page.locator("#live-notice .notice")).to_have_count(0)


def test_an_open_page_whose_server_is_started_anew_loads_itself_again_with_what_was_typed(
    browser: Browser, system: LocalSystem, tmp_path: Path
) -> None:
    told = {"GATEWAY_URL": system.url, "GATEWAY_API_KEY": PAGE_KEY["X-API-Key"], "UI_REFRESH_SECONDS": "1"}
    with lone_page(tmp_path, **told) as served, visit(browser, f"http://127.0.0.1:{served.port}/en/") as seen:
        page = seen.page
        page.locator("#tweets textarea").fill("late again")
        page.locator("#predict").click()
        expect(page.locator(".tweet .answer")).to_have_count(1)
        served.stop()
        served.start(seconds=240)
        expect(page.locator("#restarted")).to_contain_text("What you typed is kept")
        expect(page.locator("#tweets textarea")).to_have_value("late again")
        seen.picture("restarted")
        page.locator("#predict").click()
        expect(page.locator(".tweet .answer")).to_have_count(1)
        page.get_by_role("button", name="Right").click()
        expect(page.locator(".tweet .vote")).to_contain_text("the prediction is right")
        page.reload()
        expect(page.locator("#family input:checked")).to_have_count(1)
        expect(page.locator("#restarted")).to_have_count(0)


class PrefixProxy:
    """Passes on what is below the prefix, which it may take off; everything else is 404."""

    def __init__(self, upstream: str, *, strips: bool) -> None:
        self._http = httpx.AsyncClient(base_url=upstream, timeout=60)
        self._kept = "" if strips else PREFIX

    async def pass_on(self, request: Request) -> Response:
        """The answer of the page, streamed."""
        headers = {name: value for name, value in request.headers.items() if name not in GONE}
        headers |= {"X-Forwarded-Host": request.headers["host"], "X-Forwarded-Proto": "http"}
        path = f"{self._kept}/{request.path_params['path']}?{request.url.query}"
        asked = self._http.build_request(request.method, path, headers=headers, content=await request.body())
        reply = await self._http.send(asked, stream=True)
        kept = {name: value for name, value in reply.headers.items() if name not in GONE}
        return StreamingResponse(reply.aiter_raw(), reply.status_code, kept, background=BackgroundTask(reply.aclose))

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Hangs up at the end."""
        yield
        await self._http.aclose()

    def app(self) -> Starlette:
        """As an application."""
        route = Route(PREFIX + "/{path:path}", self.pass_on, methods=["GET", "POST", "HEAD"])
        return Starlette(routes=[route], lifespan=self.lifespan)


@pytest.fixture(params=[True, False], ids=["taken-off", "left"])
def prefixed(request: pytest.FixtureRequest, system: LocalSystem, tmp_path: Path) -> Iterator[str]:
    """The address of the page behind a proxy."""
    told = {"UI_ROOT_PATH": PREFIX, "GATEWAY_URL": system.url, "UI_REFRESH_SECONDS": "1"}
    told |= {"GATEWAY_API_KEY": PAGE_KEY["X-API-Key"], "UI_FRAMED_BY": "https://example.org"}
    with lone_page(tmp_path, **told) as page:
        proxied = PrefixProxy(f"http://127.0.0.1:{page.port}", strips=request.param)
        with Peer(proxied.app(), lifespan="on") as proxy:
            yield f"{proxy.url}{PREFIX}/"


def test_behind_a_path_prefix_everything_stays_below_it(browser: Browser, prefixed: str) -> None:
    with visit(browser, prefixed) as seen:
        page = seen.page
        expect(page).to_have_url(f"{prefixed}fr/")
        page.locator("#tweets textarea").fill("late again")
        page.locator("#predict").click()
        expect(page.locator(".tweet .answer")).to_have_count(1)
        guessed = f"{prefixed.removesuffix(f'{PREFIX}/')}/favicon.ico"  # by the browser, before the page names its own
        assert [each for each in seen.complaints if guessed not in each] == []
        page.get_by_role("link", name="English").click()
        expect(page).to_have_url(f"{prefixed}en/")
        expect(page.locator("#family input:checked")).to_have_count(1)
        expect(page.locator('link[rel="icon"]')).to_have_attribute("href", "../favicon.ico")
        after = [each for each in seen.complaints if guessed not in each and not each.startswith(CUT_OFF)]
        assert (after, seen.foreign) == ([], [])


def test_one_site_that_is_named_may_frame_the_page(system: LocalSystem, prefixed: str) -> None:
    framed = httpx.get(f"{prefixed}fr/", timeout=60).headers
    assert framed["content-security-policy"] == "frame-ancestors 'self' https://example.org"
    assert "x-frame-options" not in framed
    assert httpx.get(f"{system.page}/fr/", timeout=60).headers["x-frame-options"] == "DENY"
