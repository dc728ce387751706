"""Messages, and drafts, when the network, the page or the server goes away."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.harness.browser import Officer, Station, until
from tests.harness.recording import RecordingProxy
from tests.harness.server import ServerProcess

pytestmark = pytest.mark.service_worker

Pair = tuple[Officer, Officer]


@pytest.fixture(scope="module")
def line(own_relay: Callable[[], RecordingProxy]) -> RecordingProxy:
    """The first officer's own line."""
    return own_relay()


@pytest.fixture(scope="module")
def talking(posted: Station, line: RecordingProxy) -> Pair:
    """Two officers who have spoken; the first has their own line."""
    first = posted.officer(0, url=line.url).register()
    second = posted.officer(1, service_worker=False).register()
    first.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    first.open_direct(second)
    first.say("Radio check from the bridge.")
    second.open_chat(first.person.name)
    second.message("Radio check from the bridge.").wait_for()
    return first, second


@pytest.fixture
def pair(talking: Pair, checked: None) -> Pair:  # noqa: ARG001
    """The two, with their conversation open."""
    return talking


def test_the_app_opens_without_a_network_and_sends_when_it_returns(
    pair: Pair, line: RecordingProxy
) -> None:
    away, other = pair
    line.go_dark()
    away.page.reload()
    away.message("Radio check from the bridge.").wait_for()
    away.page.get_by_text(away.word("app.status.offline")).wait_for()
    away.say("Written under the bridge, no signal here.")
    away.say("Second line from under the bridge.")
    expect(
        away.message("Second line from under the bridge.").get_by_text(
            away.word("conversation.status.queued")
        )
    ).to_be_attached()
    away.page.get_by_text(away.word("app.status.waiting_other", count=2)).wait_for()
    away.shot("offline")
    # The page may go and come back meanwhile.
    away.page.reload()
    away.message("Second line from under the bridge.").wait_for()
    other.say("Are you still at the bridge?")

    line.come_back()
    other.message("Second line from under the bridge.").wait_for()
    expect(other.message("Written under the bridge")).to_have_count(1)
    expect(other.message("Second line from under")).to_have_count(1)
    away.message("Are you still at the bridge?").wait_for()
    away.sees_status("Second line from under the bridge.", "read")


def test_a_pin_made_without_a_network_is_read_and_taken_down_in_telugu(
    pair: Pair, line: RecordingProxy
) -> None:
    away, other = pair
    text = "Gate four opens at six."
    away.say(text)
    other.message(text).wait_for()
    for number in range(12):
        away.say(f"Vehicle {number} has passed the bridge.")
    other.message("Vehicle 11 has passed the bridge.").wait_for()
    away.sees_status(text, "read")
    line.go_dark()
    away.act_on(text, "conversation.pins.pin")
    pinned = away.page.get_by_role("button", name=away.word("conversation.pins.one"))
    expect(pinned).to_contain_text(text)
    away.shot("pinned-offline")

    line.come_back()
    with other.speaking("te"):
        other.page.reload()
        telugu = other.page.get_by_role("button", name=other.word("conversation.pins.one"))
        telugu.click()
        expect(other.message(text)).to_be_in_viewport()
        other.shot("pinned-telugu")
        other.act_on(text, "conversation.pins.unpin")
        expect(telugu).to_have_count(0)
    expect(pinned).to_have_count(0)
    other.page.reload()


def test_a_message_is_deleted_for_everybody_once_there_is_a_network(
    pair: Pair, line: RecordingProxy
) -> None:
    away, other = pair
    away.say("Roadblock at the old mill.")
    away.say("Roadblock at the toll gate.")
    answered = other.message("Roadblock at the old mill.")
    answered.wait_for()
    other.act_on("Roadblock at the old mill.", "conversation.reply")
    other.say("On my way there.")
    away.message("On my way there.").wait_for()
    line.go_dark()
    gone = away.word("chats.preview.deleted")
    # Taken back in time, nobody hears of it.
    away.act_on("Roadblock at the toll gate.", "conversation.own.act.select")
    away.message("Roadblock at the old mill.").first.click()
    away.button("conversation.discard").click()
    away.heading("conversation.delete.title_other", number=2).wait_for()
    away.shot("delete-several")
    _confirm(away)
    expect(away.message(gone)).to_have_count(3)  # Both, and what answers one of them.
    away.button("app.undo").click()
    away.message("Roadblock at the toll gate.").wait_for()
    expect(away.message(gone)).to_have_count(0)
    _delete(away, "Roadblock at the old mill.")
    away.message(gone).first.wait_for()
    expect(other.message("Roadblock at the old mill.").first).to_be_visible()
    line.come_back()
    with other.speaking("te"):
        other.page.reload()
        deleted = other.message(other.word("chats.preview.deleted"))
        deleted.first.wait_for(timeout=30_000)
        expect(other.page.get_by_text("Roadblock at the old mill.")).to_have_count(0)
        other.message("Roadblock at the toll gate.").wait_for()
        # No menu on what is gone, and the answer says that it is.
        expect(
            deleted.first.get_by_role("button", name=other.word("conversation.actions"))
        ).to_have_count(0)
        expect(other.message("On my way there.").get_by_role("button").first).to_contain_text(
            other.word("chats.preview.deleted")
        )
        other.shot("deleted-te")
    other.page.reload()
    other.message("On my way there.").wait_for()
    away.shot("deleted")


