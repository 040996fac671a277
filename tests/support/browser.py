"""A real Chromium: pages of a phone and of a desk, what they fetched, pictures of them, what axe says of them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

from tests.architecture.sources import ROOT

SCREENSHOTS = ROOT / "screenshots"
WIDTHS = {"phone": (390, 844), "desk": (1280, 900)}
PATIENCE_MS = 60_000
CUT_OFF = ("AbortError", "Unexpected error Connection errored out.")
"""How Gradio complains of the streams that it cuts off itself when the page is left."""

Scheme = Literal["light", "dark"]

_DRAWN = """async () => {
  for (let frame = 0; frame < 5; frame++) await new Promise(requestAnimationFrame);
}"""


@dataclass
class Visit:
    """A page at one width. `foreign` are requests that left this machine, `complaints` what its console said."""

    page: Page
    width: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def hear(self, said: ConsoleMessage) -> None:
        """Keeps what is an error."""
        if said.type == "error":
            self.complaints.append(f"{said.text} {said.location['url']}")

    def fail(self, error: Error) -> None:
        """Keeps what no script caught, but for the streams that Gradio cuts off when the page is left."""
        if error.name not in CUT_OFF:
            self.complaints.append(str(error))

    def picture(self, name: str) -> None:
        """Keeps what the page looks like, from top to bottom."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.evaluate(_DRAWN)
        self.page.screenshot(path=SCREENSHOTS / f"{name}-{self.width}.png", full_page=True)

    def tab(self, name: str) -> None:
        """Opens a tab by its name, from the menu where the tabs do not fit, and waits until it is drawn for good.

        What is typed in the milliseconds before is lost: no person is that fast.
        """
        tab = self.page.get_by_role("tab", name=name, exact=True)
        if not tab.is_visible():
            self.page.locator(".overflow-menu > button").first.click()
            tab = self.page.locator(".overflow-dropdown button", has_text=name)
        tab.click()
        self.page.evaluate(_DRAWN)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's browser, without a window."""
    found = shutil.which("chromium")
    assert found, "chromium is missing: install the Debian package chromium"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def visit(
    browser: Browser, url: str, width: str = "desk", *, zone: str = "Europe/Paris", scheme: Scheme = "light"
) -> Iterator[Visit]:
    """A reader who has never been here, with a browser in English, once the page can be typed into."""
    columns, rows = WIDTHS[width]
    context = browser.new_context(
        viewport={"width": columns, "height": rows}, timezone_id=zone, locale="en-US", color_scheme=scheme
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    seen = Visit(page, width)
    page.on("request", lambda request: seen.foreign.append(request.url) if is_foreign(request.url) else None)
    page.on("response", lambda reply: seen.complaints.append(reply.url) if reply.status >= 400 else None)
    page.on("console", seen.hear)
    page.on("pageerror", seen.fail)
    page.goto(url)
    expect(page.locator("#tweets textarea")).to_be_editable()
    yield seen
    context.close()


def is_foreign(url: str) -> bool:
    """Whether that is on another machine."""
    return urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname not in ("127.0.0.1", "localhost")


def serious_findings(page: Page) -> list[str]:
    """What axe-core calls serious or critical, with the places."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{violation['impact']}: {node['html'][:160]}: {node['failureSummary']}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"][:4]
    ]
