"""The page on the whole system, in a browser: what people do with it, on a phone and at a desk."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import WIDTHS, Visit, serious_findings, visit
from tests.support.system import LocalSystem

BAD, GOOD = "3 hours on the tarmac and nobody tells us anything", "smooth flight, thanks a lot"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSystem]:
    """The system as `make run` starts it."""
    running = LocalSystem(tmp_path_factory.mktemp("page") / "var", UI_REFRESH_SECONDS="1")
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


def predict(seen: Visit, *lines: str) -> None:
    seen.page.locator("#tweets textarea").fill("\n".join(lines))
    expect(seen.page.locator("#family input:checked")).to_have_count(1)
    seen.page.locator("#predict").click()
    expect(seen.page.locator(".tweet")).to_have_count(len(lines))


def votes(system: LocalSystem) -> list[tuple[str, str, int | None]]:
    rows = httpx.get(f"{system.url}/feedback", timeout=10).json()["items"]
    return [(row["prediction_id"], row["verdict"], row["expected_label"]) for row in rows]


def test_tweets_are_predicted_in_words_with_confidence_and_reasons(english: Visit) -> None:
    predict(english, BAD, GOOD, "x" * 2001)
    page = english.page
    expect(page.locator(".tweet .answer .sentiment")).to_have_text([re.compile("Negative"), re.compile("Positive")])
    expect(page.locator(".tweet .sure").first).to_have_text(re.compile(r"\d+% sure"))
    expect(page.locator(".tweet .by").first).to_have_text("logreg, version 1")
    expect(page.locator(".tweet").first.locator(".why li.negative b").first).to_have_text("tells")
    expect(page.locator(".tweet.refused .problem")).to_contain_text(
        "at most 2,000 characters here, this line has 2,001"
    )
    expect(page.locator(".summary")).to_have_text("2 tweets predicted, 1 negative")
    english.picture("predict")
    assert serious_findings(page) == []
    assert (english.foreign, english.complaints) == ([], [])


def test_a_vote_is_sent_at_once_corrected_and_taken_back(english: Visit, system: LocalSystem) -> None:
    before = votes(system)
    predict(english, BAD)
    page = english.page
    page.get_by_role("button", name="Wrong").click()
    expect(page.locator(".tweet .vote")).to_contain_text("it should be")
    assert [vote[1:] for vote in votes(system)[: 1 - len(before) or None]][:1] == [("incorrect", 1)]
    english.picture("vote")
    page.get_by_role("button", name="Neither of the two").click()
    expect(page.locator(".tweet .vote")).to_contain_text("neither negative nor positive")
    assert votes(system)[0][1:] == ("incorrect", None)
    page.get_by_role("button", name=re.compile("Undo")).click()
    expect(page.get_by_role("button", name="Wrong")).to_be_visible()
    page.get_by_role("button", name="Right").click()
    expect(page.locator(".tweet .vote")).to_contain_text("the prediction is right")
    assert votes(system)[0][1:] == ("correct", 0)


def test_the_keys_1_and_2_judge_one_tweet_after_the_other(english: Visit, system: LocalSystem) -> None:
    predict(english, BAD, GOOD)
    page = english.page
    page.locator("#predict").focus()
    page.keyboard.press("1")
    expect(page.locator(".tweet").first.locator(".vote")).to_contain_text("is right")
    page.keyboard.press("2")
    expect(page.locator(".tweet").nth(1).locator(".vote")).to_contain_text("it should be")
    assert [vote[1:] for vote in votes(system)[:2]] == [("incorrect", 0), ("correct", 0)]
    page.locator("#tweets textarea").focus()
    page.keyboard.press("End")
    page.keyboard.type(" 1 2")
    expect(page.locator("#tweets textarea")).to_have_value(re.compile("1 2"))


def test_the_last_hours_are_shown_and_kept_up_by_themselves(english: Visit, system: LocalSystem) -> None:
    page, topic = english.page, f"luggage {english.width}"
    english.tab("Live")
    expect(page.locator("#live-view .figures")).to_be_visible()
    texts = [BAD, "you lost my bag again, worst airline", GOOD]
    httpx.post(f"{system.url}/predict/batch", json={"texts": texts, "topic": topic}, timeout=30).raise_for_status()
    page.locator("#live-topic").get_by_text(topic).click()
    expect(page.locator("#live-view .figures dd").first).to_have_text("3")
    expect(page.locator("#live-view .tweet.negative")).to_have_count(2)
    expect(page.locator("#live-view .tweet .by").first).to_contain_text(topic)
    expect(page.locator("#live-view p[role=status] time")).to_have_text(re.compile(r"UTC"))
    page.locator("#live-view").get_by_text("The numbers as a table").click()
    expect(page.locator("#live-view table tbody tr")).to_have_count(1)
    english.picture("live")
    assert serious_findings(page) == []
    assert (english.foreign, english.complaints) == ([], [])


def test_the_other_language_is_one_click_away_and_keeps_what_was_typed(english: Visit) -> None:
    english.page.locator("#tweets textarea").fill(BAD)
    english.page.get_by_role("link", name="Français").click()
    expect(english.page.locator("#predict")).to_have_text("Prédire")
    expect(english.page.locator("#tweets textarea")).to_have_value(BAD)
    assert english.page.evaluate("document.documentElement.lang") == "fr"


def test_the_start_page_is_french_and_paints_within_two_seconds(browser: Browser, system: LocalSystem) -> None:
    with visit(browser, system.page) as seen:
        assert seen.page.url == f"{system.page}/fr/"
        paint = seen.page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        assert paint < 2000
