"""The app lock: a PIN over everything on the device, with the real Argon2id. Photos and a caption
stay until they are sent: through a lock, the guard's question and a full disk."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.harness import groups, sharing, storage
from tests.harness.browser import Officer, Station, until
from tests.harness.pictures import noise_png

PIN = "739152"
WRONG = "739151"
GREETING = "G o o d  m o r n i n g  all"
TITLE = "Night patrol, sector nine"
# No chunk of a file is stored until there is room again.
FILL = """() => {
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (...values) {
    if (this.name === "chunks" && !self.free) throw new DOMException("full", "QuotaExceededError");
    return put.apply(this, values);
  };
}"""


def spoken(station: Station, index: int, other: Officer) -> Officer:
    """Register an officer, exchange a message with ``other``, and set a PIN."""
    locking = station.officer(index).register()
    other.open_direct(locking)
    other.say("The raid begins at four.")
    locking.open_chat(other.person.name)
    locking.message("The raid begins at four.").wait_for()
    locking.open_lock_page()
    locking.set_pin(PIN)
    return locking


@pytest.fixture(scope="module")
def locking(posted: Station, colleague: Officer) -> Officer:
    """An officer with a PIN, who wrote to the colleague."""
    return spoken(posted, 1, colleague)


@pytest.fixture
def officer(locking: Officer, other: Officer) -> Officer:
    """The officer with a PIN, at the page of the lock; the colleague has their chat open."""
    if locking.heading("lock.title").is_visible():
        locking.try_pin(PIN)
    locking.open_lock_page()
    other.open_chat(locking.person.name)
    return locking


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two photos."""
    files = [tmp_path / f"gate-{number}.png" for number in (1, 2)]
    for number, file in enumerate(files):
        file.write_bytes(noise_png(320, 240, number))
    return files


@pytest.fixture(scope="module")
def founder(locking: Officer, colleague: Officer) -> Officer:
    """The same officer, with a group."""
    for officer in (locking, colleague):
        officer.to_chats()
    groups.create(locking, TITLE, [colleague])
    locking.say("Sector nine is ours.")
    return locking


@pytest.fixture
def sender(founder: Officer, other: Officer) -> Officer:
    """The founder, with the group open as the other has it."""
    founder.to_chats()
    for officer in (founder, other):
        officer.open_chat(TITLE)
    return founder


def lock_from_another_tab(officer: Officer) -> None:
    """The app locks while this page shows something."""
    page = officer.page
    officer.page = officer.second_tab()
    officer.open_lock_page()
    officer.button("me.lockNow").click()
    # The core is another tab's: closed at once, this tab would not have asked it yet.
    officer.heading("lock.title").wait_for()
    officer.page.close()
    officer.page = page
    officer.heading("lock.title").wait_for()


def waiting(officer: Officer, count: int) -> Locator:
    """The line above the field that says how many files are not sent."""
    key = "chats.draftFiles_one" if count == 1 else "chats.draftFiles_other"
    return officer.button(key, count=count)


def caption(officer: Officer) -> Locator:
    """The field for the caption."""
    return officer.page.get_by_label(officer.word("media.preview.caption"), exact=True)


def shows_both(officer: Officer, words: str) -> None:
    """Wait until the message with this caption shows two photos."""
    for number in (1, 2):
        name = officer.word("media.viewer.open", n=number, total=2)
        photo = officer.message(words).get_by_role("button", name=name, exact=True)
        photo.wait_for()


def lock_now(officer: Officer) -> None:
    """Lock by hand."""
    officer.open_lock_page()
    officer.button("me.lockNow").click()
    officer.heading("lock.title").wait_for()


def shows_nothing(officer: Officer, other: Officer) -> None:
    """Nothing of what was said is on the page, nor who said it."""
    expect(officer.page.get_by_text("The raid begins")).to_have_count(0)
    expect(officer.page.get_by_text(other.person.name)).to_have_count(0)
    expect(officer.page.get_by_role("navigation")).to_have_count(0)


def tries_left(officer: Officer, count: int) -> None:
    """The lock screen says how many tries are left."""
    key = "lock.triesLeft_one" if count == 1 else "lock.triesLeft_other"
    officer.page.get_by_role("alert").filter(has_text=officer.word(key, count=count)).wait_for()


def test_only_the_right_pin_opens_and_a_reload_locks(officer: Officer, other: Officer) -> None:
    lock_now(officer)
    shows_nothing(officer, other)
    officer.shot("locked")
    for left in (9, 8):
        officer.try_pin(WRONG)
        tries_left(officer, left)
    officer.shot("wrong-pin")
    officer.try_pin(PIN)
    officer.button("me.lockNow").wait_for()
    officer.to_chats()
    officer.chat(other.person.name).wait_for()

    officer.page.reload()
    officer.heading("lock.title").wait_for()
    shows_nothing(officer, other)
    officer.try_pin(PIN)
    officer.open_chat(other.person.name)
    officer.message("The raid begins at four.").wait_for()
    officer.say("Ready since three.")
    other.message("Ready since three.").wait_for()


