"""Devices that are suspended, damaged or signed out."""

import pytest
from playwright.sync_api import Locator, expect

from tests.harness import storage
from tests.harness.browser import Officer, Station
from tests.harness.server import ServerProcess, run_copconnect


@pytest.fixture(scope="module")
def damaged(posted: Station) -> Officer:
    """An officer whose device loses its keys, and is signed out at last."""
    return posted.officer(12).register()


def test_a_suspended_person_is_signed_out_at_once(
    station: Station, app_server: ServerProcess, other: Officer
) -> None:
    officer = station.officer(5).register()
    other.open_direct(officer)
    other.say("Last order before the suspension.")
    officer.open_chat(other.person.name)
    officer.message("Last order before the suspension.").wait_for()
    run_copconnect(app_server.data, "admin", "suspend", officer.person.number)
    officer.heading("app.signedOut.title").wait_for()
    suspended = officer.page.get_by_text(officer.word("app.signedOut.suspended"))
    kept = officer.page.get_by_text(officer.word("app.signedOut.keptDo"))
    expect(suspended).to_be_visible()
    # No record signed by people says so: the data here is kept, locked (E6).
    expect(kept).to_be_visible()
    officer.shot("suspended")
    assert storage.records(officer.page) > 0
    expect(officer.page.get_by_text("Last order before")).to_have_count(0)
    officer.page.reload()
    expect(suspended).to_be_visible()
    expect(officer.page.get_by_text("Last order before")).to_have_count(0)
    # A person who starts over is asked first, and then the device is empty.
    officer.button("app.signedOut.startOver").click()
    officer.button("app.signedOut.erase").click()
    _first_step(officer).wait_for()
    assert storage.records(officer.page) == 0


def test_a_device_that_was_away_is_told_why_it_is_out(
    station: Station, app_server: ServerProcess
) -> None:
    officer = station.officer(14, language="te").register()
    officer.page.goto("about:blank")
    run_copconnect(app_server.data, "admin", "suspend", officer.person.number)
    officer.open()
    expect(officer.page.get_by_text(officer.word("app.signedOut.suspended"))).to_be_visible()
    expect(officer.page.get_by_text(officer.word("app.signedOut.keptDo"))).to_be_visible()
    officer.shot("suspended")


def _first_step(officer: Officer) -> Locator:
    return officer.page.get_by_role("heading", name=officer.word("firstRun.number.title")).or_(
        officer.page.get_by_role("heading", name=officer.word("firstRun.language.title"))
    )


def test_lost_keys_of_a_conversation_come_back(
    posted: Station, damaged: Officer, other: Officer
) -> None:
    before, here, after, answer = (
        "All quiet before the damage.",
        "All quiet here as well.",
        "Can you still read me after that?",
        "Loud and clear, and sending too.",
    )
    damaged.open_direct(other)
    damaged.say(before)
    other.open_chat(damaged.person.name)
    other.message(before).wait_for()
    other.say(here)
    damaged.message(here).wait_for()
    damaged.page.goto("about:blank")
    storage.garble(damaged.context, posted.url, "conversation_keys")
    damaged.open()
    damaged.open_chat(other.person.name)
    damaged.message(here).wait_for()
    other.say(after)
    damaged.message(after).wait_for()
    damaged.say(answer)
    other.message(answer).wait_for()
    damaged.shot("mended")


def test_signing_out_erases_the_device(damaged: Officer, other: Officer) -> None:
    officer = damaged
    officer.to_chats()
    officer.open_direct(other)
    officer.say("This will not stay on the phone.")
    officer.page.get_by_role("button", name=officer.word("app.back"), exact=True).click()
    assert storage.records(officer.page) > 0
    officer.page.get_by_role("link", name=officer.word("app.nav.me"), exact=True).click()
    officer.page.get_by_role("button", name=officer.word("me.signOut"), exact=True).click()
    dialog = officer.page.get_by_role("dialog")
    dialog.get_by_text(officer.word("me.signOutText")).wait_for()
    dialog.get_by_text(officer.word("me.signOutOnly")).wait_for()
    officer.shot("only-device")
    dialog.get_by_role("button", name=officer.word("me.signOut"), exact=True).click()
    officer.page.get_by_text(officer.word("app.signedOut.signOut")).wait_for()
    assert storage.records(officer.page) == 0
    officer.button("app.signedOut.startOver").click()
    _first_step(officer).wait_for()
