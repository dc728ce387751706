"""Reports from tap to appeal: proofs, moderators, and sanctions that are lifted or end.

``client/test/overseeing/moderating.test.ts`` tells the same of cores and the server alone.
"""

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.harness import confirming
from tests.harness.browser import Officer, Station
from tests.harness.recording import RecordingProxy
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
OFFLINE = "The court has freed the accused in the Abids case, they say."
RUMOUR = "They say the strike is tomorrow and nobody will come on duty."
APPEAL = "The control room had told us so."
REASON = "A rumour to 150 officers that stopped a night patrol."


@pytest.mark.service_worker
def test_a_report_from_tap_to_appeal(
    station: Station,
    app_server: ServerProcess,
    own_relay: Callable[[], RecordingProxy],
    tmp_path: Path,
) -> None:
    # The department makes the chats of each zone and station.
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(POLICY), "utf-8")
    run_copconnect(app_server.data, "conversations", "policy", "set", str(policy))
    # Root admins hold the right ``moderate`` over everybody.
    first, second = (confirming.root_admin(app_server, station, at) for at in (1, 3))
    line = own_relay()
    reporter = station.officer(12, url=line.url).register()
    sender = station.officer(6, service_worker=False).register()
    reporter.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    sender.open_chat(SMALL)
    sender.say(OFFLINE)
    reporter.open_chat(SMALL)
    reporter.message(OFFLINE).wait_for()
    _mine(reporter)  # The page's files are here before the network goes.
    _report_without_a_network(reporter, line)

    # One moderator warns; the officer reads why, says so, and appeals.
    _open_case(first, sender, OFFLINE)
    _decide(first, "@reports.sanction.warning", "@reports.decide.decide")
    expect(first.button("@reports.decide.decide")).to_have_count(0)
    sender.to_chats()
    sender.page.get_by_text(sender.word("reports.sanction.line.warning")).wait_for()
    _acknowledge_and_appeal(sender)
    _open_case(first, sender, OFFLINE, "appeals")
    first.page.get_by_text(first.word("@reports.bar.decided_first")).wait_for()
    expect(first.button("@reports.appeal.lift")).to_have_count(0)
    _open_case(second, sender, OFFLINE, "appeals")
    second.page.get_by_text(APPEAL).wait_for()
    second.page.get_by_label(second.word("@reports.appeal.reason"), exact=True).fill("Confirmed.")
    second.button("@reports.appeal.lift").click()
    second.page.get_by_text(second.word("@reports.appeal.lifted")).first.wait_for()
    second.shot("lifted")
    sender.page.get_by_text(sender.word("reports.appeal.lifted")).wait_for()

    # Two mute.
    reporter.to_chats()
    reporter.open_chat(LARGE)
    reporter.say(BEFORE)
    sender.to_chats()
    sender.open_chat(LARGE)
    sender.message(BEFORE).wait_for()
    sender.say(RUMOUR)
    _report(reporter, sender, [first, second])
    case = _open_case(first, sender, RUMOUR)
    for text in (BEFORE, RUMOUR):
        expect(case.get_by_role("listitem").filter(has_text=text)).to_contain_text(
            first.word("@reports.case.holds")
        )
    first.shot("case")
    first.button("@reports.case.take").click()
    first.button("@reports.case.release").wait_for()
    _decide(first, "@reports.sanction.muted", "@reports.decide.propose")
    # Nothing acts yet, and the first moderator cannot agree with themselves.
    first.page.get_by_text(first.word("@reports.proposal.own")).wait_for()
    expect(first.button("@reports.proposal.agree")).to_have_count(0)
    expect(sender.composer).to_be_visible()
    _open_case(second, sender, RUMOUR)
    second.button("@reports.proposal.agree").click()
    second.page.get_by_text(second.word("@reports.proposal.agreed")).wait_for()
    _muted_until_it_ends(sender, app_server.data)
    _mine(reporter).filter(has_text=reporter.word("reports.mine.upheld")).nth(1).wait_for()
    reporter.shot("my-reports")

    # The case as a file, and counts without names.
    _open_case(first, sender, RUMOUR, "decided")
    decided = first.page.get_by_role("region", name=first.word("@reports.decide.title"))
    for moderator in (first, second):
        expect(decided).to_contain_text(moderator.person.name)
    first.button("@reports.case.save").click()
    dialog = first.page.get_by_role("dialog")
    with first.page.expect_download() as download:
        dialog.get_by_role("button", name=first.word("@reports.case.save"), exact=True).click()
    assert json.loads(download.value.path().read_bytes())["format"] == "copconnect case v1"
    open_console(first, "reports/statistics")
    whole = first.page.get_by_role("main")
    upheld = whole.get_by_role("row").filter(has_text="Abids").get_by_role("cell").nth(1)
    expect(upheld).to_have_text("2")
    expect(whole).not_to_contain_text(sender.person.name)
    expect(whole).not_to_contain_text(reporter.person.name)
    first.shot("statistics")


