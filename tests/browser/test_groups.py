"""Groups of three: made, changed, left; a mention that is answered and filed; a poll and a live
position; what the guard asks; a message that is forwarded along."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Geolocation, Locator, expect

from copconnect.conduct.guard import serving
from tests.harness import groups, sharing
from tests.harness.browser import CHARMINAR, Officer
from tests.harness.pictures import noise_png
from tests.harness.server import ServerProcess

Trio = tuple[Officer, Officer, Officer]
MOVED = Geolocation(latitude=17.385321, longitude=78.486671, accuracy=9.0)
TWICE = 2


@pytest.fixture(scope="module")
def app_server(
    serve: Callable[..., ServerProcess], tmp_path_factory: pytest.TempPathFactory
) -> ServerProcess:
    """A server of a department that calls two forwards many."""
    policy = json.loads(serving.shipped_policy())
    policy["forwarding"]["often"] = TWICE
    file = tmp_path_factory.mktemp("policy") / "policy.json"
    file.write_text(json.dumps(policy), "utf-8")
    return serve(
        guard_policy=str(file),
        otp_per_number_and_address_per_day=1_000,
        otp_per_number_per_day=1_000,
        otp_resend_ms=0,
    )


def test_a_group_is_made_named_and_given_a_photo(trio: Trio, tmp_path: Path) -> None:
    founder, second, third = trio
    title = "Bonalu procession, gate three"
    photo = tmp_path / "gate.png"
    photo.write_bytes(noise_png(96, 96))
    groups.create(founder, title, [second, third], photo=photo)
    founder.say("Barricades go up at four o'clock sharp.")

    for other in (second, third):
        other.open_chat(title)
        other.message("Barricades go up at four o'clock sharp.").wait_for()
        # The sender's name, rank and post stand over the message.
        other.message("Barricades go up").get_by_text(founder.person.name).first.wait_for()
        # The photo is decoration beside the name, so it has no role; 384 is what photos are cut to.
        shown = other.page.locator("header img")
        expect(shown).to_have_js_property("naturalWidth", 384)
    second.say("Understood, second platoon is on its way.")
    third.message("Understood, second platoon is on its way.").wait_for()
    founder.message("Understood, second platoon is on its way.").wait_for()
    founder.sees_status("Barricades go up at four o'clock sharp.", "read")
    founder.shot("group")

    renamed = "Bonalu procession, gates three and four"
    founder.secrets.text(renamed)
    groups.open_info(founder)
    founder.page.get_by_text(founder.word("groups.history.fromJoining"), exact=True).wait_for()
    founder.shot("group-info")
    founder.page.get_by_role("button", name=founder.word("groups.edit"), exact=True).click()
    name = founder.page.get_by_label(founder.word("groups.name"), exact=True)
    name.fill(renamed)
    # Messages keep coming while one types: the text in the field stays.
    second.say("Second platoon has taken its place.")
    second.sees_status("Second platoon has taken its place.", "delivered")
    expect(name).to_have_value(renamed)
    founder.button("app.save").click()
    for other in (second, third):
        other.heading_of(renamed).wait_for()
        groups.sees_notice(other, "title", by=founder.person.name, title=renamed)


def test_only_admins_add_and_only_admins_write_when_so_set(trio: Trio) -> None:
    founder, second, third = trio
    title = "Armoury keys of the night"
    groups.create(founder, title, [second])
    founder.say("Two keys, one register, both signatures.")
    second.open_chat(title)
    second.message("Two keys, one register, both signatures.").wait_for()

    groups.open_info(second)
    for act in ("groups.addPeople", "groups.edit"):
        expect(second.page.get_by_role("button", name=second.word(act))).to_have_count(0)
    groups.close_info(second)

    groups.open_info(founder)
    founder.page.get_by_role("radio", name=founder.word("groups.admins")).check()
    second.page.get_by_text(second.word("conversation.onlyAdmins")).wait_for()
    expect(second.composer).to_have_count(0)

    groups.act_on(founder, second, "groups.makeAdmin")
    groups.member_row(founder, second).get_by_text(founder.word("groups.admin")).wait_for()
    second.composer.wait_for()
    groups.sees_notice(second, "madeAdmin", people="you")

    # The new admin adds the third, who reads from then on and nothing before.
    groups.open_info(second)
    second.page.get_by_role("button", name=second.word("groups.addPeople"), exact=True).click()
    groups.choose(second, [third])
    second.button("groups.add").click()
    groups.member_row(second, third).wait_for()
    groups.close_info(second)
    second.say("Third signature joins us tonight.")
    third.chat(title).wait_for()
    third.chat(title).click()
    third.message("Third signature joins us tonight.").wait_for()
    expect(third.message("Two keys, one register")).to_have_count(0)
    third.page.get_by_text(third.word("conversation.onlyAdmins")).wait_for()

    groups.act_on(founder, second, "groups.revokeAdmin")
    second.page.get_by_text(second.word("conversation.onlyAdmins")).wait_for()


def test_admins_pin_and_everybody_finds_what_is_pinned(trio: Trio) -> None:
    founder, second, _ = trio
    title = "Bandobast at the old bridge"
    groups.create(founder, title, [second])
    texts = ("Assemble at the old bridge.", "Radios on channel two.")
    for text in texts:
        founder.say(text)
        founder.sees_status(text, "sent")
        founder.act_on(text, "conversation.pins.pin")
    second.open_chat(title)
    bar = second.page.locator("button").filter(
        has_text=second.word("conversation.pins.several", number=1, total=2)
    )
    expect(bar).to_contain_text(texts[1])
    bar.click()
    # The bar shows the next one.
    expect(second.page.locator("button").filter(has_text=texts[0])).to_be_visible()
    second.open_menu(texts[0])
    pin = second.page.get_by_role("menuitem", name=second.word("conversation.pins.unpin"))
    expect(pin).to_have_count(0)
    second.page.keyboard.press("Escape")
    groups.open_info(second)
    row = second.page.get_by_role("link").filter(has_text=texts[0])
    second.shot("pinned-list")
    row.click()
    expect(second.message(texts[0])).to_be_in_viewport()
    # The bar takes the words of an edit.
    founder.act_on(texts[1], "conversation.edit.act")
    field = founder.page.get_by_role("dialog").get_by_role("textbox")
    founder.secrets.text("Radios on channel three.")
    field.fill("Radios on channel three.")
    founder.button("conversation.edit.save").click()
    second.message("Radios on channel three.").wait_for()
    expect(second.page.locator("button").filter(has_text="channel three")).to_be_visible()


def test_somebody_finds_a_group_asks_and_is_let_in_in_telugu(trio: Trio) -> None:
    founder, second, third = trio
    title, purpose = "Blood donors of the zone", "Who gives blood, and when"
    groups.create(founder, title, [second])
    founder.say("Group O is short at the hospital.")
    founder.sees_status("Group O is short at the hospital.", "sent")
    groups.open_info(founder)
    founder.page.get_by_role("button").filter(has_text=founder.word("groups.joining.list")).click()
    sheet = founder.page.get_by_role("dialog")
    # The name and the purpose of a listed group are the server's to read.
    listed = "Donors"
    sheet.get_by_label(founder.word("groups.name"), exact=True).fill(listed)
    sheet.get_by_label(founder.word("groups.joining.purpose"), exact=True).fill(purpose)
    units = sheet.get_by_label(founder.word("groups.joining.unit"), exact=True)
    units.select_option(index=units.locator("option").count() - 1)
    founder.shot("listing")
    founder.button("groups.joining.show").click()
    founder.page.get_by_text(founder.word("groups.joining.nowListed")).wait_for()

    reason = "నేను O గ్రూప్, ఈ వారం ఇవ్వగలను."
    with third.speaking("te"):
        third.page.goto("/#/people/groups")
        third.page.reload()
        group = third.page.get_by_role("listitem").filter(has_text=listed)
        expect(group).to_contain_text(purpose)
        third.context.set_offline(True)
        group.get_by_role("button", name=third.word("groups.joining.ask"), exact=True).click()
        third.shot("no-network")
        third.context.set_offline(False)
        third.secrets.text(reason)
        third.page.get_by_label(third.word("groups.joining.reason")).fill(reason)
        third.button("groups.joining.send").click()
        third.page.get_by_text(third.word("groups.joining.sent")).wait_for()
        group.get_by_role("button", name=third.word("groups.joining.withdraw")).wait_for()
        third.shot("asked")

        request = founder.page.get_by_role("region").filter(has_text=reason)
        expect(request).to_contain_text(third.person.name)
        founder.shot("request")
        founder.button("groups.joining.accept").click()
        member = founder.word("groups.joining.accepted", name=third.person.name)
        founder.page.get_by_text(member, exact=True).wait_for()
        expect(request).to_have_count(0)
        third.to_chats()
        third.open_chat(title)
        third.say("వచ్చాను.")
        groups.close_info(founder)
        founder.message("వచ్చాను.").wait_for()
        # A member who joins later reads no earlier message.
        expect(third.message("Group O is short")).to_have_count(0)
        third.shot("inside")
    third.page.reload()


def test_a_mention_is_answered_and_filed_in_telugu(trio: Trio) -> None:
    founder, second, third = trio
    title, page_name = "Procession of the north zone", "https://police.example/route-map"
    groups.create(founder, title, [second, third])
    asked = f"@{founder.word('conversation.everybody')} who has the keys of {page_name}?"
    founder.secrets.text(asked)
    founder.composer.press_sequentially("@every")
    founder.page.get_by_role("option").first.click()
    founder.composer.press_sequentially(f"who has the keys of {page_name}?")
    founder.button("conversation.send").click()
    founder.sees_status(asked, "delivered")
    answers = ("తాళాలు నా దగ్గర ఉన్నాయి.", "గేటు దగ్గర ఇస్తాను.")
    with third.speaking("te"):
        page = third.page
        page.reload()
        mentions = third.word("chats.filter.mentions")
        filters = page.get_by_role("group", name=third.word("chats.filters"))
        filters.get_by_role("button", name=re.compile(f"^{mentions}")).click()
        third.shot("mentions")
        page.get_by_role("link").filter(has_text="who has the keys").click()
        third.act_on(asked, "conversation.reply")
        third.say(answers[0])
        replies = third.word("conversation.replies.count_one", number=1)
        third.message(asked).get_by_role("link", name=replies, exact=True).click()
        third.message(answers[0]).wait_for()
        # Words for an answer stay while the page is left.
        field = page.get_by_role("textbox", name=third.word("conversation.replies.write"))
        third.secrets.text(answers[1])
        field.fill(answers[1])
        page.get_by_role("button", name=third.word("app.back"), exact=True).first.click()
        third.message(asked).get_by_role("link", name=replies, exact=True).click()
        expect(field).to_have_value(answers[1])
        third.shot("replies")
        third.button("conversation.send").click()
        third.message(answers[1]).wait_for()
        expect(field).to_have_value("")
        founder.message(answers[1]).wait_for()

        third.to_chats()
        folders = ("శోభాయాత్ర", "బోనాలు")
        third.chat(title).click(button="right")
        page.get_by_role("menuitem", name=third.word("conversation.own.act.folders")).click()
        sheet = page.get_by_role("dialog")
        third.secrets.text(folders[0])
        sheet.get_by_label(third.word("conversation.own.folder.new")).fill(folders[0])
        third.button("conversation.own.folder.make").click()
        expect(sheet.get_by_role("switch", name=folders[0])).to_be_checked()
        third.button("conversation.own.folder.rename", name=folders[0]).click()
        third.secrets.text(folders[1])
        sheet.get_by_role("textbox").fill(folders[1])
        third.button("app.save").click()
        expect(sheet.get_by_role("switch", name=folders[1])).to_be_checked()
        third.shot("folders")
        page.keyboard.press("Escape")
        filters.get_by_role("button", name=folders[1], exact=True).click()
        expect(page.get_by_role("link").filter(has_text=title)).to_have_count(1)
        third.open_chat(title)
        third.button("conversation.info").click()
        page.get_by_role("link").filter(has_text=third.word("media.gallery.title")).click()
        tabs = page.get_by_role("group", name=third.word("media.gallery.tabs"))
        tabs.get_by_role("button", name=third.word("media.gallery.link"), exact=True).click()
        page.get_by_text("police.example/route-map").first.wait_for()
        third.shot("gallery")
    third.page.reload()


def test_whoever_leaves_or_is_removed_is_out(trio: Trio) -> None:
    founder, second, third = trio
    title = "Cricket tournament security"
    groups.create(founder, title, [second, third])
    founder.say("Toss is at nine, gates open at seven.")
    third.open_chat(title)
    third.message("Toss is at nine, gates open at seven.").wait_for()
    groups.open_info(third)
    third.page.get_by_role("button", name=third.word("groups.leave"), exact=True).click()
    third.button("groups.leaveAction").click()
    third.page.get_by_text(third.word("conversation.leftLine")).wait_for()

    # No signed record says whether somebody left or was removed.
    groups.sees_notice(founder, "removed", people=third.person.name)
    founder.say("Stand C is short of two constables.")
    second.open_chat(title)
    second.message("Stand C is short of two constables.").wait_for()
    expect(third.message("Stand C")).to_have_count(0)
    # Earlier messages stay readable, until the conversation is taken off the device.
    third.message("Toss is at nine, gates open at seven.").wait_for()
    third.shot("left")
    third.button("conversation.remove").click()
    third.button("groups.forgetAction").click()
    third.heading("chats.title").wait_for()
    expect(third.chat(title)).to_have_count(0)

    # Removed: neither on screen nor after a fresh start is there what follows.
    groups.open_info(founder)
    groups.remove(founder, second)
    groups.close_info(founder)
    second.page.get_by_text(second.word("conversation.leftLine")).wait_for()
    founder.say("The stadium is searched at five.")
    founder.sees_status("The stadium is searched at five.", "sent")
    second.page.reload()
    second.message("Stand C is short of two constables.").wait_for()
    second.shot("removed")
    expect(second.composer).to_have_count(0)
    expect(second.message("The stadium is searched")).to_have_count(0)


def _share(officer: Officer, key: str) -> None:
    """Open the attach sheet and choose what to share."""
    officer.button("conversation.attach").click()
    sheet = officer.page.get_by_role("dialog", name=officer.word("media.attach.title"))
    sheet.get_by_role("button", name=officer.word(key), exact=True).click()


def _option(officer: Officer, text: str) -> Locator:
    return officer.page.get_by_role("article").get_by_role("button", name=re.compile(text))


def test_a_poll_counts_live_and_a_patrol_moves_on_the_map(trio: Trio) -> None:
    founder, second, third = trio
    title = "Night patrol, sector five"
    groups.create(founder, title, [second, third])
    for other in (second, third):
        other.open_chat(title)

    question, early, late = "When does the picket start tonight?", "At nine sharp", "At eleven"
    for secret in (question, early, late):
        founder.secrets.text(secret)
    _share(founder, "consult.poll.new")
    founder.page.get_by_label(founder.word("consult.poll.question"), exact=True).fill(question)
    for number, text in ((1, early), (2, late)):
        label = founder.word("consult.poll.option", number=number)
        founder.page.get_by_label(label, exact=True).fill(text)
    founder.shot("poll-form")
    founder.button("consult.poll.send").click()
    for other in (second, third):
        _option(other, early).click()
    for officer in trio:
        expect(_option(officer, early)).to_contain_text("2")
    _option(third, late).click()
    for officer in trio:
        expect(_option(officer, early)).to_contain_text("1")
        expect(_option(officer, late)).to_contain_text("1")
    founder.shot("poll")
    second.to_chats()
    expect(second.chat(title)).not_to_contain_text(re.compile(r"\d+ unread"))
    second.open_chat(title)
    founder.button("consult.poll.end").click()
    founder.page.get_by_role("dialog").get_by_role(
        "button", name=founder.word("consult.poll.end"), exact=True
    ).click()
    expect(_option(second, early)).to_be_disabled()

    for name, place in (("start", CHARMINAR), ("next", MOVED)):
        second.secrets.number(f"latitude of the {name}", place["latitude"])
        second.secrets.number(f"longitude of the {name}", place["longitude"])
    _share(second, "consult.live.new")
    second.shot("live-form")
    second.button("consult.live.start").click()
    second.page.get_by_text(title).first.wait_for()
    stop = second.page.get_by_role("status").get_by_role(
        "button", name=second.word("consult.live.stop"), exact=True
    )
    stop.wait_for()
    second.shot("live-running")
    founder.button("consult.live.show").click()
    shown = founder.page.get_by_role("dialog", name=founder.word("consult.live.map"))
    shown.get_by_text("17.36156").wait_for()
    second.page.context.set_geolocation(MOVED)
    second.look_away()
    second.look_back()
    shown.get_by_text("17.38532").wait_for()
    founder.shot("live-map")
    stop.click()
    shown.get_by_text(founder.word("consult.live.nobody")).wait_for()
    expect(stop).to_have_count(0)


def test_a_greeting_is_asked_about_and_duty_talk_is_not(trio: Trio) -> None:
    founder, second, third = trio
    title = "Night patrol, sector nine"
    groups.create(founder, title, [second, third])
    founder.say("Good morning sir, accident at NH-44, two injured, sending ambulance.")

    greeting = "G o o d  m o r n i n g  all"
    founder.secrets.text(greeting)
    founder.composer.fill(greeting)
    founder.button("conversation.send").click()
    founder.heading("guard.looks.greeting").wait_for()
    expect(founder.page.get_by_text(founder.word("guard.reach_other", count=2))).to_be_visible()
    founder.shot("guard-nudge")
    founder.button("guard.edit").click()
    expect(founder.composer).to_have_value(greeting)
    expect(founder.message(greeting)).to_have_count(0)

    founder.button("conversation.send").click()
    founder.button("guard.wrong").click()
    founder.message(greeting).wait_for()
    second.open_chat(title)
    second.message(greeting).wait_for()

    founder.page.goto("/#/me/guard")
    founder.page.get_by_text(founder.word("guard.mistakes_one", count=1)).wait_for()
    founder.shot("guard-policy")
    founder.button("guard.forget").click()
    expect(founder.page.get_by_text(founder.word("guard.mistakes_one", count=1))).to_have_count(0)


def _sheet(officer: Officer, message: Locator) -> Locator:
    """Open the list of chats to which a message can be forwarded."""
    message.press("Enter")
    officer.page.get_by_role("menuitem", name=officer.word("conversation.forward.act")).click()
    sheet = officer.page.get_by_role("dialog", name=officer.word("conversation.forward.title"))
    sheet.get_by_role("checkbox").first.wait_for()
    return sheet


def _forward(officer: Officer, message: Locator, chats: list[str], own: str = "") -> None:
    sheet = _sheet(officer, message)
    for chat in chats:
        sheet.get_by_role("checkbox", name=chat).check()
    if own:
        officer.secrets.text(own)
        sheet.get_by_label(officer.word("conversation.forward.words")).fill(own)
    name = f"conversation.forward.send_{'one' if len(chats) == 1 else 'other'}"
    sheet.get_by_role("button", name=officer.word(name, number=len(chats)), exact=True).click()


def test_forwarded_from_hand_to_hand(trio: Trio, tmp_path: Path) -> None:
    author, second, third = trio
    duty, orders = "South gate team", "Notices of the south gate"
    groups.create(second, duty, [third])
    second.to_chats()
    second.button("chats.new").click()
    second.page.get_by_role("button", name=second.word("groups.newGroup")).click()
    groups.choose(second, [third])
    second.button("groups.next").click()
    second.page.get_by_label(second.word("groups.name"), exact=True).fill(orders)
    second.secrets.text(orders)
    second.page.get_by_role("radio", name=second.word("groups.admins")).check()
    second.button("groups.create").click()
    second.heading_of(orders).wait_for()

    author.open_direct(second)
    diversion = "Diversion at the clock tower until eight, take the lake road."
    author.say(diversion)
    author.say("Happy Diwali to all")
    map_file = tmp_path / "lake-road.pdf"
    map_file.write_bytes(random.Random(3).randbytes(90_000))
    author.secrets.content("content of lake-road.pdf", map_file.read_bytes())
    sharing.send_files(author, "document", [map_file])

    # Announcements are closed, and say so; the rest of the sheet works.
    second.to_chats()
    second.open_chat(author.person.name)
    sharing.document(second, map_file.name).wait_for()
    sheet = _sheet(second, second.message(diversion))
    closed = sheet.get_by_role("checkbox", name=orders)
    expect(closed).to_be_disabled()
    expect(closed).to_contain_text(second.word("conversation.forward.closed.announcement"))
    second.shot("sheet")
    second.page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    remark = "Tell the drivers"
    _forward(second, second.message(diversion), [duty], remark)
    expect(sheet).to_have_count(0)

    # The guard looks at a forward where it goes, not where it came from.
    _forward(second, second.message("Happy Diwali to all"), [duty])
    second.heading("guard.looks.festival").wait_for()
    second.button("guard.edit").click()
    second.page.keyboard.press("Escape")
    _forward(second, sharing.document(second, map_file.name), [duty])

    third.open_direct(second)
    third.to_chats()
    third.open_chat(duty)
    come = third.message(diversion)
    expect(come).to_contain_text(third.word("conversation.forward.some"))
    expect(come).not_to_contain_text(author.person.name)
    third.message(remark).wait_for()
    expect(third.message("Happy Diwali to all")).to_have_count(0)
    _forward(third, come, [second.person.name])
    # The end of the chain never shared a chat with the author.
    file = sharing.document(third, map_file.name)
    expect(file).to_contain_text(third.word("conversation.forward.some"))
    assert sharing.save(third, file) == map_file.read_bytes()

    # Twice is many here: it is labelled, and goes to one chat at once.
    second.to_chats()
    second.open_chat(third.person.name)
    often = second.message(diversion)
    expect(often).to_contain_text(second.word("conversation.forward.often"))
    second.shot("labelled")
    sheet = _sheet(second, often)
    told = second.word("conversation.forward.mostOften_one", number=1)
    expect(sheet).to_contain_text(told)
    sheet.get_by_role("checkbox", name=duty).check()
    expect(sheet.get_by_role("checkbox", name=author.person.name)).to_be_disabled()
