"""A colleague locks a lost phone: its person sees by whom and whom to call; an admin unlocks it."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.harness import confirming, storage
from tests.harness.browser import PHONE, Officer, Station
from tests.harness.looks import Looks
from tests.harness.server import ServerProcess


@pytest.fixture(scope="module")
def app_server(serve: Callable[..., ServerProcess]) -> ServerProcess:
    return serve(
        department_policy="approval",
        **{"otp_per_number_and_address_per_day": 1_000, "otp_per_number_per_day": 1_000},
        otp_resend_ms=0,
    )


def test_a_colleague_locks_a_lost_phone_and_an_admin_unlocks_it(
    station: Station, app_server: ServerProcess
) -> None:
    chief, loser, colleague = (
        station.officer(0),
        station.officer(6, screen=PHONE, language="te"),
        station.officer(12, screen=PHONE),
    )
    chief.register_waiting()
    confirming.name_root_admin(app_server, chief)
    for one in (loser, colleague):
        one.register_waiting()
        confirming.confirm(chief, one)
        one.heading("chats.title").wait_for()
    colleague.open_direct(loser)
    colleague.say("The raid is at four.")
    loser.open_chat(colleague.person.name_te)
    loser.message("The raid is at four.").wait_for()

    # The colleague says that the phone is lost.
    at_colleague, at_loser = Looks(colleague, PHONE), Looks(loser, PHONE)
    at_colleague.follow(_locking(colleague, loser))
    title = loser.heading("devices.lost.screen.title")
    title.wait_for()
    assert storage.records(loser.page) > 0
    at_loser.follow(_locked(loser, colleague, chief))
    expect(loser.page.get_by_text("The raid is at four.")).to_have_count(0)
    # Cutting the network off opens nothing.
    loser.context.route("**/v1/**", lambda route: route.abort())
    loser.page.reload()
    title.wait_for()
    expect(loser.page.get_by_text("The raid is at four.")).to_have_count(0)
    loser.context.unroute("**/v1/**")
    loser.page.reload()
    title.wait_for()

    # The admin sees it, and by whom, and unlocks; the phone opens without a hand on it.
    chief.open_card(loser)
    chief.page.get_by_text(colleague.person.name).first.wait_for()
    chief.button("devices.lost.unlock").click()
    dialog = chief.page.get_by_role("dialog")
    dialog.get_by_role("button", name=chief.word("devices.lost.unlock"), exact=True).click()
    chief.page.get_by_text(chief.word("devices.lost.unlocked", name=loser.person.name)).wait_for()
    loser.page.get_by_text(colleague.person.name_te).first.wait_for(timeout=45_000)
    expect(title).to_have_count(0)
    loser.to_chats()
    loser.open_chat(colleague.person.name_te)
    loser.say("Found under the seat.")
    colleague.to_chats()
    colleague.open_chat(loser.person.name)
    colleague.message("Found under the seat.").wait_for()
    assert [*at_colleague.told(), *at_loser.told()] == []


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
