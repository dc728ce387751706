"""A poll and a live position in a group, in front of Chromium; the server learns neither."""

import re

from playwright.sync_api import Geolocation, Locator, expect

from tests.harness import groups
from tests.harness.browser import CHARMINAR, Officer

Trio = tuple[Officer, Officer, Officer]
MOVED = Geolocation(latitude=17.385321, longitude=78.486671, accuracy=9.0)


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
