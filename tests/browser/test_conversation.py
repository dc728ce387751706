"""A conversation: answers, mentions, drafts, ticks, search, quiet, and catching up in order."""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.harness import groups, sharing
from tests.harness.browser import Officer, Station, until
from tests.harness.pictures import noise_png
from tests.harness.recording import RecordingProxy
from tests.harness.server import ServerProcess, run_copconnect

Trio = tuple[Officer, Officer, Officer]
MANY = 64
BY_SOUND = "చార్మినార్ దగ్గర నాకాబందీ"
FIRST, LAST = "Jackets are in the store room.", "Bring the jackets back."


@pytest.fixture(scope="module")
def line(own_relay: Callable[[], RecordingProxy]) -> RecordingProxy:
    """The line of the officer who is away at times."""
    return own_relay()


@pytest.fixture(scope="module")
def away(posted: Station, line: RecordingProxy) -> Officer:
    """An officer who is away at times."""
    return posted.officer(3, url=line.url).register()


def test_a_reply_quotes_and_leads_back(trio: Trio) -> None:
    asking, answering, _ = trio
    question = "Which ward has the power cut tonight?"
    asking.open_direct(answering)
    asking.say(question)
    answering.open_chat(asking.person.name)
    answering.act_on(question, "conversation.reply")
    quoted = answering.word("conversation.replyingTo", name=asking.person.name)
    answering.page.get_by_text(quoted).wait_for()
    answering.say("Ward nine, until half past eleven.")

    answer = asking.message("Ward nine, until half past eleven.")
    answer.wait_for()
    quote = answer.get_by_role("button").filter(has_text=question)
    expect(quote).to_contain_text("You")
    asking.shot("reply")
    quote.click()
    expect(asking.message(question).first).to_be_in_viewport()
    # A reply can be called off before it is sent.
    asking.act_on("Ward nine, until half past eleven.", "conversation.reply")
    asking.button("conversation.stopReply").click()
    asking.say("Thanks, noted in the diary.")
    said = answering.message("Thanks, noted in the diary.")
    said.wait_for()
    expect(said.get_by_role("button").filter(has_text="Ward nine")).to_have_count(0)


def test_a_long_text_folds_and_copies_as_it_was_written(trio: Trio) -> None:
    writer, reader, _ = trio
    text = "*Bandobast* <b>now</b>, _gate four_. " + "Report with torches. " * 60 + "End of order."
    writer.open_direct(reader)
    writer.secrets.text(text)
    writer.composer.fill(text)
    writer.button("conversation.send").click()
    reader.open_chat(writer.person.name)
    message = reader.message("Bandobast")
    expect(message.locator("strong")).to_contain_text("Bandobast")
    expect(message.locator("em")).to_contain_text("gate four")
    expect(message).not_to_contain_text("End of order.")
    message.get_by_role("button", name=reader.word("conversation.readMore")).click()
    expect(message).to_contain_text("<b>now</b>")
    expect(message).to_contain_text("End of order.")
    expect(message.locator("em")).to_be_in_viewport()
    # The marks are part of what a selection copies.
    assert message.locator(".text").text_content() == text


def test_a_note_leaves_the_name_of_the_chat_in_sight(trio: Trio) -> None:
    writer, reader, _ = trio
    writer.open_direct(reader)
    writer.say("Barricades are at the depot.")
    writer.act_on("Barricades are at the depot.", "conversation.copy")
    toast = writer.page.locator(".toast")
    toast.evaluate("one => Promise.all(one.getAnimations().map(({ finished }) => finished))")
    note = toast.bounding_box()
    bar = writer.page.locator("header").filter(has_text=reader.person.name).bounding_box()
    assert note is not None
    assert bar is not None
    assert note["y"] >= bar["y"] + bar["height"]


@pytest.mark.parametrize(
    ("text", "language", "leading"),
    [
        ("బందోబస్తు పాయింట్ 4 దగ్గర ఉన్నాం.", "te", 1.6),
        ("چارمینار کے پاس پہنچ گئے۔", "ur", 1.75),
        ("All quiet at point four.", "en", 1.4),
    ],
)
def test_a_text_has_the_language_and_the_line_height_of_its_script(
    trio: Trio, text: str, language: str, leading: float
) -> None:
    writer, reader, _ = trio
    writer.open_direct(reader)
    writer.say(text)
    words = writer.message(text).locator(f"[lang={language}]")
    ratio = """(element) => {
        const { lineHeight, fontSize } = getComputedStyle(element);
        return parseFloat(lineHeight) / parseFloat(fontSize);
    }"""
    assert words.evaluate(ratio) == pytest.approx(leading, abs=0.01)


