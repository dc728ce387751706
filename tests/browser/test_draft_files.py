"""Photos and their caption stay until they are sent: guard, full disk, lock."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.harness import groups, sharing
from tests.harness.browser import Officer, Station
from tests.harness.pictures import noise_png

PIN = "739152"
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


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two photos."""
    files = [tmp_path / f"gate-{number}.png" for number in (1, 2)]
    for number, file in enumerate(files):
        file.write_bytes(noise_png(320, 240, number))
    return files


@pytest.fixture(scope="module")
def founder(posted: Station, colleague: Officer) -> Officer:
    """Somebody with an app lock and a group."""
    made = posted.officer(2).register()
    made.open_lock_page()
    made.set_pin(PIN)
    made.to_chats()
    groups.create(made, TITLE, [colleague])
    made.say("Sector nine is ours.")
    return made


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
