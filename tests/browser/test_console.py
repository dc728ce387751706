"""The console: an admin acts in their own part, acts are signed, the log verifies in the page."""

from itertools import count

import pytest
from playwright.sync_api import expect

from tests.harness import tour_console
from tests.harness.browser import Officer, Station
from tests.harness.looks import Looks
from tests.harness.server import ServerProcess, run_copconnect
from tests.harness.tour_console import find, open_console, open_person, row

# Each test takes people of its own, because the module has one server.
PEOPLE = count(40)


def test_an_admin_suspends_undoes_and_finds_both_in_the_verified_log(
    chief: Officer, station: Station, app_server: ServerProcess
) -> None:
    constable = station.officer(next(PEOPLE)).register()
    name = constable.person.name
    # The way in, from the app.
    chief.page.goto("/#/me")
    chief.page.get_by_role("link").filter(has_text=chief.word("me.console")).click()
    chief.heading("@nav.home").wait_for()
    find(chief, name)
    pane = open_person(chief, name)
    suspend = pane.get_by_role("button", name=chief.word("@person.suspend"), exact=True)
    at_first = suspend.bounding_box()
    pane.get_by_text(chief.word("@moves.charges.regular")).wait_for()
    # Devices, rights and posts came meanwhile: a tap on the way hits what it was meant for.
    assert suspend.bounding_box() == at_first
    suspend.click()
    dialog = chief.page.get_by_role("dialog")
    dialog.get_by_label(chief.word("@act.reason"), exact=True).fill("Enquiry 12/26")
    dialog.get_by_role("button", name=chief.word("@person.suspend"), exact=True).click()
    chief.page.get_by_text(chief.word("@person.suspended", name=name)).wait_for()
    constable.page.get_by_text(constable.word("app.signedOut.suspended")).wait_for()
    chief.button("@act.undo").click()
    chief.page.get_by_text(chief.word("@person.restored", name=name)).wait_for()

    open_console(chief, "audit")
    told = chief.word("@acts.done.person_suspended", name=name, reason="Enquiry 12/26")
    entry = row(chief.page, told)
    expect(entry.get_by_text(chief.word("@audit.right"), exact=True)).to_be_visible()
    chief.button("@audit.verify").click()
    chief.page.get_by_role("status").locator("bdi").wait_for()
    chief.shot("verified")
    assert "none changed" in run_copconnect(app_server.data, "audit", "verify")


def test_letters_are_made_for_several_people_and_told_once(chief: Officer) -> None:
    open_console(chief, "people")
    boxes = chief.page.get_by_role("row").get_by_role("checkbox")
    boxes.nth(1).check()
    boxes.nth(2).check()
    chief.button("@people.codes").click()
    dialog = chief.page.get_by_role("dialog")
    dialog.get_by_role("button", name=chief.word("@people.codes"), exact=True).click()
    made = chief.page.get_by_role("dialog").filter(has_text=chief.word("@people.codesOnce"))
    expect(made.get_by_role("row")).to_have_count(3)
    chief.shot("codes")
    made.get_by_role("button", name=chief.word("@close"), exact=True).click()
    made.wait_for(state="hidden")


def test_the_console_is_for_those_who_hold_a_grant(other: Officer) -> None:
    expect(other.page.get_by_text(other.word("me.console"))).to_have_count(0)
    other.page.goto("/admin/")
    other.heading("@open.noRight").wait_for()


def test_the_keyboard_alone_is_enough(chief: Officer) -> None:
    open_console(chief, "people")
    rows = chief.page.get_by_role("row")
    rows.nth(2).wait_for()
    chief.page.keyboard.press("Control+k")
    expect(chief.page.get_by_role("searchbox").first).to_be_focused()
    rows.nth(1).focus()
    chief.page.keyboard.press("ArrowDown")
    expect(rows.nth(2)).to_be_focused()
    chief.page.keyboard.press("Space")
    expect(rows.nth(2)).to_have_attribute("aria-selected", "true")
    chief.page.keyboard.press("Enter")
    chief.page.get_by_role("complementary").wait_for()


@pytest.mark.parametrize(
    ("size", "language"),
    [("desk", "en"), ("phone", "en"), ("desk", "te"), ("phone", "ur"), ("desk", "ur")],
)
def test_every_page_looks_right(console: Looks, other: Officer, language: str) -> None:
    shown = other.person.name_te if language == "te" else other.person.name
    console.follow(tour_console.pages(console.officer, shown))
    assert console.told() == []
