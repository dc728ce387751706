"""Text of twice the size on the smallest phone, under a flash order and a live position.

The composer is in view, and every control of the main screens can be pressed.
"""

from pathlib import Path

from playwright.sync_api import expect

from tests.harness import groups, reach
from tests.harness.browser import SMALL_PHONE, Officer, Station
from tests.harness.commanding import let_issue
from tests.harness.server import ServerProcess
from tests.harness.words import NAMES

GROUP = "Clock tower bandobast"
FLASH = "Close the eastern bridge at once and turn everybody back"


def issue_flash(officer: Officer) -> None:
    """A flash order to the group."""
    officer.page.goto("/#/orders")
    officer.button("orders.new").first.click()
    officer.button("orders.compose.chooseAudience").click()
    audience = officer.page.get_by_role("dialog", name=officer.word("orders.compose.audience"))
    audience.get_by_role("button").filter(has_text=GROUP).click()
    officer.page.get_by_label(officer.word("orders.compose.title"), exact=True).fill(FLASH)
    officer.button("orders.priority.flash").click()
    officer.button("orders.compose.send").click()


def share_live(officer: Officer) -> None:
    """Let the open conversation see where this officer is."""
    officer.button("conversation.attach").click()
    sheet = officer.page.get_by_role("dialog", name=officer.word("media.attach.title"))
    sheet.get_by_role("button", name=officer.word("consult.live.new"), exact=True).click()
    officer.button("consult.live.start").click()
    officer.page.get_by_role("status").get_by_role(
        "button", name=officer.word("consult.live.stop"), exact=True
    ).wait_for()


def faults(officer: Officer) -> list[str]:
    """Go round with large text; returns what cannot be pressed, screen by screen."""
    page = officer.page
    found: list[str] = []

    def look(stop: str) -> None:
        officer.shot(stop)
        found.extend(f"{officer.language}, {stop}: {one}" for one in reach.unreachable(page))

    reach.enlarge(page, SMALL_PHONE)
    expect(officer.composer).to_be_in_viewport(ratio=1)
    # The live position below the flash order shows that there is more to scroll to.
    expect(
        page.get_by_role("status").filter(has=officer.button("consult.live.stop"))
    ).to_be_in_viewport()
    look("conversation")
    officer.button("conversation.attach").click()
    page.get_by_role("dialog", name=officer.word("media.attach.title")).wait_for()
    look("attach")
    page.keyboard.press("Escape")
    officer.composer.fill("Turned back at the bridge.")
    expect(officer.button("conversation.send")).to_be_in_viewport(ratio=1)
    look("writing")
    officer.composer.fill("")
    page.goto("/#/chats")
    for stop in ("orders", "people", "chats", "me"):
        # As a finger does it, in the bar.
        page.get_by_role("navigation").locator(f"a[href$='#/{stop}']").click()
        page.locator("main h1").first.wait_for()
        look(stop)
    return found


def test_everything_is_in_reach_with_text_of_twice_the_size(
    station: Station, app_server: ServerProcess, tmp_path: Path
) -> None:
    commander = station.officer(0).register()
    let_issue(app_server, tmp_path, [commander.person])
    officer = station.officer(1, screen=SMALL_PHONE).register()
    groups.create(commander, GROUP, [officer])
    commander.say("The crowd moves to the east.")
    issue_flash(commander)
    found: list[str] = []
    for language in NAMES:
        with officer.speaking(language):
            officer.page.goto("/#/chats")
            officer.page.reload()
            officer.page.get_by_role("alert").filter(has_text=FLASH).wait_for()
            officer.open_chat(GROUP)
            share_live(officer)
            found += faults(officer)
            officer.button("consult.live.stop").click()
    assert found == []
