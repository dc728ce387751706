"""Ways through what concerns a person's account: the first run, devices, the lock, signing out.

Tours as those of :mod:`tests.harness.tour`.
"""

import re
from collections.abc import Iterator

from playwright.sync_api import expect

from tests.harness import confirming as trust
from tests.harness.browser import Officer
from tests.harness.looks import Looks
from tests.harness.recording import RecordingProxy

PIN = "739164"


def first_run(officer: Officer) -> Iterator[str]:
    """From a device that was never used to the empty list of chats."""
    yield "language"
    officer.choose_language()
    officer.heading("firstRun.number.title").wait_for()
    yield "number"
    officer.enter_number("12345")
    officer.page.get_by_role("alert").wait_for()
    yield "number-wrong"
    officer.enter_number()
    officer.heading("firstRun.code.title").wait_for()
    yield "code"
    right = officer.code_for(officer.person.number)
    officer.enter_code(str((int(right) + 1) % 1_000_000).zfill(6))
    officer.page.get_by_role("alert").wait_for()
    yield "code-wrong"
    officer.enter_code(right)
    officer.button("firstRun.conduct.accept").wait_for()
    expect(officer.button("firstRun.conduct.accept")).to_be_enabled()
    yield "conduct"
    officer.accept_conduct()
    officer.button("firstRun.done.next").wait_for()
    yield "done"
    officer.finish()
    officer.page.get_by_text(officer.word("chats.empty.title")).wait_for()
    yield "chats-empty"


def _to_second_factor(officer: Officer, factor: str) -> None:
    officer.choose_language()
    officer.enter_number()
    officer.enter_code()
    officer.heading(f"firstRun.{factor}.title").wait_for()


def without_text(officer: Officer) -> Iterator[str]:
    """A number that gets no more texts: back to the code that was sent, then a letter's code."""
    officer.choose_language()
    officer.enter_number()
    again = officer.button("firstRun.code.resend")
    again.click()
    officer.heading("firstRun.withoutText.title").wait_for()
    yield "without-text"
    officer.button("app.back").click()
    again.click()
    officer.heading("firstRun.withoutText.title").wait_for()
    yield from _letter(officer, "without-text")


def enrolment(officer: Officer) -> Iterator[str]:
    """The code from a letter: asked for, wrong, right."""
    _to_second_factor(officer, "enrolment")
    yield "enrolment"
    yield from _letter(officer, "enrolment")


def _letter(officer: Officer, step: str) -> Iterator[str]:
    """Enter a wrong code, then that of the officer's letter."""
    field = officer.page.get_by_label(officer.word("firstRun.enrolment.label"), exact=True)
    field.fill("ENROLMENT99999")
    officer.button("firstRun.code.next").click()
    officer.page.get_by_role("alert").wait_for()
    yield f"{step}-wrong"
    field.fill(officer.person.enrolment_code)
    officer.button("firstRun.code.next").click()
    officer.button("firstRun.conduct.accept").wait_for()


def waiting(officer: Officer) -> Iterator[str]:
    """A device that somebody must confirm, from its first run to the screen that waits."""
    officer.register_waiting()
    yield "unconfirmed"


def confirming(endorser: Officer, new: Officer, at_new: Looks) -> Iterator[str]:
    """Somebody's phone waits: the list, the page with wrong digits and with the right ones. The
    screens of the phone itself are looked at meanwhile, too."""
    trust.open_list(endorser)
    trust.act(endorser, new).wait_for()
    yield "confirm-list"
    trust.act(endorser, new).click()
    trust.answer(new).wait_for()
    yield "confirm-waiting"
    at_new.at("unconfirmed-asked")
    digits = trust.digits_shown(new)
    expect(trust.field(endorser)).to_be_enabled()
    yield "confirm-digits"
    at_new.at("unconfirmed-digits")
    trust.enter(endorser, str((int(digits) + 1) % 1_000_000).zfill(6))
    endorser.page.get_by_text(endorser.word("devices.confirm.differ")).wait_for()
    yield "confirm-wrong"
    trust.enter(endorser, digits)
    endorser.heading("devices.confirm.done").wait_for()
    yield "confirm-done"


