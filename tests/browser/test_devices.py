"""Devices that come and go: a removed member's, a suspended one, an emptied one, a damaged one."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from tests.harness import confirming, groups, storage
from tests.harness.browser import WAITS, Officer, Station
from tests.harness.recording import RecordingProxy
from tests.harness.server import ServerProcess, run_copconnect


@pytest.fixture(scope="module")
def control_line(own_relay: Callable[[], RecordingProxy]) -> RecordingProxy:
    """The line of the third officer alone."""
    return own_relay()


@pytest.fixture(scope="module")
def third(posted: Station, control_line: RecordingProxy) -> Officer:
    """A member of groups beside the colleague."""
    return posted.officer(11, url=control_line.url).register()


@pytest.fixture(scope="module")
def damaged(posted: Station) -> Officer:
    """An officer whose device loses its keys, and is signed out at last."""
    return posted.officer(12).register()


def test_a_removed_member_gets_nothing_of_what_follows(
    station: Station,
    own_relay: Callable[[], RecordingProxy],
    control_line: RecordingProxy,
    app_server: ServerProcess,
    other: Officer,
    third: Officer,
) -> None:
    line = own_relay()
    founder, staying = other, third
    removed = station.officer(4, url=line.url).register()
    title = "Undercover purchase on Friday"
    groups.create(founder, title, [staying, removed])
    founder.say("The seller asks for two lakh.")
    for member in (staying, removed):
        member.open_chat(title)
        member.message("The seller asks for two lakh.").wait_for()

    groups.open_info(founder)
    groups.remove(founder, removed)
    groups.close_info(founder)
    removed.page.get_by_text(removed.word("conversation.leftLine")).wait_for()
    removed.shot("removed")
    for text in ("Marked notes are ready.", "The meeting moved to seven.", "Inform nobody else."):
        founder.say(text)
        staying.message(text).wait_for()
    staying.say("Read and understood by me alone.")
    founder.message("Read and understood by me alone.").wait_for()

    # Neither on screen, nor after a fresh start, nor even as ciphertext on the line.
    removed.page.reload()
    removed.message("The seller asks for two lakh.").wait_for()
    expect(removed.composer).to_have_count(0)
    for text in ("Marked notes", "The meeting moved", "Nobody else", "Read and understood"):
        expect(removed.message(text)).to_have_count(0)
    payloads = storage.last_payloads(app_server.data, 4)
    assert len(payloads) == 4
    here, there = (list(storage.received(one)) for one in (control_line, line))
    for payload in payloads:
        assert any(payload in thing.data for thing in here)
        assert not any(payload in thing.data for thing in there)


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


def test_a_device_that_lost_everything_comes_back_into_its_conversations(
    station: Station, app_server: ServerProcess, other: Officer, third: Officer
) -> None:
    losing = station.officer(9).register()
    third.to_chats()
    title = "Flood relief boats"
    groups.create(losing, title, [other, third])
    losing.say("Four boats at the north ghat.")
    other.open_chat(title)
    other.message("Four boats at the north ghat.").wait_for()

    losing.page.goto("about:blank")
    storage.delete_database(losing.context, station.url)
    losing.open()
    # The lost keys may be in somebody's hands: it waits.
    losing.register_waiting()
    listed = run_copconnect(app_server.data, "admin", "list-clients", losing.person.number)
    lost, fresh = sorted(CLIENT.findall(listed), key=lambda id_: "first" not in _row(listed, id_))
    said = run_copconnect(app_server.data, "admin", "revoke-client", lost)
    # Removing the lost one confirms nobody: the operator reads who waits, and who can confirm it.
    assert f"Waits, confirmed by nobody: {fresh}" in said
    assert "copconnect admin grant" in said
    other.say("Is anybody there?")
    other.message("Is anybody there?").wait_for()
    waiting = run_copconnect(app_server.data, "admin", "list-clients", losing.person.number)
    assert "not confirmed" in _row(waiting, fresh)
    losing.heading(WAITS).wait_for()
    confirming.name_root_admin(app_server, third)
    confirming.confirm(third, losing)
    name = ("admin", "grant", third.person.number, str(app_server.data / "keys" / "root.key.pem"))
    run_copconnect(app_server.data, *name, "--withdraw")
    losing.chat(title).wait_for()
    losing.open_chat(title)
    other.say("Two more boats have come downstream.")
    losing.message("Two more boats have come downstream.").wait_for()
    # Earlier messages are there again: another member's phone passed the key on.
    losing.message("Four boats at the north ghat.").wait_for()
    losing.say("I lost the phone's memory, not the boats.")
    other.message("I lost the phone's memory, not the boats.").wait_for()


CLIENT = re.compile(r"\b[0-9a-f]{32}\b")


def _row(table: str, client_id: str) -> str:
    """Return the lines of a device: its id and label, then what it is."""
    lines = table.splitlines()
    at = next(at for at, line in enumerate(lines) if client_id in line)
    return " ".join(lines[at : at + 3])


@pytest.mark.parametrize("harm", [storage.lose, storage.garble])
def test_lost_keys_of_a_conversation_come_back(
    posted: Station,
    harm: Callable[[BrowserContext, str, str], None],
    damaged: Officer,
    other: Officer,
) -> None:
    before, here, after, answer = (
        f"{text} ({harm.__name__})"
        for text in (
            "All quiet before the damage.",
            "All quiet here as well.",
            "Can you still read me after that?",
            "Loud and clear, and sending too.",
        )
    )
    damaged.to_chats()
    damaged.open_direct(other)
    damaged.say(before)
    other.open_chat(damaged.person.name)
    other.message(before).wait_for()
    other.say(here)
    damaged.message(here).wait_for()
    damaged.page.goto("about:blank")
    harm(damaged.context, posted.url, "conversation_keys")
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
