"""The code of conduct: written and agreed to in the console, asked again on a phone."""

import json

from playwright.sync_api import expect

from tests.harness import confirming
from tests.harness.browser import Officer, Station
from tests.harness.server import ServerProcess, run_copconnect
from tests.harness.tour_console import open_console

NEW = "Do not send greetings, jokes, festival wishes, quotes or forwarded messages."
TOO = "Keep to the channel of your unit."
WAITS = "Two hurt near Moosarambagh, one ambulance wanted"
LANGUAGES = ("English", "తెలుగు", "اردو", "हिन्दी")


def write(admin: Officer) -> None:
    """Change the second rule and add one more, in each language, looking at the preview."""
    open_console(admin, "conduct/edit")
    page = admin.page
    page.get_by_role("textbox", name=admin.word("@conduct.rule", number="2"), exact=True).fill(NEW)
    page.get_by_role("button", name=admin.word("@conduct.add"), exact=True).click()
    publish = admin.button("@conduct.next")
    expect(publish).to_be_disabled()
    page.get_by_text(admin.word("@conduct.problems.rule", name="తెలుగు", number="11")).wait_for()
    for language in LANGUAGES:
        page.get_by_role("button", name=language).click()
        added = page.get_by_role(
            "textbox", name=admin.word("@conduct.rule", number="11"), exact=True
        )
        added.fill(TOO if language == "English" else f"{TOO} {language}")
    page.get_by_role("button", name="English").click()
    marks = page.locator(".phone").get_by_text(admin.word("firstRun.conduct.added"), exact=True)
    expect(marks).to_have_count(1)
    admin.shot("written")
    publish.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(admin.word("firstRun.conduct.changed"), exact=True).wait_for()
    dialog.get_by_role("button", name=admin.word("@conduct.publish"), exact=True).click()
    page.get_by_text(admin.word("@act.waits")).wait_for()


def test_a_version_is_written_agreed_to_and_asked_of_an_officer(
    station: Station, app_server: ServerProcess
) -> None:
    first, second = (confirming.root_admin(app_server, station, at) for at in (60, 61))
    officer, other = (station.officer(at).register() for at in (62, 63))
    officer.open_direct(other)
    officer.say("Reached the Moosarambagh bridge")
    officer.sees_status("Reached the Moosarambagh bridge", "sent")
    write(first)

    open_console(second, "approvals")
    second.page.get_by_role("link", name=second.word("@units.review.look")).click()
    second.page.get_by_text(NEW).first.wait_for()
    second.shot("looked-at")
    open_console(second, "approvals")
    second.button("@approvals.approve").click()
    asked = second.page.get_by_role("dialog")
    asked.get_by_role("button", name=second.word("@approvals.approve"), exact=True).click()
    second.page.get_by_text(second.word("@approvals.approved")).wait_for()
    published = json.loads(run_copconnect(app_server.data, "conduct", "show"))
    assert [len(one["rules"]) for one in published] == [11] * 4

    # The next message finds out that the code asks anew: it is kept, and so is what is written.
    officer.secrets.text(WAITS)
    officer.composer.fill(WAITS)
    officer.button("conversation.send").click()
    officer.heading("firstRun.conduct.changedTitle").wait_for()
    page = officer.page
    changed = page.get_by_role("listitem").filter(has_text=NEW)
    expect(
        changed.get_by_text(officer.word("firstRun.conduct.changed"), exact=True)
    ).to_be_visible()
    expect(changed.get_by_text("Do not send greetings, jokes, festival wishes or")).to_be_visible()
    expect(page.get_by_text(TOO)).to_be_attached()
    officer.shot("asked-again")
    officer.button("firstRun.conduct.accept").click()
    officer.sees_status(WAITS, "sent")
    page.goto("/#/me/conduct")
    page.get_by_text(TOO).wait_for()
