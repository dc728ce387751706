"""A department in which admins confirm first phones, replace lost phones, and unlock phones that a
colleague locked."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.harness import confirming, groups, storage, tour_account
from tests.harness.browser import PHONE, Officer, Station
from tests.harness.looks import Looks
from tests.harness.server import ServerProcess


@pytest.fixture(scope="module")
def app_server(serve: Callable[..., ServerProcess]) -> ServerProcess:
    """The server of a department with the policy ``approval``."""
    return serve(
        department_policy="approval",
        **{"otp_per_number_and_address_per_day": 1_000, "otp_per_number_per_day": 1_000},
        otp_resend_ms=0,
    )


@pytest.fixture(scope="module")
def root_admin(posted: Station, app_server: ServerProcess) -> Officer:
    """The first phone of all: nobody can confirm it until it is a root admin's."""
    admin = posted.officer(0).register_waiting()
    admin.page.get_by_text(admin.word("devices.waiting.nobody")).wait_for()
    confirming.name_root_admin(app_server, admin)
    return admin


@pytest.fixture(scope="module")
def colleague(posted: Station, root_admin: Officer) -> Officer:
    """The head of a station, whom the admin has confirmed."""
    officer = posted.officer(2).register_waiting()
    confirming.confirm(root_admin, officer)
    return officer


def test_a_phone_is_confirmed_locked_unlocked_and_replaced(
    station: Station, chief: Officer, other: Officer, app_server: ServerProcess
) -> None:
    constable, colleague = station.officer(8), other

    # With a right over the unit, its head confirms a first phone, which waits and says whom to ask.
    unit = _give_right(chief, colleague)
    at_constable, at_colleague = Looks(constable, PHONE), Looks(colleague, PHONE)
    at_constable.follow(tour_account.waiting(constable))
    constable.page.get_by_text(colleague.person.name).first.wait_for()
    at_colleague.follow(tour_account.confirming(colleague, constable, at_constable))
    constable.heading("chats.title").wait_for()
    chief.button("devices.rights.withdrawLabel", unit=unit).click()
    dialog = chief.page.get_by_role("dialog")
    dialog.get_by_role("button", name=chief.word("devices.rights.withdraw"), exact=True).click()
    chief.page.get_by_text(chief.word("devices.rights.none")).wait_for()
    # Earlier confirmations still count.
    with constable.speaking("te"):
        constable.page.reload()
        constable.heading("chats.title").wait_for()
        _lock_and_unlock(at_constable, at_colleague, chief)
    constable.page.reload()
    assert [*at_constable.told(), *at_colleague.told()] == []

    # The phone is lost for good. A new one may not be confirmed beside it.
    fresh = station.officer(8).register_waiting()
    confirming.open_list(chief)
    confirming.act(chief, fresh).click()
    chief.page.get_by_text(chief.word("errors.other_device")).wait_for()
    chief.shot("other-device")
    chief.button("devices.confirm.card").click()
    _remove_lost(chief)
    confirming.enter(chief, confirming.digits_shown(fresh))
    chief.heading("devices.confirm.done").wait_for()
    fresh.heading("chats.title").wait_for()
    constable.page.get_by_text(constable.word("app.signedOut.device_removed")).wait_for()
    constable.shot("lost-phone")
    assert storage.records(constable.page) == 0

    fresh.open_chat(colleague.person.name)
    fresh.message("The raid is at four.").wait_for()
    fresh.message("Found under the seat.").get_by_text("You:").wait_for()
    fresh.shot("history")
    groups.sees_notice(colleague, "deviceAdded", people=fresh.person.name, by=chief.person.name)
    _a_ghost_is_shown_and_given_nothing(station.officer(8), fresh, colleague, app_server)


def _give_right(chief: Officer, to: Officer) -> str:
    """Let somebody confirm phones of their unit, on their card; return the unit's name."""
    chief.open_card(to)
    chief.button("devices.rights.give").click()
    dialog = chief.page.get_by_role("dialog")
    field = dialog.get_by_label(chief.word("devices.rights.unit"), exact=True)
    expect(field).to_have_value(to.person.unit)
    chief.shot("give-right")
    dialog.get_by_role("button", name=chief.word("devices.rights.give"), exact=True).click()
    name = "Amberpet Police Station"
    chief.button("devices.rights.withdrawLabel", unit=name).wait_for()
    chief.shot("right")
    return name