@pytest.mark.service_worker
@pytest.mark.notifications
def test_while_locked_nothing_is_fetched_and_nothing_is_told(
    station: Station, other: Officer
) -> None:
    officer = spoken(station, 2, other)
    officer.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    officer.page.goto("/#/me/notifications")
    officer.page.get_by_role("switch", name=officer.word("me.notificationsDetail")).click()
    officer.to_chats()
    officer.look_away()
    other.say("Bring the second van.")
    until(officer.page, lambda: len(officer.notifications()) == 1)
    (told,) = officer.notifications()
    assert (told["title"], told["body"]) == (other.person.name, "Bring the second van.")

    officer.look_back()
    lock_now(officer)
    # The notification goes with the lock.
    until(officer.page, lambda: officer.notifications() == [])
    officer.look_away()
    other.say("And nobody tells the driver.")
    other.sees_status("And nobody tells the driver.", "sent")
    shows_nothing(officer, other)
    officer.page.reload()
    officer.heading("lock.title").wait_for()
    officer.look_away()
    other.say("The driver knows already.")
    other.sees_status("The driver knows already.", "sent")
    assert officer.notifications() == []
    expect(other.status("The driver knows already.")).to_have_text(
        other.word("conversation.status.sent")
    )
    officer.look_back()
    officer.try_pin(PIN)
    officer.heading("lock.title").wait_for(state="detached")
    officer.to_chats()
    officer.open_chat(other.person.name)
    officer.message("The driver knows already.").wait_for()
    other.sees_status("The driver knows already.", "read")


def test_what_the_guard_holds_stays_through_a_lock_and_a_reload(
    sender: Officer, other: Officer, photos: list[Path]
) -> None:
    sender.secrets.text(GREETING)
    sharing.choose_files(sender, "gallery", photos)
    caption(sender).fill(GREETING)
    sender.button("media.preview.send").click()
    sender.heading("guard.looks.greeting").wait_for()
    sender.button("guard.edit").click()
    # The preview is as it was.
    expect(caption(sender)).to_have_value(GREETING)
    sender.button("media.preview.send").click()
    sender.heading("guard.looks.greeting").wait_for()
    lock_from_another_tab(sender)
    sender.try_pin(PIN)
    waiting(sender, 2).wait_for()
    expect(sender.composer).to_have_value(GREETING)
    sender.shot("after-lock")
    sender.page.reload()
    sender.try_pin(PIN)
    waiting(sender, 2).click()
    expect(caption(sender)).to_have_value(GREETING)
    sender.shot("shown-again")
    sender.button("media.preview.send").click()
    sender.button("guard.wrong").click()
    other.message(GREETING).wait_for()
    shows_both(other, GREETING)
    expect(waiting(sender, 2)).to_have_count(0)
    expect(sender.composer).to_have_value("")


def test_a_full_disk_keeps_them_in_the_preview(
    sender: Officer, other: Officer, photos: list[Path]
) -> None:
    for worker in sender.page.workers:
        worker.evaluate(FILL)
    sharing.choose_files(sender, "gallery", photos)
    sender.page.get_by_text(sender.word("errors.storage_failed")).first.wait_for()
    words = "Gate nine, both sides."
    sender.secrets.text(words)
    caption(sender).fill(words)
    sender.button("media.preview.send").click()
    expect(sender.button("media.preview.send")).to_be_enabled()
    expect(caption(sender)).to_have_value(words)
    sender.shot("full")
    for worker in sender.page.workers:
        worker.evaluate("() => { self.free = true }")
    sender.button("media.preview.send").click()
    other.message(words).wait_for()
    shows_both(other, words)


def test_a_photo_that_was_taken_while_the_app_locked_is_shown_after_the_unlock(
    sender: Officer, photos: list[Path]
) -> None:
    sender.secrets.text(photos[0].name)
    sender.button("conversation.attach").click()
    sheet = sender.page.get_by_role("dialog", name=sender.word("media.attach.title"))
    with sender.page.expect_file_chooser() as chooser:
        sheet.get_by_role("button", name=sender.word("media.attach.camera"), exact=True).click()
    lock_from_another_tab(sender)
    chooser.value.set_files([photos[0]])
    sender.try_pin(PIN)
    caption(sender).wait_for()
    # Closed without a word, it goes: the person chose nothing yet.
    sender.button("app.close").click()
    sender.composer.wait_for()
    expect(waiting(sender, 1)).to_have_count(0)
    # A photo of evidence comes back to its form.
    sender.button("conversation.attach").click()
    sheet.get_by_role("button", name=sender.word("media.evidence.new"), exact=True).click()
    with sender.page.expect_file_chooser() as chooser:
        sender.button("media.attach.camera").click()
    lock_from_another_tab(sender)
    chooser.value.set_files([photos[0]])
    sender.try_pin(PIN)
    evidence = sender.page.get_by_role("dialog", name=sender.word("media.evidence.new"))
    expect(evidence.get_by_text(photos[0].name)).to_be_visible()
    sender.shot("evidence-after-lock")
    evidence.get_by_role("button", name=sender.word("app.close")).click()
    sender.composer.wait_for()
    # A draft that is shown again can be dropped.
    sharing.choose_files(sender, "gallery", photos)
    expect(sender.page.get_by_role("img", name=photos[0].name)).to_be_visible()
    sender.page.wait_for_timeout(1_000)
    sender.page.reload()
    sender.try_pin(PIN)
    waiting(sender, 2).wait_for()
    sender.button("conversation.dropFiles").click()
    expect(waiting(sender, 2)).to_have_count(0)
    expect(sender.button("media.voice.record")).to_be_visible()


