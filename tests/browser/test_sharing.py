"""Every kind of attachment, from choosing it to what the other person sees, hears and saves.

A picture is made smaller, upright, and loses its hidden data.
"""

import base64
import random
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.harness import film, pixels, sharing
from tests.harness.browser import CHARMINAR, Officer, Station, until
from tests.harness.pictures import beeps_wav, moving_gif, noise_png, pdf, with_place
from tests.harness.recording import RecordingProxy
from tests.harness.traffic import exhibits

pytestmark = pytest.mark.service_worker

Pair = tuple[Officer, Officer]
MIB = 1024 * 1024
CAMERA = "Phone of Inspector Anjali"
UPRIGHT_AFTER_A_QUARTER_TURN = 6


@pytest.fixture(scope="module")
def line(own_relay: Callable[[], RecordingProxy]) -> RecordingProxy:
    """The sender's own line."""
    return own_relay()


@pytest.fixture(scope="module")
def talking(posted: Station, line: RecordingProxy) -> Pair:
    """Two officers with their direct conversation open; the sender has their own line."""
    sender = posted.officer(0, url=line.url, service_worker=False).register()
    receiver = posted.officer(1).register()
    sender.open_direct(receiver)
    sender.say("Evidence for the case file follows.")
    receiver.open_chat(sender.person.name)
    receiver.message("Evidence for the case file follows.").wait_for()
    # Videos stream through the service worker.
    receiver.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    return sender, receiver


@pytest.fixture
def pair(talking: Pair, checked: None) -> Pair:  # noqa: ARG001
    return talking


def big_file(tmp_path: Path, officer: Officer, name: str, size: int, seed: int) -> Path:
    """A file of bytes that do not repeat; they are a secret."""
    file = tmp_path / name
    file.write_bytes(random.Random(seed).randbytes(size))
    officer.secrets.content(f"content of {name}", file.read_bytes())
    return file


def test_a_picture_with_a_caption_is_seen_large(pair: Pair, tmp_path: Path) -> None:
    sender, receiver = pair
    picture = tmp_path / "number-plate-TS09.png"
    picture.write_bytes(noise_png(800, 600))
    caption = "Number plate of the white van near the lake"
    sharing.choose_files(sender, "gallery", [picture])
    sender.shot("picture-preview")
    sharing.send_previewed(sender, caption)

    received = receiver.message(caption)
    received.wait_for()
    received.get_by_role("button", name=re.compile(r"^Open photo")).click()
    large = receiver.page.get_by_role("img", name=caption)
    expect(large).to_have_js_property("naturalWidth", 800)
    receiver.shot("picture-large")
    receiver.button("app.close").click()
    expect(large).to_have_count(0)
    sender.sees_status(caption, "read")


def test_a_voice_note_is_recorded_and_played(pair: Pair) -> None:
    sender, receiver = pair
    sender.button("media.voice.record").click()
    timer = sender.page.get_by_role("timer")
    expect(timer).to_have_text(re.compile(r"0:0[2-9]"))
    sender.shot("recording")
    sender.button("media.voice.send").click()

    played = receiver.page.get_by_role("article").filter(
        has=receiver.page.get_by_role("slider", name=receiver.word("media.play.position"))
    )
    sharing.hear(receiver, played.last)


def test_a_voice_note_is_sent_by_letting_go_and_called_off_by_sliding(pair: Pair) -> None:
    sender, receiver = pair
    page = sender.page
    timer = page.get_by_role("timer")
    notes = receiver.page.get_by_role("article").filter(
        has=receiver.page.get_by_role("slider", name=receiver.word("media.play.position"))
    )
    before = notes.count()

    x, y = _press(sender)
    # Sliding a little is no cancelling.
    page.mouse.move(x - 40, y, steps=4)
    expect(timer).to_have_text(re.compile(r"0:0[2-9]"))
    sender.shot("recording-held")
    page.mouse.up()
    expect(timer).to_have_count(0)
    expect(notes).to_have_count(before + 1)
    sharing.hear(receiver, notes.last)

    x, y = _press(sender)
    expect(timer).to_have_text(re.compile(r"0:0[1-9]"))
    page.mouse.move(x - 140, y, steps=6)
    expect(timer).to_have_count(0)
    page.mouse.up()
    expect(timer).to_have_count(0)
    sender.say("The recorder fails, so I write it down.")
    receiver.message("The recorder fails, so I write it down.").wait_for()
    expect(notes).to_have_count(before + 1)


