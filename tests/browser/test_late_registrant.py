"""Somebody who registers late reads what their unit wrote before, and the messages sent to them."""

from playwright.sync_api import expect

from tests.harness.browser import Station
from tests.harness.server import ServerProcess, run_copconnect


def test_a_late_registrant_reads_what_was_written_before(
    station: Station, app_server: ServerProcess
) -> None:
    run_copconnect(app_server.data, "conversations", "create", "--unit", "HYD-ABID", "--talk")
    early = station.officer(0).register()
    late = station.officer(6)
    chats = early.page.get_by_role("region", name=early.word("chats.title"), exact=True)
    title = "Abids Police Station"
    early.chat(title).wait_for()
    early.open_chat(title)
    early.say("Last week's order: barricades stay until Friday.")
    early.sees_status("Last week's order", "sent")
    early.button("app.back").click()

    # To somebody without a phone one can write; the screen says what becomes of it.
    early.open_direct(late)
    waits = early.word("conversation.unregisteredDirect", name=late.person.name)
    early.page.get_by_text(waits).wait_for()
    early.say("Call me when you have installed this.")
    early.sees_status("Call me when you have installed this.", "sent")
    early.act_on("Call me when", "conversation.details")
    early.page.get_by_text(early.word("conversation.receipts.phoneless")).wait_for()
    early.page.get_by_text(early.word("conversation.receipts.why.unregistered")).wait_for()
    early.shot("not-registered-yet")
    early.button("app.back").click()

    late.register()
    late.chat(early.person.name).wait_for()
    late.shot("chats")
    late.open_chat(early.person.name)
    late.message("Call me when you have installed this.").wait_for()
    early.sees_status("Call me when you have installed this.", "read")
    expect(early.page.get_by_text(waits)).to_have_count(0)
    late.button("app.back").click()
    late.open_chat(title)
    late.message("Last week's order: barricades stay until Friday.").wait_for()
    late.shot("history")
    late.say("Read, and on my way to the barricades.")
    early.to_chats()
    expect(chats.get_by_text("Read, and on my way").first).to_be_visible()
