"""A picture on its way: it is made smaller, upright, and loses its hidden data."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.harness import film, sharing
from tests.harness.browser import Officer, Station
from tests.harness.pictures import moving_gif, noise_png, with_place

Pair = tuple[Officer, Officer]

CAMERA = "Phone of Inspector Anjali"
UPRIGHT_AFTER_A_QUARTER_TURN = 6
# A photo as a sensor stores it: noise everywhere, its first corner red.
TAKE_PHOTO = """async () => {
  const tile = new OffscreenCanvas(400, 300);
  const small = tile.getContext("2d");
  const noise = small.createImageData(400, 300);
  for (let at = 0; at < noise.data.length; at += 4) {
    noise.data[at + 2] = 100 + Math.random() * 155;
    noise.data[at + 3] = 255;
  }
  small.putImageData(noise, 0, 0);
  const canvas = new OffscreenCanvas(4000, 3000);
  const large = canvas.getContext("2d");
  large.fillStyle = large.createPattern(tile, "repeat");
  large.fillRect(0, 0, 4000, 3000);
  large.fillStyle = "#f00";
  large.fillRect(0, 0, 800, 600);
  const photo = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  const reader = new FileReader();
  return new Promise((resolve) => {
    reader.onload = () => resolve(reader.result.split(",")[1]);
    reader.readAsDataURL(photo);
  });
}"""
# As a screen shows it: what EXIF says of its orientation counts.
SHOWN = """async (data) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const { width, height } = image;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(image, 0, 0);
  const red = (x, y) => context.getImageData(x, y, 1, 1).data[0];
  const corners = [red(20, 20), red(width - 20, 20), red(20, height - 20),
    red(width - 20, height - 20)];
  return { width, height, red: corners.map((value) => value > 200) };
}"""


@pytest.fixture(scope="module")
def talking(posted: Station) -> Pair:
    """Two officers with their direct conversation open."""
    sender, receiver = (posted.officer(index).register() for index in range(2))
    sender.open_direct(receiver)
    sender.say("Pictures of the scene follow.")
    receiver.open_chat(sender.person.name)
    receiver.message("Pictures of the scene follow.").wait_for()
    return sender, receiver


@pytest.fixture
def pair(talking: Pair, checked: None) -> Pair:  # noqa: ARG001
    return talking


def received(receiver: Officer, caption: str) -> bytes:
    """Open the picture of a message large and save it."""
    receiver.message(caption).get_by_role("button", name=re.compile("^Open photo")).click()
    with receiver.page.expect_download() as download:
        receiver.button("media.file.save").click()
    content = download.value.path().read_bytes()
    receiver.button("app.close").click()
    return content


def shown(page: Page, picture: bytes) -> Any:
    """Return the width and height of a picture, and which of its corners are red."""
    return page.evaluate(SHOWN, base64.b64encode(picture).decode())


def test_a_photo_comes_smaller_upright_and_without_its_place(pair: Pair, tmp_path: Path) -> None:
    sender, receiver = pair
    plain = base64.b64decode(sender.page.evaluate(TAKE_PHOTO))
    taken = with_place(plain, UPRIGHT_AFTER_A_QUARTER_TURN, CAMERA)
    # The phone was held upright: what was stored first is shown at the top on the right.
    upright = [False, True, False, False]
    assert shown(sender.page, taken) == {"width": 3000, "height": 4000, "red": upright}
    photo = tmp_path / "scene-of-the-theft.jpg"
    photo.write_bytes(taken)
    sender.secrets.text(CAMERA)
    caption = "The door was forced from inside"
    sharing.choose_files(sender, "gallery", [photo])
    sharing.send_previewed(sender, caption)

    content = received(receiver, caption)
    assert shown(receiver.page, content) == {"width": 1536, "height": 2048, "red": upright}
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

    content = received(receiver, caption)
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