def _press(officer: Officer) -> tuple[float, float]:
    """Hold the microphone; return where the thumb is."""
    box = officer.button("media.voice.record").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    officer.page.mouse.move(x, y)
    officer.page.mouse.down()
    officer.page.get_by_text(officer.word("media.voice.slide")).wait_for()
    return x, y


def test_an_audio_file_is_played_and_saved(pair: Pair, tmp_path: Path) -> None:
    sender, receiver = pair
    sound = tmp_path / "intercepted-call.wav"
    sound.write_bytes(beeps_wav())
    sender.secrets.content("content of intercepted-call.wav", sound.read_bytes())
    sharing.send_files(sender, "audio", [sound])
    received = sharing.document(receiver, sound.name)
    received.wait_for()
    sharing.hear(receiver, received)
    assert sharing.save(receiver, received) == sound.read_bytes()


def test_a_document_of_any_type_arrives_byte_for_byte(pair: Pair, tmp_path: Path) -> None:
    sender, receiver = pair
    file = big_file(tmp_path, sender, "chargesheet-final.dossier", 70_001, 11)
    sharing.send_files(sender, "document", [file])
    received = sharing.document(receiver, file.name)
    received.wait_for()
    assert sharing.save(receiver, received) == file.read_bytes()


def _ends_last(message: Locator, stem: str) -> bool:
    """Whether the ending is behind the rest of a file's name, or below it."""
    first, last = (message.get_by_text(one, exact=True).bounding_box() for one in (stem, ".exe"))
    if first is None or last is None:
        return False
    return last["x"] >= first["x"] + first["width"] - 1 or last["y"] > first["y"]


@pytest.mark.parametrize(
    ("name", "shown", "stem"),
    [
        # Turned round by a control character, "duty-listfdp.exe" would read as "duty-listexe.pdf".
        ("duty-list\u202efdp.exe", "duty-listfdp.exe", "duty-listfdp"),
        # Letters from right to left must not carry the ending to the front.
        ("فہرست-ملازمین.exe", "فہرست-ملازمین.exe", "فہرست-ملازمین"),
    ],
)
def test_a_file_name_does_not_hide_what_the_file_is(
    pair: Pair, tmp_path: Path, name: str, shown: str, stem: str
) -> None:
    sender, receiver = pair
    file = big_file(tmp_path, sender, name, 900, 23)
    sharing.send_files(sender, "document", [file])
    for officer in pair:
        message = sharing.document(officer, shown)
        message.wait_for()
        # Not at once: both move when the letters' font is there.
        until(officer.page, partial(_ends_last, message, stem))
    receiver.shot("file-name")
    assert sharing.save_as(receiver, message) == (shown, file.read_bytes())


