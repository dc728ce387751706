"""The guard asks before a greeting goes to a group; duty talk that begins with one goes at once."""

from playwright.sync_api import expect

from tests.harness import groups
from tests.harness.browser import Officer


def test_a_greeting_is_asked_about_and_duty_talk_is_not(trio: tuple[Officer, ...]) -> None:
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