def _delete(officer: Officer, text: str) -> None:
    act = officer.word("conversation.delete.act")
    # With the keyboard: an answer that quotes the text comes after it.
    officer.message(text).first.press("Enter")
    officer.page.get_by_role("menuitem", name=act, exact=True).click()
    _confirm(officer)


def _confirm(officer: Officer) -> None:
    dialog = officer.page.get_by_role("dialog")
    dialog.get_by_role("button", name=officer.word("conversation.delete.act")).click()
    dialog.wait_for(state="hidden")


def test_a_page_closed_in_the_middle_of_sending_sends_once(
    pair: Pair, line: RecordingProxy
) -> None:
    sender, receiver = pair
    text = "Closing the laptop now, moving out."
    # The request goes out and its answer never comes. Before it, a bubble is only drawn.
    before = _posted(line)
    line.hold(down=0)
    sender.say(text)
    until(sender.page, lambda: _posted(line) > before)
    sender.page.close()
    line.cut()
    line.release()
    sender.page = sender.second_tab()
    sender.open()
    sender.open_chat(receiver.person.name)
    sender.sees_status(text, "read")
    receiver.message(text).wait_for()
    sender.say("Back on the road with the second car.")
    receiver.message("Back on the road with the second car.").wait_for()
    expect(receiver.message(text)).to_have_count(1)
    expect(sender.message(text)).to_have_count(1)


def _posted(line: RecordingProxy) -> int:
    """How many messages have gone out on a line."""
    return sum(bytes(one.sent).count(b"/messages HTTP/1.1") for one in line.recordings)


def test_a_server_killed_in_mid_conversation_loses_and_doubles_nothing(
    pair: Pair, app_server: ServerProcess
) -> None:
    first, second = pair
    texts = [f"Convoy passes marker {number}, all in sight" for number in range(1, 9)]
    for number, text in enumerate(texts):
        (first if number % 2 else second).say(text)
        if number in (2, 5):
            app_server.kill()
        if number in (3, 6):
            app_server.start()
    for officer in pair:
        for text in texts:
            officer.message(text).wait_for()
            expect(officer.message(text)).to_have_count(1)
    # The read cursors that the dead server had not stored come to it again.
    for number, text in enumerate(texts):
        (first if number % 2 else second).sees_status(text, "read")


def test_two_tabs_of_one_device_live_side_by_side(pair: Pair) -> None:
    officer, other = pair
    leader = officer.page
    follower = officer.second_tab()
    officer.page = follower
    officer.open()
    officer.open_chat(other.person.name)
    officer.say("From the second window of the desk.")
    other.message("From the second window of the desk.").wait_for()
    officer.page = leader
    officer.message("From the second window of the desk.").wait_for()
    officer.say("From the first window of the desk.")
    other.message("From the first window of the desk.").wait_for()
    officer.page = follower
    officer.message("From the first window of the desk.").wait_for()

    # The tab that ran the core goes; the other takes over at once.
    leader.close()
    other.say("Do I still reach the second window?")
    officer.message("Do I still reach the second window?").wait_for()
    officer.say("The first window is closed now.")
    other.message("The first window is closed now.").wait_for()
    for text in ("From the second window", "From the first window", "The first window is closed"):
        expect(other.message(text)).to_have_count(1)
        expect(officer.message(text)).to_have_count(1)


def test_a_draft_outlives_the_tab_that_it_was_written_in(pair: Pair) -> None:
    officer, other = pair
    leader, follower = officer.page, officer.second_tab()
    officer.page = follower
    officer.open()
    row = officer.chat(other.person.name)
    row.wait_for()
    officer.page = leader
    officer.secrets.text("The seized vehicles are at")
    officer.composer.press_sequentially("The seized vehicles are at")
    row.get_by_text("The seized vehicles are at").wait_for()
    leader.close()
    officer.page = follower
    officer.open_chat(other.person.name)
    expect(officer.composer).to_have_value("The seized vehicles are at")
    officer.say("The seized vehicles are at the depot.")
    other.message("The seized vehicles are at the depot.").wait_for()
    officer.to_chats()
    expect(row.get_by_text(officer.word("chats.draft"))).to_have_count(0)
    officer.open_chat(other.person.name)


def test_what_is_being_written_stays_when_the_tab_that_leads_closes(pair: Pair) -> None:
    officer, other = pair
    leader, follower = officer.page, officer.second_tab()
    officer.page = follower
    officer.open()
    officer.open_chat(other.person.name)
    officer.secrets.text("Half a sentence about the")
    officer.composer.press_sequentially("Half a sentence about")
    leader.close()
    officer.composer.press_sequentially(" the")
    expect(officer.composer).to_have_value("Half a sentence about the")
    # The core of this tab leads now: it takes messages and has the draft.
    other.say("I am listening, continue.")
    officer.message("I am listening, continue.").wait_for()
    expect(officer.composer).to_have_value("Half a sentence about the")
    officer.to_chats()
    officer.chat(other.person.name).get_by_text("Half a sentence about the").wait_for()
    officer.page.reload()
    officer.open_chat(other.person.name)
    expect(officer.composer).to_have_value("Half a sentence about the")
    officer.composer.fill("")