def test_a_passphrase_opens_in_place_of_a_pin(officer: Officer, other: Officer) -> None:
    passphrase = "monsoon lantern tiger nine"
    officer.button("me.changePin").click()
    officer.page.get_by_label(officer.word("me.currentPin"), exact=True).fill(PIN)
    officer.page.get_by_role("radio", name=officer.word("me.lockByPassphrase")).check()
    fresh = officer.page.get_by_label(officer.word("me.newPassphrase"), exact=True)
    fresh.fill("too short")
    officer.button("me.changePin").click()
    short = officer.word("me.passphraseShort", fewest="12", most="128")
    officer.page.get_by_text(short, exact=True).wait_for()
    for key in ("me.newPassphrase", "me.repeatPassphrase"):
        officer.page.get_by_label(officer.word(key), exact=True).fill(passphrase)
    officer.button("me.changePin").click()
    officer.button("me.lockNow").click()
    officer.heading("lock.title").wait_for()
    shows_nothing(officer, other)
    field = officer.page.get_by_label(officer.word("lock.passphrase"), exact=True)
    field.fill("monsoon lantern tiger ten")
    field.press("Enter")
    wrong = officer.word("lock.passphraseTriesLeft_other", count=9)
    officer.page.get_by_role("alert").filter(has_text=wrong).wait_for()
    field.fill(passphrase)
    officer.button("lock.unlock").click()
    officer.button("me.lockNow").wait_for()
    officer.to_chats()
    officer.chat(other.person.name).wait_for()
    # Back to a PIN.
    officer.open_lock_page()
    officer.button("me.changePassphrase").click()
    officer.page.get_by_label(officer.word("me.currentPassphrase"), exact=True).fill(passphrase)
    officer.page.get_by_role("radio", name=officer.word("me.lockByPin")).check()
    for key in ("me.newPin", "me.repeatPin"):
        officer.page.get_by_label(officer.word(key), exact=True).fill(PIN)
    officer.button("me.changePassphrase").click()
    officer.button("me.lockNow").wait_for()


def test_tabs_lock_and_unlock_together_and_hand_the_unlock_on(
    officer: Officer, other: Officer
) -> None:
    first, second = officer.page, officer.second_tab()
    officer.page = second
    officer.open()
    officer.open_chat(other.person.name)
    officer.page = first
    lock_now(officer)
    officer.page = second
    officer.heading("lock.title").wait_for()
    shows_nothing(officer, other)
    officer.try_pin(PIN)
    for page in (first, second):
        officer.page = page
        officer.heading("lock.title").wait_for(state="detached")
    officer.message("The raid begins at four.").wait_for()
    officer.composer.fill("The van leaves")
    officer.secrets.text("The van leaves")
    # The tab that ran the core goes: the other continues, without the PIN and with its words.
    first.close()
    other.say("How far is the van?")
    officer.message("How far is the van?").wait_for()
    expect(officer.composer).to_have_value("The van leaves")
    # It is an unlock like any other: it ends with the next lock, and with the last tab.
    lock_now(officer)
    officer.try_pin(PIN)
    officer.heading("lock.title").wait_for(state="detached")
    third = officer.second_tab()
    second.close()
    officer.page = third
    officer.open()
    officer.heading("lock.title").wait_for()
    shows_nothing(officer, other)


def test_the_tenth_wrong_pin_erases_everything(officer: Officer) -> None:
    lock_now(officer)
    assert storage.records(officer.page) > 0
    for left in (9, 8, 7):
        officer.try_pin(WRONG)
        tries_left(officer, left)
    # From the fourth on one has to wait, and even the right PIN does.
    before, _, after = officer.word("lock.wait").partition("{{seconds}}")
    waiting = re.compile(rf"{re.escape(before)}\d+{re.escape(after)}")
    officer.page.get_by_text(waiting).wait_for()
    storage.set_wrong_pins(officer.page, 8)
    officer.page.reload()
    officer.try_pin(WRONG)
    tries_left(officer, 1)
    assert storage.records(officer.page) > 0
    storage.set_wrong_pins(officer.page, 9)
    officer.page.reload()
    officer.try_pin(WRONG)
    officer.heading("app.signedOut.title").wait_for()
    expect(officer.page.get_by_text(officer.word("app.signedOut.pinTries"))).to_be_visible()
    officer.shot("erased")
    assert storage.records(officer.page) == 0
    officer.button("app.signedOut.startOver").click()
    officer.heading("firstRun.number.title").or_(
        officer.heading("firstRun.language.title")
    ).first.wait_for()
    # Its keys are gone: the server registers it as a second device of the same person.
    officer.register_waiting()
