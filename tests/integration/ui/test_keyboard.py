"""The page without a mouse: every key action is reached with the tab key and done with Enter, space or an arrow."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.integration.ui.keys import ADMIN_KEY
from tests.support.browser import Visit, visit
from tests.support.system import LocalSystem

pytestmark = pytest.mark.timeout(300)

MOST_STEPS = 80


def reach(seen: Visit, wanted: Locator) -> None:
    """Presses the tab key until it is there, and sees that it shows so."""
    expect(wanted).to_be_visible()
    for _ in range(MOST_STEPS):
        seen.page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            assert wanted.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
            return
    raise AssertionError(f"{wanted} cannot be reached with the tab key")


def press(seen: Visit, wanted: Locator, key: str = "Enter") -> None:
    """Reaches it and presses the key there."""
    reach(seen, wanted)
    seen.page.keyboard.press(key)


def test_tweets_are_predicted_and_judged_by_keyboard_alone(browser: Browser, system: LocalSystem) -> None:
    with visit(browser, f"{system.page}/en/") as seen:
        page, vote = seen.page, seen.page.locator(".tweet .vote")
        expect(page.locator("#family input:checked")).to_have_count(1)
        reach(seen, page.get_by_role("link", name="Français"))
        reach(seen, page.locator("#tweets textarea"))
        page.keyboard.type("late again\nlovely crew")
        reach(seen, page.locator("#family input:checked"))
        press(seen, page.locator("#predict"))
        expect(vote).to_have_count(2)
        page.keyboard.press("1")
        expect(vote.first).to_contain_text("the prediction is right")
        page.keyboard.press("2")
        expect(vote.nth(1)).to_contain_text("it should be")
        expect(vote.nth(1).get_by_role("button", name="Undo")).to_be_focused()
        page.keyboard.press("Enter")
        expect(vote.nth(1).get_by_role("button", name="Right")).to_be_focused()
        press(seen, vote.nth(1).get_by_role("button", name="Wrong"))
        expect(vote.nth(1)).to_contain_text("it should be")
        press(seen, vote.nth(1).get_by_role("button", name="Neither"))
        expect(vote.nth(1)).to_contain_text("neither negative nor positive")


def test_a_file_is_predicted_by_keyboard_alone(browser: Browser, system: LocalSystem, tmp_path: Path) -> None:
    file = tmp_path / "tweets.csv"
    file.write_text("id,text\n1,late again\n2,lovely crew\n", encoding="utf-8")
    with visit(browser, f"{system.page}/en/") as seen:
        page = seen.page
        press(seen, page.get_by_role("tab", name="File"))
        with page.expect_file_chooser() as chooser:
            press(seen, page.get_by_role("button", name="Click to choose it"))
        chooser.value.set_files(file)
        press(seen, page.locator("#column input:checked"), "ArrowUp")
        expect(page.locator("#column input:checked")).to_have_value("id")
        page.keyboard.press("ArrowDown")
        press(seen, page.locator("#start"))
        expect(page.locator("#progress")).to_contain_text("2 of 2 rows predicted")
        with page.expect_download():
            press(seen, page.locator("#download-safe"))
        press(seen, page.locator("#wanted input:checked"), "ArrowDown")
        expect(page.locator("#file-result table.results tbody tr")).to_have_count(1)
        reach(seen, page.locator("#search").locator("input, textarea"))


def test_the_other_tabs_are_worked_by_keyboard_alone(browser: Browser, system: LocalSystem) -> None:
    with visit(browser, f"{system.page}/en/") as seen:
        page = seen.page
        press(seen, page.get_by_role("tab", name="Live"))
        press(seen, page.locator("#live-span input:checked"), "ArrowDown")
        expect(page.locator("#live-span input:checked")).to_have_value("24")
        press(seen, page.locator("#live-view summary").first)
        expect(page.locator("#live-view details[open]")).to_have_count(1)
        press(seen, page.get_by_role("tab", name="Models"))
        reach(seen, page.locator("#models-family input:checked"))
        press(seen, page.get_by_role("tab", name="Alerts"))
        reach(seen, page.locator("#alerts-key input"))
        page.keyboard.type(ADMIN_KEY["X-API-Key"])
        press(seen, page.locator("#alerts-enter"))
        errors = page.locator(".watch", has_text="Wrong predictions").first
        press(seen, errors.get_by_role("button", name="Silence for 1 h"))
        expect(errors).to_contain_text("Silenced")
        press(seen, errors.get_by_role("button", name="End the silence"))
        expect(errors.get_by_role("button", name="Silence for 1 h")).to_be_visible()
        press(seen, page.get_by_role("button", name="Send a test mail"))
        expect(page.locator("#alerts-said")).to_contain_text("took the test mail")
