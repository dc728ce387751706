"""Reports from tap to appeal: proofs, moderators, and sanctions that are lifted or end."""

import base64
import contextlib
import json
import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.harness import confirming
from tests.harness.browser import Officer, Station, until
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
RUMOUR = "They say the strike is tomorrow and nobody will come on duty."
APPEAL = "The control room had told us so."
REASON = "A rumour to 150 officers that stopped a night patrol."


@pytest.fixture(scope="module")
def desks(
    posted: Station, app_server: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> list[Officer]:
    """Three root admins at desks: they hold the right ``moderate`` over everybody. The department
    makes the chats of each zone and station."""
    policy = tmp_path_factory.mktemp("policy") / "policy.json"
    policy.write_text(json.dumps(POLICY), "utf-8")
    run_copconnect(app_server.data, "conversations", "policy", "set", str(policy))
    return [confirming.root_admin(app_server, posted, at) for at in (1, 3, 5)]


@pytest.fixture
def moderators(desks: list[Officer], checked: None) -> list[Officer]:  # noqa: ARG001
    return desks


def test_a_report_from_tap_to_appeal(
    station: Station, app_server: ServerProcess, moderators: list[Officer]
) -> None:
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
    # A moderator who came after the appeal reads it and its proof: the third device seals both.
    fourth = confirming.root_admin(app_server, station, 7)
    third.page.reload()
    _open_case(third, sender, "appeals")
    third.page.get_by_text(APPEAL).wait_for()
    until(fourth.page, lambda: _sealed_later(app_server.data) == {"report", "appeal"})
    _open_case(fourth, sender, "appeals")
    fourth.page.get_by_text(APPEAL).wait_for()
    fourth.page.get_by_label(fourth.word("@reports.appeal.reason"), exact=True).fill("Confirmed.")
    fourth.button("@reports.appeal.lift").click()
    fourth.page.get_by_text(fourth.word("@reports.appeal.lifted")).first.wait_for()
    fourth.shot("lifted")

    sender.page.get_by_text(sender.word("reports.appeal.lifted")).wait_for()
    sender.to_chats()
    expect(sender.page.get_by_text(_line(sender))).to_have_count(0)
    sender.open_chat(LARGE)
    sender.say("Correction: there is no strike.")
    sender.sees_status("Correction: there is no strike.", "sent")

    reporter.page.goto("/#/me/reports")
    reporter.page.get_by_text(reporter.word("reports.mine.upheld")).wait_for()
    reporter.shot("my-reports")


def _sealed_later(data: Path) -> set[str]:
    """Return the kinds of envelopes that moderators sealed to later ones."""
    with contextlib.closing(sqlite3.connect(data / "copconnect.sqlite3", timeout=30)) as base:
        return {one for (one,) in base.execute("SELECT envelope FROM report_seals")}


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
    words = APPEAL
    officer.secrets.text(words)
    officer.page.get_by_label(officer.word("reports.appeal.words"), exact=True).fill(words)
    officer.button("reports.appeal.send").click()
    officer.page.get_by_text(officer.word("reports.appeal.open")).wait_for()
    officer.shot("appeal")


OFFLINE = "The court has freed the accused in the Abids case, they say."
SECOND = "Nobody needs to come on Sunday, the order is cancelled, they say."


@pytest.mark.service_worker
def test_a_report_without_a_network_a_warning_and_a_suspension_that_ends(
    station: Station,
    app_server: ServerProcess,
    own_relay: Callable[[], RecordingProxy],
    moderators: list[Officer],
    tmp_path: Path,
) -> None:
    line = own_relay()
    first, second, _ = moderators
    reporter = station.officer(24, url=line.url).register()
    sender = station.officer(18, service_worker=False).register()
    reporter.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    sender.open_chat(SMALL)
    sender.say(OFFLINE)
    reporter.open_chat(SMALL)
    reporter.message(OFFLINE).wait_for()
    _mine(reporter)  # The page's files are here before the network goes.

    # Reported without a network, it waits on the phone, also over a new start of the app.
    line.go_dark()
    reporter.to_chats()
    reporter.open_chat(SMALL)
    reporter.page.get_by_text(reporter.word("app.status.offline")).wait_for()
    _send_report(reporter, OFFLINE, "reports.sheet.waits")
    reporter.page.reload()
    waits = _mine(reporter).filter(has_text=reporter.word("reports.mine.waiting"))
    expect(waits).to_have_count(1)
    reporter.shot("waits")
    line.come_back()
    sent = _mine(reporter).filter(has_text=reporter.word("reports.mine.open"))
    expect(sent).to_have_count(1)

    # One moderator warns; the officer reads why, says so, and appeals.
    _open_newest(first, sender, OFFLINE)
    _decide(first, "@reports.sanction.warning", "@reports.decide.decide")
    expect(first.button("@reports.decide.decide")).to_have_count(0)
    sender.to_chats()
    sender.page.get_by_text(sender.word("reports.sanction.line.warning")).wait_for()
    sender.page.goto("/#/me/sanctions")
    sender.page.get_by_text(REASON).wait_for()
    sender.button("reports.sanction.acknowledge").click()
    sender.page.get_by_text(sender.word("reports.sanction.acknowledged")).wait_for()
    _appeal(sender)

    # Two suspend; the officer's composer and forwards say until when, and it ends at its time.
    sender.to_chats()
    sender.open_chat(SMALL)
    sender.say(SECOND)
    reporter.to_chats()
    reporter.open_chat(SMALL)
    reporter.message(SECOND).wait_for()
    _send_report(reporter, SECOND, "reports.sheet.sent")
    _open_newest(first, sender, SECOND)
    _decide(first, "@reports.sanction.suspended", "@reports.decide.propose")
    first.page.get_by_text(first.word("@reports.proposal.own")).wait_for()
    _open_newest(second, sender, SECOND)
    second.button("@reports.proposal.agree").click()
    second.page.get_by_text(second.word("@reports.proposal.agreed")).wait_for()
    before, _ = sender.word("reports.sanction.line.suspended", until="|").split("|")
    expect(sender.composer).to_have_count(0)
    expect(sender.page.get_by_text(before).last).to_be_visible()
    sender.act_on(SECOND, "conversation.forward.act")
    closed, _ = sender.word("conversation.barred.until", until="|").split("|")
    sender.page.get_by_role("checkbox", disabled=True).filter(has_text=closed).first.wait_for()
    sender.shot("forward-suspended")
    sender.page.keyboard.press("Escape")
    _end_soon(app_server.data)
    sender.page.reload()
    sender.page.get_by_text(before).last.wait_for()
    sender.composer.wait_for()
    sender.say("Understood. I am on duty on Sunday.")
    sender.sees_status("Understood. I am on duty on Sunday.", "sent")

    # Counts without names, and the case as a file that verifies without the server.
    _open_newest(first, sender, SECOND, box="decided")
    first.button("@reports.case.save").click()
    with first.page.expect_download() as download:
        first.page.get_by_role("dialog").get_by_role(
            "button", name=first.word("@reports.case.save"), exact=True
        ).click()
    file = tmp_path / "case.json"
    download.value.save_as(file)
    said = run_copconnect(app_server.data, "reports", "verify", str(file))
    found = json.loads(said.splitlines()[-1])
    proven = {base64.b64decode(one["content"] or "") for one in found["messages"]}
    assert any(SECOND.encode() in one for one in proven)
    assert [one["failed"] for one in found["messages"]] == [None] * len(proven)
    open_console(first, "reports/statistics")
    whole = first.page.get_by_role("main")
    upheld = whole.get_by_role("row").filter(has_text="Abids").get_by_role("cell").nth(1)
    expect(upheld).to_have_text(re.compile(r"^[2-9]$"))
    expect(whole).not_to_contain_text(sender.person.name)
    expect(whole).not_to_contain_text(reporter.person.name)
    first.shot("statistics")


def _mine(officer: Officer) -> Locator:
    """Go to one's own reports; return their rows."""
    officer.page.goto("/#/me/reports")
    return officer.page.get_by_role("listitem")


def _send_report(reporter: Officer, text: str, said: str) -> None:
    """Report a message by its menu, alone; ``said``: what the app answers."""
    reporter.act_on(text, "conversation.report")
    sheet = reporter.page.get_by_role("dialog", name=reporter.word("reports.sheet.title"))
    sheet.get_by_role("radio").nth(1).check()
    sheet.get_by_role("button", name=reporter.word("reports.sheet.send"), exact=True).click()
    reporter.page.get_by_text(reporter.word(said)).wait_for()


def _open_newest(moderator: Officer, about: Officer, text: str, box: str = "open") -> None:
    """Open the newest case about somebody; wait until its messages are proven."""
    open_console(moderator, "reports" if box == "open" else f"reports/{box}")
    row(moderator.page, about.person.name).first.click()
    case = moderator.page.get_by_role("region", name=moderator.word("@reports.case.proof"))
    case.get_by_text(text).wait_for()


def _decide(moderator: Officer, sanction: str, act: str) -> None:
    """Find a breach, with a sanction."""
    word, page = moderator.word, moderator.page
    form = page.get_by_role("form", name=word("@reports.decide.title"))
    form.get_by_role("radio", name=word("@reports.decide.upheld")).check()
    form.get_by_label(word("@reports.decide.reason"), exact=True).fill(REASON)
    form.get_by_role("radio", name=word(sanction)).check()
    form.get_by_role("button", name=word(act), exact=True).click()


def _end_soon(data: Path) -> None:
    """Bring the end of every sanction in force near, as if its days had gone by."""
    end = time.time_ns() // 1_000_000 + 12_000
    with contextlib.closing(sqlite3.connect(data / "copconnect.sqlite3", timeout=30)) as base:
        base.execute("UPDATE sanctions SET until_ms = ? WHERE kind = 'suspended'", (end,))
        base.commit()
