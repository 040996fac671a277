"""The page in a browser: how soon something is to be seen, and how long a file of ten thousand tweets takes."""

from pathlib import Path
from time import perf_counter

from playwright.sync_api import expect

from tests.support.browser import chromium, visit
from tests.support.system import LocalSystem, tree_rss

ROWS = 10_000


def measure(system: LocalSystem, texts: list[str], folder: Path) -> dict[str, float]:
    """Milliseconds to the first paint; seconds from the choice of the file to its results; MB of the page after it."""
    file = folder / "tweets.csv"
    rows = (f'"{texts[number % len(texts)].replace(chr(34), "")} {number}"' for number in range(ROWS))
    file.write_text("\n".join(["text", *rows]), encoding="utf-8")
    with chromium() as browser, visit(browser, f"{system.page}/en/") as seen:
        page = seen.page
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        seen.tab("File")
        started = perf_counter()
        page.locator("#upload input[type=file]").set_input_files(file)
        page.locator("#start").click()
        expect(page.locator("#progress")).to_contain_text(f"{ROWS:,} of {ROWS:,} rows predicted", timeout=60_000)
        expect(page.locator("#file-result table.results tbody tr").first).to_be_visible()
        seconds = perf_counter() - started
    return {"first_paint_ms": paint, "file_10000_rows_s": seconds, "rss_mb": tree_rss(system.processes()["ui"])}