def test_a_mention_marks_the_chat_of_whoever_is_meant(trio: Trio) -> None:
    writer, meant, other = trio
    title = "Night shift of the south zone"
    groups.create(writer, title, [meant, other])
    meant.chat(title).wait_for()
    other.chat(title).wait_for()
    writer.composer.press_sequentially("Keys are with @bhav")
    writer.page.get_by_role("option").filter(has_text=meant.person.name).click()
    writer.composer.press_sequentially("until six")
    text = f"Keys are with @{meant.person.name} until six"
    expect(writer.composer).to_have_value(text)
    writer.secrets.text(text)
    writer.button("conversation.send").click()
    meant.chat(title).get_by_text(meant.word("chats.mentioned")).wait_for()
    other.chat(title).get_by_text("Keys are with").wait_for()
    expect(other.chat(title).get_by_text(other.word("chats.mentioned"))).to_have_count(0)
    meant.open_chat(title)
    meant.message(text).get_by_text(f"@{meant.person.name}", exact=True).wait_for()


def test_a_draft_is_there_after_a_reload(trio: Trio) -> None:
    writer, reader, _ = trio
    writer.open_direct(reader)
    draft = "Unfinished: the witness said that"
    writer.secrets.text(draft)
    writer.composer.fill(draft)
    writer.page.get_by_role("button", name=writer.word("app.back"), exact=True).click()
    writer.chat(reader.person.name).get_by_text(draft).wait_for()
    writer.page.reload()
    writer.chat(reader.person.name).get_by_text(draft).wait_for()
    writer.open_chat(reader.person.name)
    expect(writer.composer).to_have_value(draft)
    # A reload while it is being written keeps it too.
    more = f"{draft} the car was grey"
    writer.composer.fill(more)
    writer.composer.blur()
    # At most 400 ms of writing are lost with a page, whose worker ends with it (draft.svelte.ts).
    writer.page.wait_for_timeout(500)
    writer.page.reload()
    expect(writer.composer).to_have_value(more)
    writer.say(f"{more}.")
    expect(writer.composer).to_have_value("")
    writer.sees_status(f"{more}.", "sent")
    # Words in a form that a tap closes and a reload ends are there again, until they are discarded.
    edited = f"{more}, or dark blue."
    for language in ("en", "te"):
        with writer.speaking(language):
            writer.page.reload()
            writer.act_on(more, "conversation.edit.act")
            sheet = writer.page.get_by_role("dialog")
            words = sheet.get_by_role("textbox")
            expect(words).to_have_value(f"{more}." if language == "en" else edited)
            words.fill(edited)
            writer.shot(f"edit-{language}")
            writer.page.touchscreen.tap(20, 20)
            sheet.wait_for(state="hidden")
            writer.page.wait_for_timeout(500)
    writer.page.reload()
    writer.act_on(more, "conversation.edit.act")
    writer.button("conversation.discardDraft").click()
    writer.act_on(more, "conversation.edit.act")
    expect(sheet.get_by_role("textbox")).to_have_value(f"{more}.")
    writer.page.keyboard.press("Escape")
    # The chat itself opens where its reader left it.
    reader.to_chats()
    reader.chat(writer.person.name).get_by_text(f"{more}.").wait_for()


def test_a_persons_chat_that_was_only_opened_is_in_no_list(trio: Trio) -> None:
    opener, _, other = trio
    opener.open_direct(other)
    opener.to_chats()
    expect(opener.chat(other.person.name)).to_have_count(0)
    opener.open_direct(other)
    opener.say("The keys are at the gate.")
    opener.to_chats()
    opener.chat(other.person.name).wait_for()
    other.open_chat(opener.person.name)
    other.message("The keys are at the gate.").wait_for()


