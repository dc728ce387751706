"""An officer's acts with files, sounds and places, by what is written on the screen."""

import re
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import FileChooser, Locator, expect

from tests.harness.browser import Officer


def choose_files(officer: Officer, kind: str, files: Sequence[Path]) -> FileChooser:
    """Open the attach sheet and choose files; ``kind`` as in ``media.attach``. Returns what the
    phone was asked for."""
    for file in files:
        officer.secrets.text(file.name)
    officer.button("conversation.attach").click()
    sheet = officer.page.get_by_role("dialog", name=officer.word("media.attach.title"))
    with officer.page.expect_file_chooser() as chooser:
        sheet.get_by_role("button", name=officer.word(f"media.attach.{kind}"), exact=True).click()
    chooser.value.set_files(list(files))
    return chooser.value


def send_previewed(officer: Officer, caption: str) -> None:
    """Write a caption under what was chosen, and send."""
    officer.secrets.text(caption)
    officer.page.get_by_label(officer.word("media.preview.caption"), exact=True).fill(caption)
    officer.button("media.preview.send").click()
    officer.message(caption).wait_for()


def send_files(officer: Officer, kind: str, files: Sequence[Path]) -> None:
    """Choose files, see them named in the preview, and send them without a caption."""
    choose_files(officer, kind, files)
    officer.button("media.preview.send").click()


def send_evidence(officer: Officer, file: Path, words: str) -> None:
    """Send a file as evidence, as it is. Its name, its content and the words are secrets."""
    for text in (file.name, words):
        officer.secrets.text(text)
    officer.secrets.content(f"content of {file.name}", file.read_bytes())
    officer.button("conversation.attach").click()
    page = officer.page
    page.get_by_role("dialog").get_by_role(
        "button", name=officer.word("media.evidence.new"), exact=True
    ).click()
    with page.expect_file_chooser() as chooser:
        officer.button("media.evidence.choose").click()
    chooser.value.set_files(file)
    page.get_by_text(file.name).wait_for()
    page.get_by_label(officer.word("media.evidence.words"), exact=True).fill(words)
    officer.button("media.evidence.send").click()
    officer.message(words).wait_for()


def send_voice(officer: Officer) -> None:
    """Record a voice note of two seconds, and send it."""
    officer.button("media.voice.record").click()
    expect(officer.page.get_by_role("timer")).to_have_text(re.compile(r"0:0[2-9]"))
    officer.button("media.voice.send").click()


def send_place(officer: Officer, coordinates: str) -> None:
    """Send where one is, as the app writes it. It is a secret from then on."""
    officer.secrets.text(coordinates)
    officer.button("conversation.attach").click()
    officer.page.get_by_role("dialog").get_by_role(
        "button", name=officer.word("media.attach.location"), exact=True
    ).click()
    officer.page.get_by_text(coordinates).wait_for()
    officer.button("media.location.send").click()
    officer.message(coordinates).wait_for()


def document(officer: Officer, name: str) -> Locator:
    """The message that carries a file of this name."""
    return officer.page.get_by_role("article").filter(has_text=name)


def save(officer: Officer, message: Locator) -> bytes:
    """Save what a message carries and return it."""
    return save_as(officer, message)[1]


def save_as(officer: Officer, message: Locator) -> tuple[str, bytes]:
    """Save what a message carries; return the name it is saved under, and what it is."""
    with officer.page.expect_download() as download:
        message.get_by_role("button", name=officer.word("media.file.save"), exact=True).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def saved_picture(receiver: Officer, caption: str) -> bytes:
    """Open the picture of a message large and save it."""
    receiver.message(caption).get_by_role("button", name=re.compile("^Open photo")).click()
    save = receiver.word("media.file.save")
    large = receiver.page.get_by_role("dialog")
    with receiver.page.expect_download() as download:
        large.get_by_role("button", name=save, exact=True).click()
    content = download.value.path().read_bytes()
    receiver.button("app.close").click()
    return content


def hear(officer: Officer, message: Locator) -> None:
    """Play a sound of a message for a second."""
    position = message.get_by_role("slider")
    message.get_by_role("button", name=officer.word("media.play.play"), exact=True).click()
    expect(message.get_by_role("button", name=officer.word("media.play.pause"))).to_be_visible()
    expect(position).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]"))
