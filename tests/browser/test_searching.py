"""Search in messages: from the chats, inside one, in other scripts, and offline."""

from playwright.sync_api import expect

from tests.harness.browser import Officer

Trio = tuple[Officer, Officer, Officer]


def test_a_message_is_found_by_its_sound_and_opens_at_its_place(trio: Trio) -> None:
    writer, reader, _ = trio
    wanted = "చార్మినార్ దగ్గర నాకాబందీ"
    writer.open_direct(reader)
    writer.say(wanted)
    for count in range(1, 31):
        writer.say(f"Round {count} is over.")
    reader.open_chat(writer.person.name)
    reader.message(wanted).wait_for()
    reader.page.get_by_role("region", name=reader.word("conversation.messages")).press("End")
    reader.message("Round 30 is over.").wait_for()
    reader.to_chats()
    page = reader.page
    field = page.get_by_role("searchbox")
    field.fill("round")
    found = page.get_by_role("region", name=reader.word("conversation.find.title"))
    found.get_by_role("link").first.wait_for()
    reader.context.set_offline(True)
    field.fill("charminar")
    row = found.get_by_role("link").filter(has_text=wanted)
    expect(row.locator("mark")).to_have_text("చార్మినార్")
    reader.shot("found-messages")
    # One tap limits the search to a kind, another to a person.
    found.get_by_role("button", name=reader.word("conversation.find.kind.document")).click()
    expect(found).to_contain_text(reader.word("conversation.find.none"))
    found.get_by_role("button", name=reader.word("conversation.find.kind.all")).click()
    row.click()
    expect(reader.message(wanted)).to_be_in_viewport()
    reader.context.set_offline(False)


def test_arrows_lead_from_match_to_match_inside_a_chat(trio: Trio) -> None:
    writer, reader, _ = trio
    writer.open_direct(reader)
    writer.say("Jackets are in the store room.")
    for count in range(1, 13):
        writer.say(f"Lap {count} is over.")
    writer.say("Bring the jackets back.")
    reader.open_chat(writer.person.name)
    reader.page.get_by_role("region", name=reader.word("conversation.messages")).press("End")
    reader.message("Bring the jackets back.").wait_for()
    reader.button("conversation.info").click()
    reader.button("conversation.find.inChat").click()
    field = reader.page.get_by_role("searchbox", name=reader.word("conversation.find.inChat"))
    expect(field).to_be_focused()
    field.fill("jackets")
    said = reader.page.get_by_text(reader.word("conversation.find.at", number=1, total=2))
    said.wait_for()
    expect(reader.message("Bring the jackets back.")).to_be_in_viewport()
    reader.button("conversation.find.older").click()
    expect(reader.message("Jackets are in the store room.")).to_be_in_viewport()
    reader.shot("find-in-chat")
    field.press("Escape")
    expect(field).to_have_count(0)
