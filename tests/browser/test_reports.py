"""A report's life from tap to appeal: proof, two moderators, a mute that a third one lifts."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.harness import confirming
from tests.harness.browser import Officer, Station
from tests.harness.server import ServerProcess, run_copconnect
from tests.harness.tour_console import open_console, row

POLICY = [
    {
        "code": "unit",
        "levels": ["zone", "station"],
        "title": {"en": "{unit}", "te": "", "ur": "", "hi": ""},
    },
]
LARGE, SMALL = "East Zone", "Abids Police Station"
BEFORE = "Patrol two has left for the river bank."
RUMOUR = "They say the strike is tomorrow and nobody will come on duty."
REASON = "A rumour to 150 officers that stopped a night patrol."


@pytest.fixture
def moderators(station: Station, app_server: ServerProcess) -> list[Officer]:
    """Three root admins at desks: they hold the right ``moderate`` over everybody."""
    return [confirming.root_admin(app_server, station, at) for at in (1, 3, 5)]


def test_a_report_from_tap_to_appeal(
    station: Station, app_server: ServerProcess, moderators: list[Officer], tmp_path: Path
) -> None:
    (tmp_path / "policy.json").write_text(json.dumps(POLICY), "utf-8")
    policy = str(tmp_path / "policy.json")
    run_copconnect(app_server.data, "conversations", "policy", "set", policy)
    first, second, third = moderators
    reporter, sender = station.officer(12).register(), station.officer(6).register()

    reporter.open_chat(LARGE)
    reporter.say(BEFORE)
    sender.open_chat(LARGE)
    sender.message(BEFORE).wait_for()
    sender.say(RUMOUR)
    _report(reporter, sender, moderators)

    case = _open_case(first, sender, "open")
    for text in (BEFORE, RUMOUR):
        expect(case.get_by_role("listitem").filter(has_text=text)).to_contain_text(
            first.word("@reports.case.holds")
        )
    first.shot("case")
    _propose_mute(first)
    # Nothing acts yet, and the first moderator cannot agree with themselves.
    first.page.get_by_text(first.word("@reports.proposal.own")).wait_for()
    expect(first.button("@reports.proposal.agree")).to_have_count(0)
    expect(sender.composer).to_be_visible()

    _open_case(second, sender, "open")
    second.button("@reports.proposal.agree").click()
    second.page.get_by_text(second.word("@reports.proposal.agreed")).wait_for()

    # The officer sees it where they would write; a station's group and direct chats stay open.
    sender.page.get_by_text(_line(sender)).wait_for()
    expect(sender.composer).to_have_count(0)
    sender.shot("muted")
    sender.to_chats()
    sender.page.get_by_text(_line(sender)).wait_for()
    sender.open_chat(SMALL)
    sender.say("The register is with the writer.")
    sender.sees_status("The register is with the writer.", "sent")
    sender.to_chats()
    sender.open_direct(reporter)
    sender.say("I am on beat four.")
    sender.sees_status("I am on beat four.", "sent")
    _appeal(sender)

    _open_case(first, sender, "appeals")
    first.page.get_by_text(first.word("@reports.bar.decided_first")).wait_for()
    expect(first.button("@reports.appeal.lift")).to_have_count(0)
    _open_case(third, sender, "appeals")
    third.page.get_by_text("The control room had told us so.").wait_for()
    third.page.get_by_label(third.word("@reports.appeal.reason"), exact=True).fill("Confirmed.")
    third.button("@reports.appeal.lift").click()
    third.page.get_by_text(third.word("@reports.appeal.lifted")).first.wait_for()
    third.shot("lifted")

    sender.page.get_by_text(sender.word("reports.appeal.lifted")).wait_for()
    sender.to_chats()
    expect(sender.page.get_by_text(_line(sender))).to_have_count(0)
    sender.open_chat(LARGE)
    sender.say("Correction: there is no strike.")
    sender.sees_status("Correction: there is no strike.", "sent")

    reporter.page.goto("/#/me/reports")
    reporter.page.get_by_text(reporter.word("reports.mine.upheld")).wait_for()
    reporter.shot("my-reports")


def _report(reporter: Officer, sender: Officer, readers: list[Officer]) -> None:
    """From the message's menu: the sheet says who reads it and what they see."""
    reporter.act_on(RUMOUR, "conversation.report")
    sheet = reporter.page.get_by_role("dialog", name=reporter.word("reports.sheet.title"))
    send = sheet.get_by_role("button", name=reporter.word("reports.sheet.send"), exact=True)
    expect(send).to_be_disabled()
    sheet.get_by_role("radio").nth(3).check()
    seen = sheet.get_by_role("region", name=reporter.word("reports.sheet.seen"))
    expect(seen.get_by_role("listitem")).to_contain_text([BEFORE, RUMOUR])
    who = sheet.get_by_role("region", name=reporter.word("reports.sheet.readers"))
    for one in readers:
        expect(who).to_contain_text(one.person.name)
    expect(who).not_to_contain_text(sender.person.post)
    words = "He wrote this twice tonight."
    reporter.secrets.text(words)
    sheet.get_by_label(reporter.word("reports.sheet.words"), exact=True).fill(words)
    reporter.shot("sheet")
    send.click()
    reporter.page.get_by_text(reporter.word("reports.sheet.sent")).wait_for()


def _open_case(moderator: Officer, about: Officer, box: str) -> Locator:
    """Open the one case about somebody in a box of the queue; wait for its messages."""
    open_console(moderator, "reports" if box == "open" else f"reports/{box}")
    row(moderator.page, about.person.name).click()
    case = moderator.page.get_by_role("region", name=moderator.word("@reports.case.proof"))
    case.get_by_text(RUMOUR).wait_for()
    return case


def _propose_mute(moderator: Officer) -> None:
    """Take the case, and ask a second moderator for a mute of seven days."""
    word, page = moderator.word, moderator.page
    moderator.button("@reports.case.take").click()
    moderator.button("@reports.case.release").wait_for()
    form = page.get_by_role("form", name=word("@reports.decide.title"))
    form.get_by_role("radio", name=word("@reports.decide.upheld")).check()
    form.get_by_label(word("@reports.decide.reason"), exact=True).fill(REASON)
    form.get_by_role("radio", name=word("@reports.sanction.muted")).check()
    moderator.shot("decision")
    form.get_by_role("button", name=word("@reports.decide.propose"), exact=True).click()


def _line(officer: Officer) -> re.Pattern[str]:
    """The line that says what is closed and until when."""
    before, _ = officer.word("reports.sanction.line.muted", until="|").split("|")
    return re.compile(re.escape(before))


def _appeal(officer: Officer) -> None:
    """From the sanction's page."""
    officer.page.goto("/#/me/sanctions")
    officer.page.get_by_text(REASON).wait_for()
    officer.button("reports.appeal.title").click()
    words = "The control room had told us so."
    officer.secrets.text(words)
    officer.page.get_by_label(officer.word("reports.appeal.words"), exact=True).fill(words)
    officer.button("reports.appeal.send").click()
    officer.page.get_by_text(officer.word("reports.appeal.open")).wait_for()
    officer.shot("appeal")
