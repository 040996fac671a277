"""The page in front of a gateway that refuses, or lets another family answer: what people are told, and what stays."""

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import WIDTHS, Visit, serious_findings, visit
from tests.support.gateways import MADE, FakeGateway, fired
from tests.support.pages import lone_page
from tests.support.servers import wait_for
from vigie.schemas import CountedMoment, CountedPart, PredictionCounts
from vigie.trials import TrialReport

pytestmark = pytest.mark.timeout(300)

TYPED = "a bad flight\nlovely crew"


@pytest.fixture(scope="module")
def gateway() -> Iterator[FakeGateway]:
    """What the page talks to."""
    with FakeGateway() as answering:
        yield answering


@pytest.fixture(scope="module")
def address(gateway: FakeGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page is."""
    with lone_page(tmp_path_factory.mktemp("page"), GATEWAY_URL=gateway.url, UI_REFRESH_SECONDS="1") as page:
        yield f"http://127.0.0.1:{page.port}"


@pytest.fixture(params=list(WIDTHS))
def english(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Visit]:
    """The English page at each width."""
    with visit(browser, f"{address}/en/", request.param) as seen:
        yield seen


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "The gateway refused the key"),
        (403, "This key does not allow that"),
        (413, "That is more than the gateway takes at once"),
        (429, "the queue is full"),
        (500, "The gateway made a mistake"),
        (503, "No model can answer right now"),
        (504, "The answer took too long"),
    ],
)
def test_a_refusal_is_told_in_plain_words_and_what_was_typed_stays(
    english: Visit, gateway: FakeGateway, status: int, said: str
) -> None:
    page = english.page
    page.locator("#tweets textarea").fill(TYPED)
    expect(page.locator("#family input:checked")).to_have_value("logreg")
    gateway.refuse[:] = [status]
    page.locator("#predict").click()
    expect(page.locator("#predict-notice [role=alert]")).to_contain_text(said)
    expect(page.locator("#tweets textarea")).to_have_value(TYPED)
    english.picture(f"refused-{status}")
    page.locator("#predict").click()
    expect(page.locator(".tweet .answer")).to_have_count(2)
    expect(page.locator("#predict-notice .notice")).to_have_count(0)


def test_the_page_says_which_family_answered_when_another_had_to(english: Visit) -> None:
    page = english.page
    expect(page.locator("#family")).to_contain_text("lstm · LSTM · not ready")
    page.locator("#family").get_by_text("lstm").click()
    page.locator("#tweets textarea").fill(TYPED)
    page.locator("#predict").click()
    expect(page.locator(".tweet .stand-in").first).to_contain_text(
        "lstm could not answer just now, logreg answered instead"
    )
    expect(page.locator(".tweet .by").first).to_have_text("logreg, version 7")
    english.picture("stand-in")
    assert serious_findings(page) == []


def test_what_is_asked_for_while_an_answer_is_on_its_way_is_answered_after_it(
    browser: Browser, address: str, gateway: FakeGateway
) -> None:
    gateway.open_for = 0
    with visit(browser, f"{address}/en/") as seen:
        page = seen.page
        expect(page.locator("#family input:checked")).to_have_value("logreg")
        page.locator("#tweets textarea").fill("a bad flight")
        with page.expect_request("**/queue/join*"):
            page.locator("#predict").click()
        page.locator("#tweets textarea").fill("lovely crew")
        page.locator("#predict").click()
        gateway.open_for = None
        expect(page.locator(".tweet .text")).to_have_text("lovely crew")


def choose_three_thousand(visit: Visit, folder: Path) -> None:
    """Chooses a file of so many rows."""
    file = folder / "tweets.csv"
    file.write_text("text\n" + "\n".join(f"bad flight {number}" for number in range(3000)), encoding="utf-8")
    visit.tab("File")
    visit.page.locator("#upload input[type=file]").set_input_files(file)
    expect(visit.page.locator("#preview")).to_contain_text("3,000 rows")


def test_a_file_whose_key_is_refused_midway_keeps_what_was_answered(
    english: Visit, gateway: FakeGateway, tmp_path: Path
) -> None:
    page = english.page
    choose_three_thousand(english, tmp_path)
    gateway.refuse[:] = [None, None, None, None, 401]
    page.locator("#start").click()
    expect(page.locator("#progress")).to_contain_text("The gateway refused the key")
    expect(page.locator("#progress")).to_contain_text("still wait")
    english.picture("file-refused")
    page.locator("#start").click()
    expect(page.locator("#progress")).to_contain_text("3,000 of 3,000 rows predicted")


def test_the_progress_of_a_file_says_how_many_are_done_and_about_how_long_it_takes(
    english: Visit, gateway: FakeGateway, tmp_path: Path
) -> None:
    page, progress = english.page, english.page.locator("#progress")
    choose_three_thousand(english, tmp_path)
    gateway.open_for = 3
    page.locator("#start").click()
    expect(progress).to_contain_text(re.compile(r"1,500 of 3,000 tweets predicted · about \d+ s left"))
    bar = progress.get_by_role("progressbar")
    assert (bar.get_attribute("aria-valuenow"), bar.get_attribute("aria-valuemax")) == ("1500", "3000")
    english.picture("file-progress")
    gateway.open_for = None
    expect(progress).to_contain_text("3,000 of 3,000 rows predicted")


def test_a_choice_can_be_seen_while_the_pointer_is_on_it(english: Visit) -> None:
    page = english.page
    chosen = page.locator("#family input").nth(1)
    page.locator("#family").get_by_text("lstm").click()
    page.locator("#tweets textarea").focus()
    expect(chosen).to_be_checked()
    expect(chosen).to_have_css("background-color", "rgb(18, 68, 140)")


def test_what_is_on_trial_is_shown_beside_the_champion(english: Visit, gateway: FakeGateway) -> None:
    mine = {"version": "8", "answered": 240, "errors": 3, "right": 9}
    theirs = {"version": "7", "answered": 2160, "errors": 19, "right": 8}
    counts = {"compared": 1200, "agreed": 1140, "judged": 14, "since": MADE}
    stop = {"model": "logreg", "version": "8", "at": MADE, "reason": "errs", "detail": "failed for 3 of 9 tweets"}
    told = ({"alias": "challenger", "stopped": stop, "failed": 3}, {"alias": "shadow"} | counts)
    both = {"model": "logreg", "trial": mine, "champion": theirs}
    gateway.trials[:] = [TrialReport.model_validate(both | each) for each in told]
    english.tab("Models")
    stopped, shadow = (english.page.locator("#models-table .trials tbody tr").nth(row) for row in range(2))
    expect(stopped).to_contain_text("logreg, version 8 Challenger")
    expect(stopped).to_contain_text("Stopped, it failed too often.")
    expect(stopped).to_contain_text("3 of 240, the champion 19 of 2,160")
    expect(shadow).to_contain_text("95.0% of 1,200")
    expect(shadow).to_contain_text("9 of 14, the champion 8")
    expect(shadow).to_contain_text("On trial since 2026-07-01 14:00:00 (12:00 UTC)")
    english.picture("trials")
    gateway.trials.clear()
    assert serious_findings(english.page) == []


def test_what_is_pressed_while_the_gateway_works_is_done_and_a_double_click_is_one(
    english: Visit, gateway: FakeGateway
) -> None:
    gateway.silences.clear()
    gateway.silences_held = True
    english.tab("Alerts")
    said = english.page.locator("#alerts-said")
    english.page.get_by_role("button", name="Silence for 1 h").first.dblclick()
    english.page.get_by_role("button", name="Send a test mail").click()
    expect(said).to_contain_text("The mail server took the test mail")
    gateway.silences_held = False
    expect(said).to_contain_text("Silent until")
    assert len(gateway.silences) == 1


def test_keys_in_the_tab_of_alerts_act_on_what_they_were_aimed_at_whatever_comes_meanwhile(
    browser: Browser, address: str, gateway: FakeGateway
) -> None:
    gateway.silences.clear()
    gateway.alerts[:] = [fired("first")]
    with visit(browser, f"{address}/en/") as seen:
        seen.tab("Alerts")
        page, said = seen.page, seen.page.locator("#alerts-said")
        page.get_by_role("button", name="False alarm").focus()
        gateway.alerts.insert(0, fired("second"))
        expect(page.locator(".alarm-card")).to_have_count(2)
        expect(page.locator("[data-action=false][data-id=first]")).to_be_focused()
        page.keyboard.press("Enter")
        expect(said).to_contain_text("Noted: a false alarm")
        assert [alert.alert_id for alert in gateway.alerts if alert.false_alarm_at] == ["first"]
        expect(page.locator(".alarm-card[data-id=first]")).to_be_focused()
        page.get_by_role("button", name="Silence for 24 h").first.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="End the silence")).to_be_focused()
        page.get_by_role("heading", name="History").click()
        gateway.alerts.clear()
        expect(page.locator(".alarm-card")).to_have_count(0)
        expect(page.locator("body")).to_be_focused()


def test_a_key_that_is_entered_while_another_is_looked_at_opens_the_tab_of_alerts(
    browser: Browser, address: str, gateway: FakeGateway
) -> None:
    gateway.admin_key, free, before = "right", Event(), len(gateway.alert_pages)
    with visit(browser, f"{address}/en/") as seen:
        seen.tab("Alerts")
        page, key = seen.page, seen.page.locator("#alerts-key input")
        expect(page.locator("#alerts-notice")).to_contain_text("enter a key with the right admin")
        wait_for(lambda: len(gateway.alert_pages) >= before + 2, what="the first look of the tab Live, at alerts too")
        gateway.late["/alerts"] = free
        key.fill("wrong")
        key.press("Enter")
        wait_for(lambda: not gateway.late, what="a look that is held")
        key.fill("right")
        page.locator("#alerts-enter").click()
        free.set()
        expect(page.locator("#alerts-view .panel")).to_be_visible()
    gateway.admin_key = None


def test_a_topic_that_is_chosen_while_an_answer_is_on_its_way_stays_chosen_and_is_shown(
    browser: Browser, address: str, gateway: FakeGateway
) -> None:
    moments, parts = [CountedMoment(at=MADE, total=3, negative=1)], ("bags", "delays")
    topics = [CountedPart(name=name, total=3, negative=1) for name in parts]
    gateway.counts = PredictionCounts(step_minutes=15, moments=moments, models=[], topics=topics)
    free = Event()
    with visit(browser, f"{address}/en/") as seen:
        seen.tab("Live")
        page, choice = seen.page, seen.page.locator("#live-topic")
        expect(choice.locator("input")).to_have_count(3)
        gateway.late["/predictions/counts"] = free
        wait_for(lambda: not gateway.late, what="a look that is held")
        choice.get_by_text("bags").click()
        choice.get_by_text("delays").click()
        gateway.counts = gateway.counts.model_copy(update={"topics": topics[:1]})
        free.set()
        expect(page.locator("#live-view figcaption")).to_contain_text("delays")
        expect(choice.locator("input:checked")).to_have_value("delays")
        assert gateway.topics_asked[-1] == "delays"


def test_nothing_typed_and_too_much_pasted_are_told(english: Visit) -> None:
    page = english.page
    page.locator("#predict").click()
    expect(page.locator("#predict-notice")).to_contain_text("Nothing to predict yet")
    page.locator("#tweets textarea").fill("late\n" * 201)
    page.locator("#predict").click()
    expect(page.locator("#predict-notice")).to_contain_text("201 lines were pasted, 200 fit here")


def test_examples_are_added_below_what_was_typed(english: Visit) -> None:
    page = english.page
    page.locator("#tweets textarea").fill("late again")
    page.locator("#examples").click()
    expect(page.locator("#tweets textarea")).to_have_value(
        "late again\n3 hours on the tarmac and nobody tells us anything\n"
        "Smooth flight to Lyon, thanks a lot to the crew!\nMy suitcase had a nicer holiday than I did"
    )
