"""A file of tweets in a browser: what is read, predicted, filtered, stopped and taken away."""

import csv
import io
from contextlib import ExitStack
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.integration.ui.keys import PAGE_KEY
from tests.support.browser import Visit, serious_findings, visit
from tests.support.pages import lone_page
from tests.support.system import LocalSystem, tree_rss

pytestmark = pytest.mark.timeout(600)

TWEETS = [
    "Smooth flight, thanks a lot!",
    "=@crew you lost my bag, worst airline ever",
    "Trois heures d'attente à l'aéroport, merci pour rien",
    "x" * 2001,
    "cancelled again and nobody answers",
]


def give(seen: Visit, file: Path) -> Page:
    """Opens the tab and chooses the file."""
    seen.tab("File")
    seen.page.locator("#upload input[type=file]").set_input_files(file)
    return seen.page


def taken(page: Page, name: str) -> str:
    """What a download holds."""
    with page.expect_download() as waiting:
        page.locator(f"#download-{name}").click()
    return Path(waiting.value.path()).read_text(encoding="utf-8-sig")


def test_a_damaged_french_file_is_read_predicted_filtered_and_taken_away(english: Visit, tmp_path: Path) -> None:
    file = tmp_path / "comptoir.csv"
    ids = [f"5,7E+{17 + number % 2}" for number in range(len(TWEETS))]
    lines = ["identifiant;texte", *(f'{number};"{text}"' for number, text in zip(ids, TWEETS, strict=True))]
    file.write_bytes("\n".join(lines).encode("cp1252"))
    page = give(english, file)
    preview = page.locator("#preview")
    expect(preview).to_contain_text("5 rows · 2 columns")
    expect(preview).to_contain_text("long numbers rounded by a spreadsheet")
    expect(preview).to_contain_text("a spreadsheet took them for formulas")
    expect(preview).to_contain_text("l'aéroport")
    expect(page.locator("#column input:checked")).to_have_value("texte")
    english.picture("file-preview")
    page.locator("#start").click()
    result = page.locator("#file-result")
    expect(result.locator(".figures dd").first).to_have_text("4")
    expect(page.locator("#progress")).to_contain_text("1 row cannot be a tweet")
    expect(result.locator("table.results tbody tr")).to_have_count(len(TWEETS))
    page.locator("#wanted").get_by_text("Not predicted").click()
    expect(result.locator("table.results tbody tr")).to_have_count(1)
    expect(result.locator("td.problem")).to_contain_text("at most 2,000 characters")
    page.locator("#wanted").get_by_text("All", exact=True).click()
    page.locator("#search input, #search textarea").first.fill("bag")
    expect(result.locator("table.results tbody tr")).to_have_count(1)
    english.picture("file")
    assert serious_findings(page) == []
    safe = list(csv.DictReader(io.StringIO(taken(page, "safe"))))
    assert len(safe) == len(TWEETS)
    assert safe[1]["texte"].startswith("'=@crew")
    assert safe[1]["vigie_sentiment"]
    assert list(csv.DictReader(io.StringIO(taken(page, "raw"))))[1]["texte"] == TWEETS[1]
    assert [row["row"] for row in csv.DictReader(io.StringIO(taken(page, "errors")))] == ["5"]
    assert (english.foreign, english.complaints) == ([], [])


def long_tweet(number: int) -> str:
    """Takes its time, so that a fast machine is not done before it is looked at."""
    return f"flight {number} is late again and nobody tells us why " * 8


def test_a_file_that_is_stopped_goes_on_where_it_was(english: Visit, tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    rows = 30_000
    file.write_text("text\n" + "\n".join(map(long_tweet, range(rows))), encoding="utf-8")
    page = give(english, file)
    expect(page.locator("#preview")).to_contain_text("30,000 rows")
    page.locator("#start").click()
    expect(page.locator("#progress")).to_contain_text("of 30,000 tweets predicted")
    page.locator("#stop").click()
    expect(page.locator("#progress")).to_contain_text("still wait")
    page.locator("#start").click()
    expect(page.locator("#progress")).to_contain_text("30,000 of 30,000 rows predicted", timeout=240_000)
    expect(page.locator("#file-result .figures dd").first).to_have_text("30,000")


def test_a_small_file_is_done_while_that_of_another_reader_is_large_and_one_file_follows_another(
    browser: Browser, system: LocalSystem, tmp_path: Path
) -> None:
    large, small = tmp_path / "large.csv", tmp_path / "small.csv"
    large.write_text("text\n" + "\n".join(map(long_tweet, range(50_000))))
    small.write_text("text\nlovely crew\nlate again\n")
    with visit(browser, f"{system.page}/en/") as one, visit(browser, f"{system.page}/en/") as other:
        first, second = give(one, large), give(other, small)
        expect(second.locator("#preview")).to_contain_text("2 rows")
        expect(first.locator("#preview")).to_contain_text("50,000 rows")
        first.locator("#start").click()
        expect(first.locator("#progress")).to_contain_text("of 50,000 tweets predicted")
        second.locator("#start").click()
        expect(second.locator("#progress")).to_contain_text("2 of 2 rows predicted")
        expect(first.locator("#progress")).to_contain_text("of 50,000 tweets predicted")
        first.get_by_label("Take the file away").click()
        expect(first.locator("#progress")).to_be_empty()
        give(one, small)
        expect(first.locator("#preview")).to_contain_text("small.csv")
        first.locator("#start").click()
        expect(first.locator("#progress")).to_contain_text("2 of 2 rows predicted")
        expect(first.locator("#file-result .figures dd").first).to_have_text("2")
        expect(first.locator("#stop")).to_be_hidden()


def test_two_readers_with_fifty_thousand_rows_each_fit_into_250_mb(
    browser: Browser, system: LocalSystem, tmp_path: Path
) -> None:
    file, rows = tmp_path / "many.parquet", 50_000
    texts = [
        f"@crew flight {number} is late again, nobody tells us why and the bags are lost" for number in range(rows)
    ]
    pq.write_table(pa.table({"id": list(range(rows)), "text": texts}), file)
    told = {"GATEWAY_URL": system.url, "GATEWAY_API_KEY": PAGE_KEY["X-API-Key"]}
    with lone_page(tmp_path, **told) as served, ExitStack() as readers:
        for _ in range(2):
            page = give(readers.enter_context(visit(browser, f"http://127.0.0.1:{served.port}/en/")), file)
            expect(page.locator("#preview")).to_contain_text("50,000 rows · 2 columns · Parquet")
            page.locator("#start").click()
            expect(page.locator("#progress")).to_contain_text("50,000 of 50,000 rows predicted", timeout=240_000)
            expect(page.locator("#download-safe")).to_be_visible()
        assert served.process is not None
        assert tree_rss(psutil.Process(served.process.pid)) < 250


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"text\n", "This file has no rows"),
        ("book.csv", b"PK\x03\x04 and so on", "This is a workbook or an archive"),
        ("long.csv", b"text\n" + b"late again\n" * 50_001, "more rows than fit at once"),
    ],
)
def test_a_file_that_cannot_be_used_says_what_to_do(
    english: Visit, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    expect(give(english, file).locator("#preview")).to_contain_text(said)
    expect(english.page.locator("#start")).to_be_hidden()
