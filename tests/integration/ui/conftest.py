"""A system with keys and a browser, for the tests of the page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.integration.ui.keys import ADMIN_KEY, PAGE_KEY, entry
from tests.support.browser import WIDTHS, Visit, chromium, visit
from tests.support.system import LocalSystem


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium; it must be gone before a test with an event loop of its own runs."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSystem]:
    """The system as `make run` starts it, with keys, and an alert for every three votes."""
    running = LocalSystem(
        tmp_path_factory.mktemp("page") / "var",
        UI_REFRESH_SECONDS="1",
        GATEWAY_API_KEY=PAGE_KEY["X-API-Key"],
        GATEWAY_API_KEYS=f"{entry('page', PAGE_KEY, 'predict+feedback')},{entry('ops', ADMIN_KEY, 'admin')}",
        ALERT_COOLDOWN_SECONDS="0",
    )
    try:
        running.start(240)
        yield running
    finally:
        running.stop()


@pytest.fixture(params=list(WIDTHS))
def english(request: pytest.FixtureRequest, browser: Browser, system: LocalSystem) -> Iterator[Visit]:
    """The English page at each width."""
    with visit(browser, f"{system.page}/en/", request.param) as seen:
        yield seen
