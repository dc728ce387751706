"""A second phone: it waits, is confirmed by digits, shows what was said before, and is removed."""

from playwright.sync_api import expect

from tests.harness import confirming, groups, storage
from tests.harness.browser import DESKTOP, Officer, Station


def test_a_second_phone_is_confirmed_by_digits_and_shows_history(
    station: Station, other: Officer
) -> None:
    phone = station.officer(1).register()
    phone.open_direct(other)
    phone.say("Written before the desk computer came.")
    other.open_chat(phone.person.name)
    other.message("Written before the desk computer came.").wait_for()
    phone.to_chats()

    desk = station.officer(1, screen=DESKTOP).register_waiting()
    _unconfirmed_it_reads_nothing_and_looks_different(desk, phone, other)
    desk.button("app.signedOut.startOver").click()
    desk.register_waiting()
    desk.page.get_by_text(desk.word("devices.waiting.own")).wait_for()
    desk.shot("waits")
    # The phone shows a banner at once, and one press leads to the digits.
    banner = phone.page.get_by_role("alert").filter(has_text="Confirm it only if you hold it")
    banner.get_by_role("button", name=phone.word("devices.confirm.act"), exact=True).click()
    digits = confirming.digits_shown(desk)
    desk.page.get_by_role("img", name=desk.word("devices.digits.code")).wait_for()
    desk.shot("digits")
    confirming.enter(phone, str((int(digits) + 1) % 1_000_000).zfill(6))
    wrong = phone.word("devices.confirm.wrong_other", count="4")
    phone.page.get_by_role("alert").get_by_text(wrong, exact=True).wait_for()
    phone.page.get_by_text(phone.word("devices.confirm.differ")).wait_for()
    phone.shot("wrong-digits")
    confirming.enter(phone, digits)
    phone.heading("devices.confirm.done").wait_for()
    phone.shot("confirmed")

    # The desk continues unasked and shows what was said before it came.
    desk.heading("chats.title").wait_for()
    desk.open_chat(other.person.name)
    desk.message("Written before the desk computer came.").get_by_text("You:").wait_for()
    desk.shot("history")
    groups.sees_notice(other, "deviceAddedOwn", people=phone.person.name)
    other.say("Do both of your screens show this?")
    phone.to_chats()
    phone.open_chat(other.person.name)
    for device in (phone, desk):
        device.message("Do both of your screens show this?").wait_for()
    desk.say("Both of them do, this is the desk.")
    phone.message("Both of them do, this is the desk.").get_by_text("You:").wait_for()
    other.message("Both of them do, this is the desk.").wait_for()

    # A star and a deletion for oneself are of both devices, and of nobody else's.
    phone.act_on("Do both of your screens show this?", "conversation.own.act.star")
    phone.act_on("Both of them do, this is the desk.", "conversation.own.act.deleteForMe")
    desk.button("chats.starred").click()
    desk.shot("starred")
    desk.page.get_by_role("link", name="Do both of your screens show this?").click()
    desk.message("Do both of your screens show this?").wait_for()
    for device in (phone, desk):
        expect(device.message("Both of them do, this is the desk.")).to_have_count(0)
    other.message("Both of them do, this is the desk.").wait_for()

    # The person gives it a distinct name, and lists show that name.
    phone.page.goto("/#/me/devices")
    rename = phone.page.get_by_role("button", name="Change the name of ")
    expect(rename).to_have_count(2)
    rename.last.click()
    title = phone.word("devices.rename.title")
    phone.page.get_by_role("textbox", name=title, exact=True).fill("Station desk")
    phone.button("app.save").click()
    phone.page.get_by_role("heading", name="Station desk").wait_for()
    phone.page.get_by_text(phone.word("devices.how.own_device")).wait_for()
    phone.shot("devices")

    # Lost: this phone confirmed it, so it is erased, and reads nothing more.
    phone.button("devices.revoke.label", name="Station desk").click()
    dialog = phone.page.get_by_role("dialog")
    dialog.get_by_text(phone.word("devices.revoke.final")).wait_for()
    phone.shot("remove")
    dialog.get_by_role("button", name=phone.word("devices.revoke.act"), exact=True).click()
    desk.page.get_by_text(desk.word("app.signedOut.device_removed")).wait_for()
    expect(desk.page.get_by_text(desk.word("app.signedOut.keptDo"))).to_have_count(0)
    desk.shot("removed")
    assert storage.records(desk.page) == 0
    expect(phone.page.get_by_text("Station desk")).to_have_count(0)
    phone.to_chats()
    phone.open_chat(other.person.name)
    other.say("Only the phone reads this line now.")
    phone.message("Only the phone reads this line now.").wait_for()


def _unconfirmed_it_reads_nothing_and_looks_different(
    waiting: Officer, phone: Officer, other: Officer
) -> None:
    """A device that waits, until it is signed out; its person, and somebody who wrote to them."""
    waiting.page.get_by_text(waiting.word("devices.waiting.text")).wait_for()
    # No way leads around the screen, and no readable message came.
    waiting.page.goto("/#/chats")
    confirming.waits(waiting).wait_for()
    waiting.page.reload()
    confirming.waits(waiting).wait_for()
    expect(waiting.page.get_by_text("Written before")).to_have_count(0)
    expect(waiting.button("devices.waiting.read")).to_have_count(0)

    # The others see one device that counts, and one that does not.
    other.page.get_by_role("button", name=other.word("conversation.encrypted")).click()
    one_each = other.word("conversation.encryption.devicesOnly_other", number="2")
    first = other.word("conversation.encryption.unapproved_other", number="2")
    other.page.get_by_text(f"{one_each} {first}", exact=True).wait_for()
    other.shot("encryption")
    other.open_card(phone)
    expect(other.page.get_by_text(other.word("devices.unconfirmed"), exact=True)).to_have_count(1)
    other.shot("card")
    other.to_chats()
    other.open_chat(phone.person.name)

    # The way out of a mistake.
    waiting.button("me.signOut").click()
    dialog = waiting.page.get_by_role("dialog")
    dialog.get_by_role("button", name=waiting.word("me.signOut"), exact=True).click()
    waiting.heading("app.signedOut.title").wait_for()
    phone.page.goto("/#/me/confirm")
    phone.page.get_by_text(phone.word("devices.confirm.none")).first.wait_for()
    phone.to_chats()