def me(officer: Officer) -> Iterator[str]:
    """Me and each of its pages; the question before signing out."""
    officer.page.get_by_role("link", name=officer.word("app.nav.me"), exact=True).click()
    officer.heading("me.title").wait_for()
    yield "me"
    for page in (
        "profile",
        "devices",
        "confirm",
        "blocked",
        "notifications",
        "language",
        "appearance",
        "storage",
        "about",
    ):
        officer.page.goto(f"/#/me/{page}")
        titles = {"appearance": "me.theme", "confirm": "devices.confirm.title"}
        title = titles.get(page, f"me.{page}")
        officer.page.get_by_role("region", name=officer.word(title), exact=True).wait_for()
        yield f"me-{page}"
    officer.page.goto("/#/me")
    officer.page.get_by_role("button", name=officer.word("me.signOut"), exact=True).click()
    officer.page.get_by_role("dialog").wait_for()
    yield "sign-out"
    officer.button("app.cancel").click()


def removing_device(officer: Officer) -> Iterator[str]:
    """Two devices, the name of one, and the question before one is removed; it is not."""
    officer.page.goto("/#/me/devices")
    officer.page.get_by_role("button", name="Change the name").first.click()
    officer.page.get_by_role("dialog").wait_for()
    yield "device-name"
    officer.button("app.cancel").click()
    officer.page.get_by_role("button", name="Remove ").click()
    officer.page.get_by_role("dialog").wait_for()
    yield "device-remove"
    officer.button("app.cancel").click()


def offline(officer: Officer, line: RecordingProxy) -> Iterator[str]:
    """The screens without a network."""
    officer.to_chats()
    line.go_dark()
    officer.page.get_by_text(officer.word("app.status.offline")).wait_for()
    yield "offline-chats"
    officer.page.goto("/#/new")
    officer.page.get_by_text(officer.word("groups.offline")).wait_for()
    yield "offline-new-chat"
    officer.page.goto("/#/people")
    officer.page.get_by_text(officer.word("groups.offline")).wait_for()
    yield "offline-people"
    line.come_back()
    officer.page.get_by_text(officer.word("app.status.offline")).wait_for(state="detached")


def locking(officer: Officer) -> Iterator[str]:
    """Setting a PIN, the lock, a wrong PIN, and the way out of a forgotten one."""
    officer.page.goto("/#/me/lock")
    officer.button("me.setPin").wait_for()
    yield "lock-off"
    officer.button("me.setPin").click()
    new = officer.page.get_by_label(officer.word("me.newPin"), exact=True)
    new.fill("123456")
    officer.page.get_by_label(officer.word("me.repeatPin"), exact=True).fill("123456")
    officer.button("me.setPin").click()
    officer.page.get_by_text(officer.word("me.pinWeak")).wait_for()
    yield "lock-pin"
    new.fill(PIN)
    officer.page.get_by_label(officer.word("me.repeatPin"), exact=True).fill(PIN)
    officer.button("me.setPin").click()
    officer.button("me.lockNow").wait_for()
    yield "lock-on"
    officer.button("me.lockNow").click()
    officer.heading("lock.title").wait_for()
    yield "locked"
    officer.page.keyboard.type("111111")
    officer.page.keyboard.press("Enter")
    officer.page.get_by_role("alert").wait_for()
    yield "locked-wrong"
    officer.button("lock.forgot").click()
    officer.button("lock.erase").wait_for()
    yield "locked-forgot"
    officer.button("app.cancel").click()
    # A wrong PIN costs a wait before the next.
    expect(officer.page.get_by_text(re.compile("Wait"))).to_have_count(0)
    officer.page.keyboard.type(PIN)
    officer.page.keyboard.press("Enter")
    officer.heading("me.lock").wait_for()


def signing_out(officer: Officer) -> Iterator[str]:
    """The end."""
    officer.page.goto("/#/me")
    officer.page.get_by_role("button", name=officer.word("me.signOut"), exact=True).click()
    officer.page.get_by_role("dialog").get_by_role(
        "button", name=officer.word("me.signOut"), exact=True
    ).click()
    officer.page.get_by_text(officer.word("app.signedOut.signOut")).wait_for()
    yield "signed-out"
