"""The page on the whole system, in a browser: what people do with it, on a phone and at a desk."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, Route, expect

from tests.integration.ui.keys import ADMIN_KEY, PAGE_KEY
from tests.support.browser import WIDTHS, Scheme, Visit, serious_findings, visit
from tests.support.system import LocalSystem

BAD, GOOD = "3 hours on the tarmac and nobody tells us anything", "smooth flight, thanks a lot"

pytestmark = pytest.mark.timeout(300)


def predict(seen: Visit, *lines: str) -> None:
    seen.page.locator("#tweets textarea").fill("\n".join(lines))
    expect(seen.page.locator("#family input:checked")).to_have_count(1)
    seen.page.locator("#predict").click()
    expect(seen.page.locator(".tweet")).to_have_count(len(lines))


def votes(system: LocalSystem) -> list[tuple[str, str, int | None]]:
    rows = httpx.get(f"{system.url}/feedback", headers=PAGE_KEY, timeout=60).json()["items"]
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
    expect(page.locator(".tweet .vote")).to_contain_text("it should be")
    assert votes(system)[0][1:] == ("incorrect", 1), "the page shows the vote that stands"
    page.get_by_role("button", name=re.compile("Undo")).click()
    expect(page.get_by_role("button", name="Wrong")).to_be_visible()
    assert votes(system) == before
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


def test_a_key_that_is_held_votes_once_and_two_in_a_row_hit_two_tweets(browser: Browser, system: LocalSystem) -> None:
    with visit(browser, f"{system.page}/en/") as seen:
        page, vote = seen.page, seen.page.locator(".tweet .vote")
        predict(seen, BAD, GOOD, BAD, GOOD)
        page.locator("#predict").focus()
        for _ in range(20):
            page.keyboard.down("1")
        page.keyboard.up("1")
        page.keyboard.press("2")
        page.keyboard.press("2")
        expect(vote.nth(2)).to_contain_text("it should be")
        expect(vote.nth(1)).to_contain_text("it should be")
        expect(vote.nth(0)).to_contain_text("is right")
        page.keyboard.press("1")
        expect(vote.nth(3)).to_contain_text("is right")


def test_a_vote_takes_no_focus_from_whoever_types_meanwhile(browser: Browser, system: LocalSystem) -> None:
    with visit(browser, f"{system.page}/en/") as seen:
        page, asked = seen.page, list[Route]()

        def hold(route: Route) -> None:
            if "correct" in (route.request.post_data or ""):
                asked.append(route)
            else:
                route.continue_()

        predict(seen, BAD)
        page.route("**/queue/join*", hold)
        with page.expect_request(lambda request: "correct" in (request.post_data or "")):
            page.get_by_role("button", name="Right").click()
        page.locator("#tweets textarea").focus()
        asked[0].continue_()
        expect(page.locator(".tweet .vote")).to_contain_text("is right")
        expect(page.locator("#tweets textarea")).to_be_focused()


def test_the_last_hours_are_shown_and_kept_up_by_themselves(english: Visit, system: LocalSystem) -> None:
    page, topic = english.page, f"luggage {english.width}"
    english.tab("Live")
    expect(page.locator("#live-view .figures")).to_be_visible()
    texts = [BAD, "you lost my bag again, worst airline", GOOD]
    body = {"texts": texts, "topic": topic}
    httpx.post(f"{system.url}/predict/batch", json=body, headers=PAGE_KEY, timeout=30).raise_for_status()
    page.locator("#live-topic").get_by_text(topic).click()
    expect(page.locator("#live-view .figures dd").first).to_have_text("3")
    expect(page.locator("#live-view .tweet.negative")).to_have_count(2)
    expect(page.locator("#live-view .tweet .by").first).to_contain_text(topic)
    expect(page.locator("#live-view p[role=status] time")).to_have_text(re.compile(r"UTC"))
    page.locator("#live-view").get_by_text("The numbers as a table").click()
    expect(page.locator("#live-view details table tbody tr")).to_have_count(1)
    assert page.locator("#live-view p[role=status] time").inner_text().count(":") == 3, "in the reader's zone and UTC"
    expect(page.locator("#live-view .topics")).to_contain_text(topic)
    english.picture("live")
    assert serious_findings(page) == []
    assert (english.foreign, english.complaints) == ([], [])


def test_what_the_reader_opened_only_the_reader_closes(browser: Browser, system: LocalSystem) -> None:
    with visit(browser, f"{system.page}/en/") as seen:
        seen.tab("Live")
        view = seen.page.locator("#live-view")
        numbers, looked = view.locator("details[data-keep=live]"), view.locator("p[role=status] time")

        def refreshed() -> None:
            expect(looked).not_to_have_attribute("datetime", looked.get_attribute("datetime") or "")

        numbers.get_by_text("The numbers as a table").click()
        refreshed()
        refreshed()
        expect(numbers).to_have_attribute("open", "")
        # As Gradio does where the new HTML differs; nothing else changes in the page then.
        numbers.evaluate("details => details.removeAttribute('open')")
        refreshed()
        expect(numbers).to_have_attribute("open", "")
        numbers.get_by_text("The numbers as a table").click()
        refreshed()
        expect(numbers).not_to_have_attribute("open", "")


def test_alerts_are_for_those_with_the_key(english: Visit) -> None:
    page = english.page
    english.tab("Alerts")
    expect(page.locator("#alerts-notice")).to_contain_text("enter a key with the right admin")
    english.picture("alerts-door")
    page.locator("#alerts-key input").fill("a key that nobody has")
    page.locator("#alerts-enter").click()
    expect(page.locator("#alerts-notice")).to_contain_text("refused this key")
    expect(page.locator("#alerts-view .watch")).to_have_count(0)
    assert serious_findings(page) == []


def test_an_alert_is_shown_with_its_tweets_called_false_and_silenced(english: Visit, system: LocalSystem) -> None:
    page, flight = english.page, f"AF {english.width}"
    predict(english, *(f"{flight} {number}, worst airline ever" for number in ("one", "two", "three")))
    for card in page.locator(".tweet").all():
        card.get_by_role("button", name="Wrong").click()
        expect(card.locator(".vote")).to_contain_text("it should be")
    english.tab("Alerts")
    expect(page.locator("#alerts-notice")).to_contain_text("enter a key with the right admin")
    page.locator("#alerts-key input").fill(ADMIN_KEY["X-API-Key"])
    page.locator("#alerts-enter").click()
    alarm = page.locator(".alarm-card", has_text=f"{flight} three").first
    expect(alarm.locator("p").first).to_contain_text("3 wrong predictions · all tweets")
    expect(alarm.locator(".mail")).to_have_text("Mail to ops@localhost: sent")
    errors = page.locator(".watch", has_text="Wrong predictions").first
    expect(errors).to_contain_text("Firing")
    alarm.get_by_text("3 tweets behind it").click()
    expect(alarm.locator(".tweet").first).to_contain_text("people say: Positive")
    english.picture("alerts")
    assert serious_findings(page) == []
    alarm.get_by_role("button", name="False alarm").click()
    expect(page.locator("#alerts-said")).to_contain_text("Noted: a false alarm")
    expect(alarm).to_contain_text("Called a false alarm")
    expect(alarm.locator(".tweet").first).to_be_visible()
    english.tab("Live")
    expect(page.locator("#live-view .timeline .alarm").first).to_be_visible()
    page.locator("#live-view").get_by_text("The numbers as a table").click()
    expect(page.locator("#live-view details td", has_text="Wrong predictions · all tweets").first).to_be_visible()
    english.picture("live-alarms")
    english.tab("Alerts")
    errors.get_by_role("button", name="Silence for 1 h").click()
    expect(page.locator("#alerts-said")).to_contain_text("Silent until")
    expect(errors).to_contain_text("Silenced")
    english.picture("alerts-silenced")
    errors.get_by_role("button", name="End the silence").click()
    expect(errors).to_contain_text("Firing")
    page.get_by_role("button", name="Send a test mail").click()
    expect(page.locator("#alerts-said")).to_contain_text("The mail server took the test mail")
    assert (english.foreign, english.complaints) == ([], [])
    silences = httpx.get(f"{system.url}/alerts/silences", headers=ADMIN_KEY, timeout=60).json()["items"]
    assert [silence["active"] for silence in silences] == [False] * len(silences)


def test_the_families_are_compared_and_the_champions_card_is_shown(english: Visit) -> None:
    page = english.page
    english.tab("Models")
    row = page.locator("#models-table tbody tr").first
    expect(row.get_by_role("rowheader")).to_contain_text("logreg default")
    expect(row.locator("td").nth(1)).to_have_text(re.compile(r"^8\d\.\d%$"))
    expect(row.locator("td.number", has_text="–")).to_have_count(0)
    card = page.locator("#models-card")
    expect(card).to_contain_text("logreg, version 1")
    expect(card.locator(".confusion td.right strong")).to_have_text([re.compile(r"^\d,\d{3}$")] * 2)
    expect(card.get_by_role("img")).to_have_count(2)
    expect(card).to_contain_text("Version 1 is the first champion")
    card.get_by_text("The numbers as a table").first.click()
    expect(card.locator("figure details table").first.locator("tbody tr").first).to_be_visible()
    english.picture("models")
    assert serious_findings(page) == []
    assert (english.foreign, english.complaints) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", list(WIDTHS))
def test_every_tab_can_be_read_in_french_too_by_day_and_by_night(
    browser: Browser, system: LocalSystem, width: str, scheme: Scheme
) -> None:
    with visit(browser, f"{system.page}/fr/", width, scheme=scheme) as seen:
        page = seen.page
        predict(seen, BAD, GOOD)
        page.get_by_role("button", name="Faux").first.click()
        expect(page.locator(".tweet .vote").first).to_contain_text("la bonne réponse est")
        findings = look_at(seen, "fr-predict", scheme)
        for name, ready in FRENCH.items():
            seen.tab(name)
            expect(page.locator(ready).first).to_be_visible()
            if name == "Alertes":
                findings += look_at(seen, "fr-alerts-door", scheme)
                page.locator("#alerts-key input").fill(ADMIN_KEY["X-API-Key"])
                page.locator("#alerts-enter").click()
                expect(page.locator(".watch").first).to_be_visible()
            for table in page.locator("details:visible > summary").all()[:3]:
                table.click()
            findings += look_at(seen, f"fr-{ready.split()[0].strip('#')}", scheme)
        assert findings == []
        assert (seen.foreign, seen.complaints) == ([], [])


FRENCH = {
    "Fichier": "#upload",
    "Direct": "#live-view .figures",
    "Alertes": "#alerts-notice .notice",
    "Modèles": "#models-card h2",
}


def look_at(seen: Visit, name: str, scheme: Scheme) -> list[str]:
    seen.picture(f"{name}-{scheme}")
    return serious_findings(seen.page)


def test_the_words_of_the_upload_are_in_the_language_of_the_page_not_of_the_browser(
    browser: Browser, system: LocalSystem
) -> None:
    with visit(browser, f"{system.page}/fr/") as seen:
        seen.tab("Fichier")
        expect(seen.page.locator("#upload")).to_contain_text("Déposez le fichier ici")
        expect(seen.page.get_by_role("button", name="Cliquez pour le choisir")).to_be_visible()
        assert seen.page.evaluate("document.documentElement.lang") == "fr"


def test_the_page_does_not_scroll_sideways(english: Visit) -> None:
    predict(english, BAD, "x" * 1999)
    for name in ("File", "Live", "Alerts", "Models"):
        assert english.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        english.tab(name)
    assert english.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_vote_can_be_undone_for_ten_seconds(browser: Browser, system: LocalSystem) -> None:
    with visit(browser, f"{system.page}/en/") as seen:
        seen.page.clock.install()
        predict(seen, BAD)
        seen.page.get_by_role("button", name="Right").click()
        undo = seen.page.get_by_role("button", name=re.compile("Undo"))
        expect(undo).to_be_focused()
        seen.page.clock.run_for(5_000)
        expect(undo).to_be_visible()
        seen.page.clock.run_for(6_000)
        expect(undo).to_have_count(0)
        expect(seen.page.locator(".tweet")).to_be_focused()
        expect(seen.page.locator(".tweet .vote")).to_contain_text("the prediction is right")


def test_every_tab_has_one_header(english: Visit) -> None:
    names = english.page.locator('[role="tab"]').all_text_contents()
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_tab_is_hidden_in_a_menu_on_a_phone(browser: Browser, system: LocalSystem, language: str) -> None:
    with visit(browser, f"{system.page}/{language}/", "phone") as seen:
        expect(seen.page.locator('[role="tab"]:visible')).to_have_count(5)


def test_the_other_language_is_one_click_away_and_keeps_what_was_typed(english: Visit) -> None:
    english.page.locator("#tweets textarea").fill(BAD)
    english.page.get_by_role("link", name="Français").click()
    expect(english.page.locator("#predict")).to_have_text("Prédire")
    expect(english.page.locator("#tweets textarea")).to_have_value(BAD)
    assert english.page.evaluate("document.documentElement.lang") == "fr"


def test_the_start_page_is_french(browser: Browser, system: LocalSystem) -> None:
    with visit(browser, system.page) as seen:
        assert seen.page.url == f"{system.page}/fr/"