def test_ticks_and_who_has_seen_it(trio: Trio, away: Officer, line: RecordingProxy) -> None:
    writer, reader, _ = trio
    title = "Prisoner escort at dawn"
    groups.create(writer, title, [reader, away])
    reader.chat(title).wait_for()
    away.chat(title).wait_for()

    line.go_dark()
    text = "Leave by the back gate, two vehicles."
    writer.say(text)
    # One of two has it: that is sent, not delivered. The message's own page names who has it.
    reader.chat(title).get_by_text(text).wait_for()
    writer.act_on(text, "conversation.details")
    heading = writer.page.get_by_role("heading")
    for key, count in (("delivered", 1), ("missing", 1)):
        word = writer.word(f"conversation.receipts.{key}")
        heading.filter(has_text=word).filter(has_text=str(count)).wait_for()
    reader.open_chat(title)
    expect(heading.filter(has_text=writer.word("conversation.receipts.read"))).to_contain_text("1")
    writer.shot("receipts")
    writer.button("app.back").click()
    expect(writer.status(text)).to_have_text(writer.word("conversation.status.sent"))

    line.come_back()
    away.chat(title).get_by_text(text).wait_for()
    expect(writer.status(text)).to_have_text(writer.word("conversation.status.delivered"))
    away.open_chat(title)
    expect(writer.status(text)).to_have_text(writer.word("conversation.status.read"))


def test_evidence_is_answered_exported_and_checked_in_telugu(
    trio: Trio, app_server: ServerProcess, tmp_path: Path
) -> None:
    owner, colleague, clerk = trio
    title = "Chain snatching at the fruit market"
    words = "Rider at the north gate, camera four"
    told, corrected = "Two men on a black motorcycle.", "Two men on a dark blue motorcycle."
    photo = tmp_path / "camera-four.png"
    photo.write_bytes(noise_png(400, 300))
    groups.create(owner, title, [colleague, clerk])
    sharing.send_evidence(owner, photo, words)
    colleague.open_chat(title)
    received = colleague.message(words)
    received.get_by_text(colleague.word("media.evidence.badge")).first.wait_for()
    assert sharing.saved_picture(colleague, words) == photo.read_bytes()
    colleague.say(told)
    colleague.sees_status(told, "sent")

    colleague.act_on(told, "conversation.edit.act")
    colleague.secrets.text(corrected)
    colleague.page.get_by_role("dialog").get_by_role("textbox").fill(corrected)
    colleague.button("conversation.edit.save").click()
    owner.message(corrected).wait_for()
    # A reaction given without a network is sent when the network is back.
    count = owner.word("conversation.reactions.count_one", number=1)
    reaction = owner.message(words).get_by_role("button", name=f"{count}: ✅ 1", exact=True)
    colleague.context.set_offline(True)
    colleague.open_menu(words)
    done = colleague.word("conversation.reactions.done")
    colleague.page.get_by_role("menuitemcheckbox", name=done, exact=True).click()
    received.get_by_role("button", name=f"{count}: ✅ 1", exact=True).wait_for()
    expect(reaction).to_have_count(0)
    colleague.context.set_offline(False)
    reaction.wait_for()
    with clerk.speaking("te"):
        clerk.page.reload()
        clerk.open_chat(title)
        count = clerk.word("conversation.reactions.count_one", number=1)
        clerk.message(words).get_by_role("button", name=f"{count}: ✅ 1", exact=True).wait_for()
        clerk.act_on(corrected, "conversation.edit.former")
        clerk.page.get_by_role("dialog").get_by_text(told, exact=True).wait_for()
        clerk.shot("former")
        clerk.page.keyboard.press("Escape")
        clerk.say("రికార్డులో చేర్చాను.")
    owner.message("రికార్డులో చేర్చాను.").wait_for()

    file = _exported(owner, tmp_path)
    colleague.message(colleague.word("conversation.exported.title")).wait_for()
    found = json.loads(
        run_copconnect(app_server.data, "conversations", "verify", str(file), "--json")
    )
    shown, edited, _ = found["messages"]
    assert found["problems"] == []
    proven = {"name": photo.name, "sha256": sha256(photo.read_bytes()).hexdigest()}
    assert shown["evidence"] is not None
    assert proven.items() <= shown["files"][0].items()
    assert shown["files"][0]["state"] == "proven"
    assert [one["emoji"] for one in shown["reactions"]] == ["✅"]
    assert (edited["text"], edited["former"][0]["text"]) == (corrected, told)
    broken = tmp_path / "broken.zip"
    broken.write_bytes(file.read_bytes().replace(photo.read_bytes()[-64:-32], bytes(32)))
    with clerk.speaking("te"):
        clerk.page.goto("/#/me/verify")
        clerk.page.reload()
        for one, verdict in ((file, "holds"), (broken, "wrong")):
            with clerk.page.expect_file_chooser() as chooser:
                clerk.button("exports.verify.choose").or_(
                    clerk.button("exports.verify.another")
                ).click()
            chooser.value.set_files(one)
            clerk.page.get_by_text(clerk.word(f"exports.verify.{verdict}"), exact=True).wait_for()
            clerk.shot(f"checked-{verdict}")
        changed = clerk.word("exports.verify.what.file")
        expect(clerk.page.get_by_role("alert")).to_contain_text(f"{changed}. ")
    clerk.page.reload()