def test_a_video_plays_before_it_is_here(pair: Pair, relay: RecordingProxy, tmp_path: Path) -> None:
    sender, receiver = pair
    video = tmp_path / "junction-camera-14.webm"
    # Half of the film lies in the first two of four chunks.
    video.write_bytes(film.indexed(film.recorded(), gap=700 * 1024))
    sender.secrets.content("content of junction-camera-14.webm", film.recorded())
    # A browser that cannot make it smaller sends its frames as they are.
    sender.page.evaluate("delete globalThis.VideoEncoder")
    size = video.stat().st_size
    assert size > 3 * MIB
    caption = "Camera fourteen shows the red car at the junction"
    sharing.choose_files(sender, "gallery", [video])
    sender.page.get_by_text(re.compile("as it is sent$")).wait_for()
    sharing.send_previewed(sender, caption)
    sender.sees_status(caption, "sent")
    received = receiver.message(caption)
    received.wait_for()

    before = _received(relay)
    relay.hold(down=2 * MIB + MIB // 4)
    try:
        received.get_by_role("button", name=re.compile("^Play: Video")).click()
        until(receiver.page, lambda: _played_s(receiver) > 1.5)
        assert _received(relay) - before < size - MIB
    finally:
        relay.release()
    until(receiver.page, lambda: _played_s(receiver) > film.SECONDS - 1)
    # The service worker's address, which answers ranges, and not the whole file as a blob.
    source = receiver.page.evaluate("document.querySelector('video').currentSrc")
    assert "/media/" in source
    receiver.shot("video")


def _received(line: RecordingProxy) -> int:
    return sum(len(recording.received) for recording in line.recordings)


def _played_s(officer: Officer) -> float:
    seconds = officer.page.evaluate("document.querySelector('video')?.currentTime ?? 0")
    return float(seconds)


def test_a_place_is_shown_on_the_map(pair: Pair) -> None:
    sender, receiver = pair
    for axis in ("latitude", "longitude"):
        sender.secrets.number(axis, CHARMINAR[axis])
    coordinates = "17.36156, 78.47467"
    sharing.send_place(sender, coordinates)

    received = receiver.message(coordinates)
    received.wait_for()
    received.get_by_text(receiver.word("media.location.accuracy", metres=12)).wait_for()
    received.get_by_text(receiver.word("media.location.outlineNote")).wait_for()
    received.get_by_role("button", name=receiver.word("media.location.openMap")).click()
    large = receiver.page.get_by_role("dialog", name=receiver.word("media.location.title"))
    large.get_by_text(coordinates).wait_for()
    receiver.shot("map")
    receiver.button("app.close").click()


def test_an_upload_goes_on_where_it_was_cut(
    pair: Pair, line: RecordingProxy, tmp_path: Path
) -> None:
    sender, receiver = pair
    file = big_file(tmp_path, sender, "drone-footage.raw", 6 * MIB, 13)
    line.hold(up=4 * MIB + MIB // 2)
    sharing.send_files(sender, "document", [file])
    sending = sharing.document(sender, file.name)
    # At least one chunk has arrived and been confirmed when the line breaks.
    expect(sending.get_by_role("progressbar")).not_to_have_attribute("aria-valuenow", "0")
    sender.shot("uploading")
    line.go_dark()
    line.release()
    before = _chunks(line, "PUT", confirmed=True)
    sender.page.get_by_text(re.compile("No network|waiting for the network")).first.wait_for()
    cut_at = len(line.recordings)
    line.come_back()

    received = sharing.document(receiver, file.name)
    received.wait_for(timeout=60_000)
    assert sharing.save(receiver, received) == file.read_bytes()
    assert before
    again = _chunks(line, "PUT", since=cut_at)
    assert again
    assert not before & again


def _chunks(
    line: RecordingProxy, method: str, *, since: int = 0, confirmed: bool = False
) -> set[str]:
    """The chunk addresses that were asked for on a line, or those of them that were answered."""
    asked = re.compile(rf"^(connection \d+) request (\d+) {method} (\S*/chunks/\d+), head$")
    things = [thing.where for thing in exhibits(line.recordings[since:])]
    answered = {where.rpartition(",")[0] for where in things if " answer " in where}
    found: set[str] = set()
    for where in things:
        match = asked.match(where)
        if match is None:
            continue
        answer = f"{match[1]} answer {match[2]} 2"
        if not confirmed or any(one.startswith(answer) for one in answered):
            found.add(match[3])
    return found


def test_an_upload_is_called_off(pair: Pair, line: RecordingProxy, tmp_path: Path) -> None:
    sender, receiver = pair
    file = big_file(tmp_path, sender, "wrong-suspect.raw", 4 * MIB, 17)
    line.hold(up=2 * MIB)
    try:
        sharing.send_files(sender, "document", [file])
        sending = sharing.document(sender, file.name)
        sending.get_by_role("progressbar").wait_for()
        sending.get_by_role("button", name=sender.word("media.transfer.cancel")).click()
        expect(sending).to_have_count(0)
    finally:
        line.release()
    sender.say("Ignore that, it was the wrong file.")
    receiver.message("Ignore that, it was the wrong file.").wait_for()
    expect(sharing.document(receiver, file.name)).to_have_count(0)


def test_a_photo_comes_smaller_upright_and_without_its_place(pair: Pair, tmp_path: Path) -> None:
    sender, receiver = pair
    plain = base64.b64decode(sender.page.evaluate(pixels.TAKE_PHOTO))
    taken = with_place(plain, UPRIGHT_AFTER_A_QUARTER_TURN, CAMERA)
    # The phone was held upright: the first stored row is shown at the top on the right.
    upright = [False, True, False, False]
    assert pixels.drawn(sender.page, taken) == {"width": 3000, "height": 4000, "red": upright}
    photo = tmp_path / "scene-of-the-theft.jpg"
    photo.write_bytes(taken)
    sender.secrets.text(CAMERA)
    caption = "The door was forced from inside"
    sharing.choose_files(sender, "gallery", [photo])
    sharing.send_previewed(sender, caption)

    content = sharing.saved_picture(receiver, caption)
    assert pixels.drawn(receiver.page, content) == {"width": 1536, "height": 2048, "red": upright}
    assert len(content) < len(taken)
    for hidden in (b"Exif", b"\xff\xe1", CAMERA.encode()):
        assert hidden in taken
        assert hidden not in content
    receiver.shot("photo")


def test_a_gif_moves_still_and_says_nothing_else(pair: Pair, tmp_path: Path) -> None:
    sender, receiver = pair
    comment = "Taken at 17.36156, 78.47467"
    moving = tmp_path / "signal.gif"
    moving.write_bytes(moving_gif(comment))
    assert moving.read_bytes().count(comment.encode()) == 2
    sender.secrets.text(comment)
    caption = "This is how the signal blinks"
    sharing.choose_files(sender, "gallery", [moving])
    sharing.send_previewed(sender, caption)

    content = sharing.saved_picture(receiver, caption)
    assert comment.encode() not in content
    assert content == moving_gif(comment).replace(
        b"\x21\xfe" + bytes([len(comment)]) + comment.encode() + b"\0", b""
    ).removesuffix(comment.encode())


def test_a_picture_that_cannot_be_opened_goes_as_it_is_and_that_is_said(
    pair: Pair, tmp_path: Path
) -> None:
    sender, receiver = pair
    picture = tmp_path / "from-another-phone.jpg"
    picture.write_bytes(b"\xff\xd8 a format of tomorrow " * 40)
    sharing.choose_files(sender, "gallery", [picture])
    sender.page.get_by_text(sender.word("media.preview.asItIs")).wait_for()
    sender.shot("as-it-is")
    sharing.send_previewed(sender, "Can you open this?")
    message = receiver.message("Can you open this?")
    message.wait_for()
    assert sharing.save(receiver, message) == picture.read_bytes()


@pytest.mark.parametrize(("kind", "accepted"), [("camera", "image/*"), ("video", "video/*")])
def test_the_camera_takes_a_photo_or_a_video(
    pair: Pair, tmp_path: Path, kind: str, accepted: str
) -> None:
    sender, receiver = pair
    if kind == "camera":
        taken, opens = tmp_path / "just-taken.png", "Open photo"
        taken.write_bytes(noise_png(320, 240))
    else:
        taken, opens = tmp_path / "just-recorded.webm", "Play: Video"
        taken.write_bytes(film.recorded())
    asked = sharing.choose_files(sender, kind, [taken]).element
    # The phone opens its camera on the far side, and not its gallery.
    assert asked.get_attribute("capture") == "environment"
    assert asked.get_attribute("accept") == accepted
    caption = f"Just now, with the {kind}"
    sharing.send_previewed(sender, caption)
    seen = receiver.message(caption).get_by_role("button", name=re.compile(f"^{opens}"))
    expect(seen).to_be_visible()


def test_a_pdf_opens_in_the_app_from_the_gallery(pair: Pair, tmp_path: Path) -> None:
    sender, receiver = pair
    roster = tmp_path / "duty-roster-gate-four.pdf"
    roster.write_bytes(pdf("Gate four from six", "Relief at noon"))
    sender.secrets.content("content of duty-roster-gate-four.pdf", roster.read_bytes())
    sharing.send_files(sender, "document", [roster])
    sharing.document(receiver, roster.name).wait_for()

    page = receiver.page
    chat = page.evaluate("location.hash")
    page.evaluate("location.hash += '/gallery/document'")
    shown = page.locator(".document").filter(has_text="duty-roster")
    shown.get_by_role("button", name=re.compile(f"^{receiver.word('media.file.open')}")).click()
    for number, text in ((1, "Gate four from six"), (2, "Relief at noon")):
        name = receiver.word("media.pdf.page", n=number, total=2)
        expect(page.get_by_role("region", name=name)).to_contain_text(text)
    # The first page is drawn: it has dark letters on white paper.
    until(page, lambda: page.evaluate(pixels.INK) > 100)
    receiver.shot("pdf")
    receiver.button("app.close").click()
    page.evaluate("(chat) => (location.hash = chat)", chat)


def test_an_edited_picture_and_a_smaller_video_say_no_more_than_is_seen(
    pair: Pair, tmp_path: Path
) -> None:
    sender, receiver = pair
    picture = tmp_path / "witness.png"
    picture.write_bytes(noise_png(400, 300))
    video = tmp_path / "from-my-phone.webm"
    place = "17.36156, 78.47467 of Inspector Anjali's phone"
    video.write_bytes(film.indexed(film.recorded(), title=place))
    sender.secrets.text(place)
    sharing.choose_files(sender, "gallery", [picture, video])
    page = sender.page
    sender.button("media.edit.act", name=picture.name).click()
    tools = page.get_by_role("group", name=sender.word("media.edit.tools"))
    tools.get_by_role("button", name=sender.word("media.edit.blur"), exact=True).click()
    stage = page.get_by_role("application")
    # By keyboard: the middle half of the picture is hidden.
    for key in ("ArrowLeft", "ArrowRight", "Enter"):
        stage.press(key)
    tools.get_by_role("button", name=sender.word("media.edit.rotate"), exact=True).click()
    tools.get_by_role("button", name=sender.word("app.done"), exact=True).click()
    sender.button("media.preview.show", name=video.name).click()
    page.get_by_text(re.compile("as it is sent$")).wait_for()
    caption = "The witness, and the junction"
    sharing.send_previewed(sender, caption)

    received = receiver.message(caption)
    play = received.get_by_role("button", name=re.compile("^Play: Video"))
    play.wait_for()
    # A small picture comes with the message, before the video does.
    preview = received.locator(".video").evaluate("(one) => one.style.backgroundImage")
    assert preview.startswith('url("data:image/')
    content = sharing.saved_picture(receiver, caption)
    noise = receiver.page.evaluate(pixels.NOISE, base64.b64encode(content).decode())
    assert noise["width"] < noise["height"]
    assert noise["middle"] < noise["edge"] / 4
    play.click()
    until(receiver.page, lambda: _played_s(receiver) > 0.2)
    sent = receiver.page.evaluate(pixels.SOURCE)
    assert len(base64.b64decode(sent)) > 10_000
    assert place.encode() in video.read_bytes()
    assert place.encode() not in base64.b64decode(sent)
