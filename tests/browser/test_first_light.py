"""Two officers register, one later, and write to each other; the server learns nothing of what they
say."""

import pytest
from playwright.sync_api import expect

from tests.harness.browser import DESKTOP, Station
from tests.harness.plaintext import scan, secret_text, stored
from tests.harness.recording import RecordingProxy
from tests.harness.server import ServerProcess, run_copconnect
from tests.harness.traffic import exhibits

UNIT = "Abids Police Station"
BEFORE = "Last week's order: barricades stay until Friday."
QUESTION = "Is the bandobast at Charminar ready for the procession tonight?"
ANSWER = "సిద్ధంగా ఉంది. Forty constables, two platoons, from six o'clock."


@pytest.mark.service_worker
def test_two_officers_register_and_write_to_each_other(
    station: Station, relay: RecordingProxy, app_server: ServerProcess
) -> None:
    run_copconnect(app_server.data, "conversations", "create", "--unit", "HYD-ABID", "--talk")
    asking = station.officer(0)
    asking.shot("language")
    asking.register()
    answering = station.officer(6, screen=DESKTOP, colours="dark", service_worker=False)
    asking.chat(UNIT).wait_for()
    asking.shot("chat-of-the-unit")
    asking.open_chat(UNIT)
    asking.say(BEFORE)
    asking.sees_status(BEFORE, "sent")
    asking.button("app.back").click()

    # To somebody without a phone one can write; the screen says what becomes of it.
    asking.open_direct(answering)
    waits = asking.word("conversation.unregisteredDirect", name=answering.person.name)
    asking.page.get_by_text(waits).wait_for()
    asking.say(QUESTION)
    asking.sees_status(QUESTION, "sent")
    asking.act_on(QUESTION, "conversation.details")
    asking.page.get_by_text(asking.word("conversation.receipts.phoneless")).wait_for()
    asking.page.get_by_text(asking.word("conversation.receipts.why.unregistered")).wait_for()
    asking.shot("not-registered-yet")
    asking.button("app.back").click()

    # Somebody who registers late reads it, and what the unit wrote before.
    answering.register()
    answering.open_chat(asking.person.name)
    answering.message(QUESTION).wait_for()
    expect(asking.page.get_by_text(waits)).to_have_count(0)
    answering.say(ANSWER)
    asking.message(ANSWER).wait_for()
    asking.sees_status(QUESTION, "read")
    answering.sees_status(ANSWER, "read")
    asking.shot("conversation")
    answering.shot("conversation")
    answering.to_chats()
    answering.open_chat(UNIT)
    answering.message(BEFORE).wait_for()
    answering.shot("history")
    answering.say("Read, and on my way to the barricades.")
    asking.to_chats()
    asking.chat(UNIT).get_by_text("Read, and on my way").wait_for()

    said = (BEFORE, QUESTION, ANSWER)
    # The search would be worth nothing if it could not see what was sent.
    sent = list(exhibits(relay.recordings))
    assert scan(sent, [secret_text(asking.person.number)])
    app_server.stop()
    try:
        kept = list(stored(app_server.data))
        assert scan(kept, [secret_text(asking.person.number)])
        assert scan([*sent, *kept], [secret_text(one) for one in said]) == []
    finally:
        app_server.start()


def test_an_unknown_number_looks_like_any_other(station: Station) -> None:
    officer = station.officer(3)
    officer.choose_language()
    officer.enter_number("9000000001")
    officer.heading("firstRun.code.title").wait_for()
    officer.enter_code("123456")
    expect(officer.page.get_by_role("alert")).to_have_text(officer.word("errors.code_wrong"))
