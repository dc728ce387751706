"""Steps of two people to confirm a phone, by what is written on both screens."""

import re

from playwright.sync_api import Locator, ViewportSize, expect

from tests.harness.browser import DESKTOP, WAITS, Officer, Station
from tests.harness.server import ServerProcess, run_copconnect

DIGITS = re.compile(r"^(\d ){5}\d$")


def name_root_admin(server: ServerProcess, officer: Officer) -> None:
    """Act as the keeper of the offline root for the first admin; end at the admin's chats."""
    key = str(server.data / "keys" / "root.key.pem")
    run_copconnect(server.data, "admin", "grant", officer.person.number, key)
    officer.heading("chats.title").wait_for()


def root_admin(
    server: ServerProcess,
    station: Station,
    index: int,
    *,
    screen: ViewportSize = DESKTOP,
    language: str = "en",
) -> Officer:
    """Register the person at ``index`` of the data bank, and name them the first admin."""
    officer = station.officer(index, screen=screen, language=language).register()
    name_root_admin(server, officer)
    return officer


def open_list(endorser: Officer) -> None:
    """Go to the devices that wait for this person."""
    endorser.page.goto("/#/me/confirm")
    endorser.heading("devices.confirm.title").wait_for()


def act(endorser: Officer, new: Officer) -> Locator:
    """The button that begins with a device of that person, in the list."""
    name = new.person.name_te if endorser.language == "te" else new.person.name
    row = endorser.page.get_by_role("listitem").filter(has_text=name)
    return row.get_by_role("button")


def answer(new: Officer) -> Locator:
    """The button of the new device under the name of who wants to confirm it."""
    return new.button("devices.digits.answer")


def digits_shown(new: Officer) -> str:
    """Tap the name on the new device once it asks, wait for the digits and read them out."""
    answer(new).click()
    said = new.page.get_by_text(DIGITS)
    said.wait_for(state="attached")
    return (said.text_content() or "").replace(" ", "")


def field(endorser: Officer) -> Locator:
    """The field where the digits are typed."""
    return endorser.page.get_by_label(endorser.word("devices.confirm.digits"), exact=True)


def enter(endorser: Officer, digits: str) -> None:
    """Type the digits once the new device has answered; the last one sends them."""
    expect(field(endorser)).to_be_enabled()
    field(endorser).fill(digits)


def confirm(endorser: Officer, new: Officer) -> None:
    """From the endorser's list to the new device's chats."""
    open_list(endorser)
    act(endorser, new).click()
    enter(endorser, digits_shown(new))
    endorser.heading("devices.confirm.done").wait_for()
    new.heading("chats.title").wait_for()


def waits(officer: Officer) -> Locator:
    """The screen of a device that nobody vouches for."""
    return officer.heading(WAITS)
