"""A group of three: made, changed, left; a removed member reads nothing of what follows."""

from pathlib import Path

from playwright.sync_api import expect

from tests.harness import groups
from tests.harness.browser import Officer
from tests.harness.pictures import noise_png

Trio = tuple[Officer, Officer, Officer]


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
    founder.shot("group-info")
    founder.page.get_by_role("button", name=founder.word("groups.edit"), exact=True).click()
    name = founder.page.get_by_label(founder.word("groups.name"), exact=True)
    name.fill(renamed)
    # The group goes on while one types: what stands in the field stays.
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


def test_whoever_leaves_is_out_and_the_others_go_on(trio: Trio) -> None:
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