def _a_ghost_is_shown_and_given_nothing(
    ghost: Officer, constable: Officer, colleague: Officer, app_server: ServerProcess
) -> None:
    """Somebody with the number of an officer registers, and a server that has been taken over calls
    the device confirmed and lists it."""
    ghost.register_waiting()
    storage.call_confirmed(app_server.data)
    for text in ("The raid begins at four.", "Not by the main road."):
        colleague.say(text)
        constable.message(text).wait_for()
    constable.say("Understood.")
    colleague.message("Understood.").wait_for()

    colleague.page.get_by_role("button", name=colleague.word("conversation.encrypted")).click()
    unconfirmed = colleague.page.get_by_text(colleague.word("devices.unconfirmed"), exact=True)
    unconfirmed.wait_for()
    colleague.shot("ghost")
    # The app of the ghost judges itself by the same records, and finds nothing to show.
    ghost.page.goto("/#/chats")
    ghost.page.reload()
    confirming.waits(ghost).wait_for()
    for text in ("The raid is", "The raid begins", "Not by the main", "Understood"):
        expect(ghost.page.get_by_text(text)).to_have_count(0)


def _remove_lost(chief: Officer) -> None:
    """On the person's card: the one device that is confirmed; the phone that waits is to be
    confirmed next."""
    card = chief.page.get_by_role("article")
    expect(card.get_by_text(chief.word("devices.unconfirmed"), exact=True)).to_have_count(1)
    lost = card.get_by_role("listitem").filter(has_text="Confirmed by")
    lost.get_by_role("button").click()
    dialog = chief.page.get_by_role("dialog")
    dialog.get_by_text(chief.word("devices.revoke.final")).wait_for()
    choices = dialog.get_by_role("group", name=chief.word("devices.revoke.waiting"))
    expect(choices.get_by_role("radio")).to_have_count(2)
    # The waiting phone is left out unless the admin chooses to confirm it.
    expect(choices.get_by_role("radio", name=chief.word("devices.revoke.leave"))).to_be_checked()
    choices.get_by_role("radio").nth(1).check()
    chief.shot("remove-lost")
    dialog.get_by_role("button", name=chief.word("devices.revoke.actConfirm"), exact=True).click()


def _lock_and_unlock(at_constable: Looks, at_colleague: Looks, chief: Officer) -> None:
    """A colleague locks a phone that may be lost, and an admin unlocks it."""
    constable, colleague = at_constable.officer, at_colleague.officer
    colleague.to_chats()
    colleague.open_direct(constable)
    colleague.say("The raid is at four.")
    constable.open_chat(colleague.person.name_te)
    constable.message("The raid is at four.").wait_for()

    # The colleague says that the phone is lost.
    at_colleague.follow(_locking(colleague, constable))
    title = constable.heading("devices.lost.screen.title")
    title.wait_for()
    assert storage.records(constable.page) > 0
    at_constable.follow(_locked(constable, colleague, chief))
    expect(constable.page.get_by_text("The raid is at four.")).to_have_count(0)
    # Cutting the network off opens nothing.
    constable.context.route("**/v1/**", lambda route: route.abort())
    constable.page.reload()
    title.wait_for()
    expect(constable.page.get_by_text("The raid is at four.")).to_have_count(0)
    constable.context.unroute("**/v1/**")
    constable.page.reload()
    title.wait_for()

    # The admin sees it, and by whom, and unlocks; the phone opens without a hand on it.
    chief.open_card(constable)
    chief.page.get_by_text(colleague.person.name).first.wait_for()
    chief.button("devices.lost.unlock").click()
    dialog = chief.page.get_by_role("dialog")
    dialog.get_by_role("button", name=chief.word("devices.lost.unlock"), exact=True).click()
    unlocked = chief.word("devices.lost.unlocked", name=constable.person.name)
    chief.page.get_by_text(unlocked).wait_for()
    constable.page.get_by_text(colleague.person.name_te).first.wait_for(timeout=45_000)
    expect(title).to_have_count(0)
    constable.to_chats()
    constable.open_chat(colleague.person.name_te)
    constable.say("Found under the seat.")
    colleague.to_chats()
    colleague.open_chat(constable.person.name)
    colleague.message("Found under the seat.").wait_for()


def _locking(colleague: Officer, loser: Officer) -> Iterator[str]:
    colleague.open_card(loser)
    colleague.button("devices.lost.act").scroll_into_view_if_needed()
    yield "card"
    colleague.button("devices.lost.act").click()
    dialog = colleague.page.get_by_role("dialog")
    dialog.wait_for()
    yield "question"
    dialog.get_by_role("button", name=colleague.word("devices.lost.lock"), exact=True).click()
    done = colleague.word("devices.lost.done", name=loser.person.name)
    colleague.page.get_by_text(done).wait_for()
    colleague.button("devices.lost.unlock").scroll_into_view_if_needed()
    yield "locked-card"


def _locked(loser: Officer, colleague: Officer, chief: Officer) -> Iterator[str]:
    expect(loser.page.get_by_text(colleague.person.name_te)).to_be_visible()
    expect(loser.page.get_by_text(chief.person.name_te)).to_be_visible()
    call = loser.page.locator(f"a[href='tel:{chief.person.number}']")
    expect(call).to_be_visible()
    yield "locked"