def _mine(officer: Officer) -> Locator:
    """Go to one's own reports; return their rows."""
    officer.page.goto("/#/me/reports")
    return officer.page.get_by_role("listitem")


def _report_without_a_network(reporter: Officer, line: RecordingProxy) -> None:
    """It waits on the phone, also over a new start of the app."""
    line.go_dark()
    reporter.to_chats()
    reporter.open_chat(SMALL)
    reporter.page.get_by_text(reporter.word("app.status.offline")).wait_for()
    reporter.act_on(OFFLINE, "conversation.report")
    sheet = reporter.page.get_by_role("dialog", name=reporter.word("reports.sheet.title"))
    sheet.get_by_role("radio").nth(1).check()
    sheet.get_by_role("button", name=reporter.word("reports.sheet.send"), exact=True).click()
    reporter.page.get_by_text(reporter.word("reports.sheet.waits")).wait_for()
    reporter.page.reload()
    waits = _mine(reporter).filter(has_text=reporter.word("reports.mine.waiting"))
    expect(waits).to_have_count(1)
    reporter.shot("waits")
    line.come_back()
    sent = _mine(reporter).filter(has_text=reporter.word("reports.mine.open"))
    expect(sent).to_have_count(1)


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


def _open_case(moderator: Officer, about: Officer, text: str, box: str = "open") -> Locator:
    """Open the newest case about somebody in a box of the queue; wait for a message of it."""
    open_console(moderator, "reports" if box == "open" else f"reports/{box}")
    row(moderator.page, about.person.name).first.click()
    case = moderator.page.get_by_role("region", name=moderator.word("@reports.case.proof"))
    case.get_by_text(text).wait_for()
    return case


def _decide(moderator: Officer, sanction: str, act: str) -> None:
    """Find a breach, with a sanction."""
    word, page = moderator.word, moderator.page
    form = page.get_by_role("form", name=word("@reports.decide.title"))
    form.get_by_role("radio", name=word("@reports.decide.upheld")).check()
    form.get_by_label(word("@reports.decide.reason"), exact=True).fill(REASON)
    form.get_by_role("radio", name=word(sanction)).check()
    moderator.shot("decision")
    form.get_by_role("button", name=word(act), exact=True).click()


def _acknowledge_and_appeal(officer: Officer) -> None:
    """From the sanction's page."""
    officer.page.goto("/#/me/sanctions")
    officer.page.get_by_text(REASON).wait_for()
    officer.button("reports.sanction.acknowledge").click()
    officer.page.get_by_text(officer.word("reports.sanction.acknowledged")).wait_for()
    officer.button("reports.appeal.title").click()
    words = APPEAL
    officer.secrets.text(words)
    officer.page.get_by_label(officer.word("reports.appeal.words"), exact=True).fill(words)
    officer.button("reports.appeal.send").click()
    officer.page.get_by_text(officer.word("reports.appeal.open")).wait_for()
    officer.shot("appeal")


def _muted_until_it_ends(sender: Officer, data: Path) -> None:
    """The officer sees it where they would write and forward; a station's group stays open."""
    before, _ = sender.word("reports.sanction.line.muted", until="|").split("|")
    muted = sender.page.get_by_text(before).last
    muted.wait_for()
    expect(sender.composer).to_have_count(0)
    sender.shot("muted")
    sender.act_on(RUMOUR, "conversation.forward.act")
    closed, _ = sender.word("conversation.barred.until", until="|").split("|")
    sender.page.get_by_role("checkbox", disabled=True).filter(has_text=closed).first.wait_for()
    sender.shot("forward-muted")
    sender.page.keyboard.press("Escape")
    sender.to_chats()
    muted.wait_for()
    sender.open_chat(SMALL)
    sender.to_chats()
    sender.chat(LARGE).click()
    _end_soon(data)
    sender.page.reload()
    muted.wait_for()
    sender.composer.wait_for()
    expect(muted).to_have_count(0)


def _end_soon(data: Path) -> None:
    """Bring the end of every sanction in force near, as if its days had gone by."""
    end = time.time_ns() // 1_000_000 + 12_000
    with contextlib.closing(sqlite3.connect(data / "copconnect.sqlite3", timeout=30)) as base:
        base.execute("UPDATE sanctions SET until_ms = ? WHERE kind = 'muted'", (end,))
        base.commit()