def _exported(officer: Officer, folder: Path) -> Path:
    """Export the open conversation with its files."""
    groups.open_info(officer)
    row = officer.page.get_by_role("button").filter(has_text=officer.word("groups.export"))
    row.click()
    officer.button("exports.make").click()
    file = folder / "conversation.zip"
    with officer.page.expect_download() as download:
        officer.button("exports.save").click()
    download.value.save_as(file)
    officer.shot("exported")
    return file


@pytest.mark.service_worker
@pytest.mark.notifications
def test_a_muted_chat_does_not_notify(station: Station, trio: Trio) -> None:
    muting = station.officer(5).register()
    writer, other, _ = trio
    writer.open_direct(muting)
    writer.say("First word before the quiet.")
    muting.open_chat(writer.person.name)
    muting.message("First word before the quiet.").wait_for()
    other.open_direct(muting)
    other.say("First word of another.")
    muting.to_chats()
    muting.chat(other.person.name).wait_for()
    muting.open_chat(writer.person.name)
    muting.button("conversation.info").click()
    muting.page.get_by_role("button", name=re.compile(f"^{muting.word('groups.mute')}")).click()
    sheet = muting.page.get_by_role("dialog", name=muting.word("groups.muteFor.title"))
    sheet.get_by_role("button", name=muting.word("groups.muteFor.always")).click()
    muting.page.get_by_text(muting.word("groups.mutedAlways"), exact=True).wait_for()
    muting.to_chats()
    muting.chat(writer.person.name).get_by_text(muting.word("chats.muted"), exact=True).wait_for()
    muting.look_away()
    writer.say("A word in the quiet.")
    row = muting.chat(writer.person.name)
    row.get_by_text("A word in the quiet.").wait_for()
    row.get_by_text(muting.word("chats.unread_one", count=1)).wait_for()
    # A later message in a chat that is not muted notifies, so the muted one would have by now.
    other.say("A word for everybody to hear.")
    until(muting.page, lambda: muting.notifications() != [])
    (told,) = muting.notifications()
    assert (told["title"], told["body"]) == ("Cop Connect", muting.word("me.newMessage"))
    writer.say("Another word in the quiet.")
    row.get_by_text("Another word in the quiet.").wait_for()
    assert muting.notifications() == [told]
    muting.look_back()
    # It stays muted over a reload, and is unmuted again.
    muting.page.reload()
    row.get_by_text(muting.word("chats.muted"), exact=True).wait_for()
    muting.open_chat(writer.person.name)
    muting.button("conversation.info").click()
    muting.page.get_by_role("button", name=re.compile(f"^{muting.word('groups.mute')}")).click()
    sheet.get_by_role("button", name=muting.word("groups.muteFor.off")).click()
    muting.page.get_by_text(muting.word("groups.muteOff"), exact=True).wait_for()
    muting.to_chats()
    muting.look_away()
    writer.say("No longer in the quiet.")
    until(muting.page, lambda: len(muting.notifications()) == 2)
    muting.look_back()


def test_messages_of_several_pages_come_in_order_after_being_away_and_are_found(
    trio: Trio, away: Officer, line: RecordingProxy
) -> None:
    writer, answering, _ = trio
    away.to_chats()
    title = "Log of the control room"
    groups.create(writer, title, [answering, away])
    writer.say(BY_SOUND)
    writer.say(FIRST)
    away.chat(title).get_by_text(FIRST).wait_for()
    line.go_dark()
    away.page.get_by_text(away.word("app.status.offline")).wait_for()

    # More than the core reads first of a conversation (50), and more than the screen draws first
    # (60). Two write the last ones, so that the order is the server's and not one device's.
    texts = [f"Call {number:03} logged at the desk" for number in range(1, MANY + 1)]
    # All the messages share these words; a needle for each finds no more than this one.
    writer.secrets.text("logged at the desk")
    for text in texts[:-8]:
        _send(writer, text)
    answering.open_chat(title)
    for at, text in enumerate(texts[-8:]):
        _send(answering if at % 2 else writer, text)
    answering.message(texts[-2]).wait_for()
    answering.sees_status(texts[-1], "sent")
    writer.sees_status(texts[-2], "sent")
    writer.say(LAST)

    line.come_back()
    away.chat(title).get_by_text(away.word("chats.unread_other", count=MANY + 3)).wait_for()
    away.open_chat(title)
    seen = _scroll_through(away)
    expected = _scroll_through(writer)
    assert sorted(seen) == texts
    assert seen == expected
    _keeps_its_place(away, title)
    away.to_chats()
    _find_by_sound(away)
    _find_in_chat(away)


