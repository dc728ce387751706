"""Acts of weight ask for the person: by Chromium's virtual authenticator, or by the PIN."""

from typing import Any

import pytest
from playwright.sync_api import CDPSession, Locator, expect

from tests.harness import confirming
from tests.harness.browser import DESKTOP, Officer, Station
from tests.harness.recording import RecordingProxy
from tests.harness.server import ServerProcess, run_copconnect
from tests.harness.tour_console import open_console

PIN = "271828"
ADMIN, OTHER, LAST = 60, 61, 62


@pytest.fixture(scope="module", autouse=True)
def _takes_authenticators(app_server: ServerProcess, relay: RecordingProxy) -> None:
    """The server names its host and the page's origin."""
    app_server.change(authenticator_host="localhost", authenticator_origins=relay.url)
    app_server.restart()


class VirtualAuthenticator:
    """An authenticator of one page, whose user it verifies unless told."""

    def __init__(self, officer: Officer) -> None:
        self._session: CDPSession = officer.context.new_cdp_session(officer.page)
        self._session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        made: Any = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._id = {"authenticatorId": made["authenticatorId"]}

    def verifies(self, verified: bool) -> None:
        change = {**self._id, "isUserVerified": verified}
        self._session.send("WebAuthn.setUserVerified", change)


def question(officer: Officer) -> Locator:
    """The question whether it is this person."""
    return officer.page.get_by_role("alertdialog", name=officer.word("presence.title"))


def export(officer: Officer) -> None:
    """Ask for a file of the units, up to the question."""
    open_console(officer, "units")
    officer.button("@export.action").click()
    officer.page.get_by_role("button", name=officer.word("@export.save"), exact=True).click()
    question(officer).wait_for()


def sign(officer: Officer, word: str = "presence.sign") -> None:
    question(officer).get_by_role("button", name=officer.word(word), exact=True).click()


def exports(server: ServerProcess) -> int:
    return run_copconnect(server.data, "audit", "list").count('"act": "directory_exported"')


def test_a_device_enrols_an_authenticator_before_it_is_confirmed_and_signs_by_it_alone(
    station: Station, app_server: ServerProcess
) -> None:
    phone = confirming.root_admin(app_server, station, ADMIN)
    desk = station.officer(ADMIN, screen=DESKTOP, proves=False).register_waiting()
    authenticator = VirtualAuthenticator(desk)
    desk.page.get_by_text(desk.word("presence.own.before")).wait_for()
    desk.shot("waits")
    desk.button("presence.own.enrol").click()
    desk.page.get_by_text("1 authenticator is enrolled").wait_for()
    desk.shot("enrolled")
    confirming.confirm(phone, desk)

    before = exports(app_server)
    export(desk)
    desk.shot("asks")
    authenticator.verifies(False)  # Somebody else at the open browser.
    sign(desk)
    desk.page.get_by_text(desk.word("presence.notProven")).wait_for()
    desk.shot("not-proven")
    assert exports(app_server) == before
    authenticator.verifies(True)
    with desk.page.expect_download() as saved:
        sign(desk)
    assert saved.value.suggested_filename == "units.xlsx"
    expect(question(desk)).to_have_count(0)
    assert exports(app_server) == before + 1
    assert "none changed" in run_copconnect(app_server.data, "audit", "verify")

    # The phone's own authenticator is not enrolled, and its PIN proves nothing any more.
    VirtualAuthenticator(phone)
    export(phone)
    expect(question(phone)).to_contain_text(phone.word("presence.authenticator"))
    sign(phone)
    phone.page.get_by_text(phone.word("presence.notProven")).wait_for()
    question(phone).get_by_role("button", name=phone.word("app.cancel"), exact=True).click()
    assert exports(app_server) == before + 1
    # A second admin enrols the authenticator, after the two compare six digits.
    phone.page.goto("/#/me/lock")
    phone.button("presence.own.ask").click()
    asked = phone.page.get_by_text(phone.word("presence.own.asked"))
    asked.wait_for()
    phone.shot("asks-another-admin")
    digits = asked.locator("strong").inner_text()
    other = confirming.root_admin(app_server, station, OTHER)
    open_console(other, "approvals")
    item = other.page.get_by_role("listitem").filter(has_text=phone.person.name)
    expect(item).to_contain_text(digits)
    other.shot("to-enrol")
    item.get_by_role("button", name=other.word("@approvals.enrol"), exact=True).click()
    dialog = other.page.get_by_role("dialog")
    expect(dialog).to_contain_text(digits)
    dialog.get_by_role("button", name=other.word("@approvals.enrol"), exact=True).click()
    other.page.get_by_text(other.word("@approvals.enrolled"), exact=True).wait_for()
    assert "none changed" in run_copconnect(app_server.data, "audit", "verify")


@pytest.mark.parametrize("language", ["en", "ur"])
def test_a_person_without_a_pin_and_an_authenticator_sets_one_and_enters_it_each_time(
    station: Station, app_server: ServerProcess, language: str
) -> None:
    at = LAST + ["en", "ur"].index(language)
    admin = station.officer(at, screen=DESKTOP, proves=False, language=language).register()
    confirming.name_root_admin(app_server, admin)
    before = exports(app_server)
    export(admin)
    expect(question(admin)).to_contain_text(admin.word("presence.set_pin"))
    admin.shot("sets-a-pin")
    fields = question(admin).locator("input[type=password]")
    fields.nth(0).fill("123456")
    sign(admin, "presence.setAndSign")
    question(admin).get_by_text(admin.word("me.pinWeak")).wait_for()
    secret, word = PIN, "presence.setAndSign"
    if language == "ur":
        secret, word = "four words of mine", "presence.setPassphraseAndSign"
        question(admin).get_by_role("radio", name=admin.word("me.lockByPassphrase")).check()
        admin.shot("sets-a-passphrase")
    fields.nth(0).fill(secret)
    fields.nth(1).fill(secret)
    with admin.page.expect_download():
        sign(admin, word)
    assert exports(app_server) == before + 1

    admin.button("@export.action").click()
    admin.page.get_by_role("button", name=admin.word("@export.save"), exact=True).click()
    question(admin).locator("input").fill("314159")
    sign(admin)
    question(admin).get_by_text("9").wait_for()  # Tries left.
    expect(question(admin).locator("input")).to_be_focused()
    admin.shot("wrong-pin")
    question(admin).locator("input").fill(secret)
    with admin.page.expect_download():
        sign(admin)
    assert exports(app_server) == before + 2
