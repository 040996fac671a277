"""The page in a browser: how soon something is to be seen, and how long a file of ten thousand tweets takes."""

from time import perf_counter

from playwright.sync_api import expect

from tests.bench.stage import Stage
from tests.support.browser import chromium, visit
from tests.support.system import tree_rss

ROWS = 10_000


def measure(stage: Stage) -> dict[str, float]:
    """Milliseconds to the first paint; seconds from the choice of the file to its results; MB of the page after it."""
    file = stage.folder / "tweets.csv"
    rows = (f'"{stage.texts[number % len(stage.texts)].replace(chr(34), "")} {number}"' for number in range(ROWS))
    file.write_text("\n".join(["text", *rows]), encoding="utf-8")
    with stage.running("page") as system, chromium() as browser, visit(browser, f"{system.page}/en/") as seen:
        page = seen.page
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        seen.tab("File")
        started = perf_counter()
        page.locator("#upload input[type=file]").set_input_files(file)
        page.locator("#start").click()
        expect(page.locator("#progress")).to_contain_text(f"{ROWS:,} of {ROWS:,} rows predicted", timeout=60_000)
        expect(page.locator("#file-result table.results tbody tr").first).to_be_visible()
        seconds = perf_counter() - started
        memory = tree_rss(system.processes()["ui"])
    return {"first_paint_ms": paint, "file_10000_rows_s": seconds, "rss_mb": memory}