def _send(officer: Officer, text: str) -> None:
    officer.composer.fill(text)
    officer.button("conversation.send").click()


TOP_ROW = """(messages) => {
  const { top } = messages.getBoundingClientRect();
  const row = [...messages.querySelectorAll("article")].find(
    (one) => one.getBoundingClientRect().bottom > top + 4,
  );
  return [row.innerText, Math.round(row.getBoundingClientRect().top - top)];
}"""


def _keeps_its_place(reader: Officer, title: str) -> None:
    """Leave a conversation in its middle and find the same message on top, at each return."""
    messages = reader.page.get_by_role("region", name=reader.word("conversation.messages"))
    messages.evaluate("(it) => it.querySelector('.scroll').scrollBy(0, -900)")
    reader.page.wait_for_timeout(300)
    left = messages.evaluate(TOP_ROW)
    for _ in range(2):
        reader.to_chats()
        reader.open_chat(title)
        reader.message(str(left[0]).splitlines()[0]).first.wait_for()
        # A list that lost its place moves in its first frames.
        reader.page.wait_for_timeout(400)
        text, top = messages.evaluate(TOP_ROW)
        assert text == left[0]
        assert abs(top - left[1]) <= 2


def _find_by_sound(reader: Officer) -> None:
    """Find the first message from the list of chats, without a network; end at its place."""
    page = reader.page
    field = page.get_by_role("searchbox")
    field.fill("logged")
    found = page.get_by_role("region", name=reader.word("conversation.find.title"))
    found.get_by_role("link").first.wait_for()
    reader.context.set_offline(True)
    try:
        field.fill("charminar")
        row = found.get_by_role("link").filter(has_text=BY_SOUND)
        expect(row.locator("mark")).to_have_text("చార్మినార్")
        reader.shot("found-messages")
        # One tap limits the search to a kind, another to a person.
        found.get_by_role("button", name=reader.word("conversation.find.kind.document")).click()
        expect(found).to_contain_text(reader.word("conversation.find.none"))
        found.get_by_role("button", name=reader.word("conversation.find.kind.all")).click()
        row.click()
        expect(reader.message(BY_SOUND)).to_be_in_viewport()
        expect(reader.message(LAST)).not_to_be_in_viewport()
    finally:
        reader.context.set_offline(False)


def _find_in_chat(reader: Officer) -> None:
    """Go from match to match by arrows."""
    reader.button("conversation.info").click()
    reader.button("conversation.find.inChat").click()
    field = reader.page.get_by_role("searchbox", name=reader.word("conversation.find.inChat"))
    expect(field).to_be_focused()
    field.fill("jackets")
    said = reader.page.get_by_text(reader.word("conversation.find.at", number=1, total=2))
    said.wait_for()
    expect(reader.message(LAST)).to_be_in_viewport()
    reader.button("conversation.find.older").click()
    expect(reader.message(FIRST)).to_be_in_viewport()
    reader.shot("find-in-chat")
    field.press("Escape")
    expect(field).to_have_count(0)


def _scroll_through(officer: Officer) -> list[str]:
    """Read all numbered messages from the newest upwards; return them oldest first."""
    region = officer.page.get_by_role("region", name=officer.word("conversation.messages"))

    def shown() -> list[str]:
        return re.findall(r"Call \d{3} logged at the desk", region.inner_text())

    region.focus()
    officer.page.keyboard.press("End")
    officer.message(f"Call {MANY:03}").wait_for()
    region.hover()
    found: dict[str, None] = {}
    here = shown()
    while True:
        for text in reversed(here):
            found.setdefault(text)
        if here[0].startswith("Call 001"):
            return list(reversed(found))
        before = here[0]
        while shown()[0] == before:
            officer.page.mouse.wheel(0, -400)
            officer.page.wait_for_timeout(30)
        here = shown()
