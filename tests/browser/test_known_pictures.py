"""A picture that two moderators mark is known on every phone; its copies are asked about."""

import base64
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.harness import confirming, groups, sharing
from tests.harness.browser import Officer, Station
from tests.harness.server import ServerProcess
from tests.harness.tour_console import open_console, row

TITLE = "Beat four"
CAPTION = "Came in the night, see below"
# A greeting card; the same card as others pass it on, smaller and encoded anew; a scene.
DRAW = """async ([kind, width, mime, quality]) => {
  const draw = (context, size) => {
    const sky = context.createLinearGradient(0, 0, size, size);
    const [from, to] = kind === "card" ? ["#fbd786", "#c6426e"] : ["#26343d", "#8d9aa3"];
    sky.addColorStop(0, from);
    sky.addColorStop(1, to);
    context.fillStyle = sky;
    context.fillRect(0, 0, size, size);
    let seed = kind === "card" ? 7 : 99;
    const next = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    for (let one = 0; one < 40; one++) {
      context.fillStyle = `hsl(${360 * next()} 70% ${30 + 50 * next()}%)`;
      const [x, y, wide] = [size * next(), size * next(), size * (0.03 + 0.1 * next())];
      if (kind === "card") {
        context.beginPath();
        context.arc(x, y, wide, 0, 7);
        context.fill();
      } else context.fillRect(x, y, wide, 2 * wide);
    }
    context.fillStyle = "white";
    context.font = `bold ${size / 9}px sans-serif`;
    if (kind === "card") context.fillText("శుభోదయం", size / 5, size / 2);
  };
  const whole = new OffscreenCanvas(1080, 1080);
  draw(whole.getContext("2d"), 1080);
  const small = new OffscreenCanvas(width, width);
  const context = small.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(whole, 0, 0, width, width);
  const blob = await small.convertToBlob({ type: mime, quality });
  const octets = new Uint8Array(await blob.arrayBuffer());
  return btoa(Array.from(octets, (one) => String.fromCharCode(one)).join(""));
}"""


def picture(page: Page, file: Path, kind: str, width: int, mime: str, quality: float) -> Path:
    """Draw a picture into a file."""
    file.write_bytes(base64.b64decode(page.evaluate(DRAW, [kind, width, mime, quality])))
    return file


def test_copies_of_a_marked_picture_are_asked_about(
    station: Station, app_server: ServerProcess, tmp_path: Path
) -> None:
    first, second = (confirming.root_admin(app_server, station, at) for at in (1, 3))
    sender, reporter = station.officer(6).register(), station.officer(12).register()
    card = picture(sender.page, tmp_path / "card.png", "card", 1080, "image/png", 1)
    copy = picture(sender.page, tmp_path / "copy.jpg", "card", 420, "image/jpeg", 0.4)
    scene = picture(sender.page, tmp_path / "scene.jpg", "scene", 900, "image/jpeg", 0.8)
    groups.create(sender, TITLE, [reporter])
    sharing.choose_files(sender, "gallery", [card])
    sharing.send_previewed(sender, CAPTION)

    reporter.open_chat(TITLE)
    reporter.message(CAPTION).wait_for()
    reporter.act_on(CAPTION, "conversation.report")
    sheet = reporter.page.get_by_role("dialog", name=reporter.word("reports.sheet.title"))
    sheet.get_by_role("radio").nth(1).check()
    sheet.get_by_role("button", name=reporter.word("reports.sheet.send"), exact=True).click()
    reporter.page.get_by_text(reporter.word("reports.sheet.sent")).wait_for()

    _mark(first, sender)
    # It waits: the second moderator sees which picture of the case it is about.
    open_console(second, "reports")
    row(second.page, sender.person.name).click()
    second.button("@pictures.mark").click()
    kind = second.word("guard.names.greeting")
    second.page.get_by_text(second.word("@pictures.waits", kind=kind)).wait_for()
    open_console(second, "approvals")
    # A moderator approves no picture unseen.
    approve = second.button("@approvals.approve")
    expect(approve).to_be_disabled()
    expect(approve).to_have_accessible_description(second.word("@pictures.unseen"))
    second.shot("unseen")
    second.button("@pictures.show").click()
    second.page.get_by_role("img", name=second.word("@pictures.marks")).wait_for()
    second.shot("seen")
    approve.click()
    second.page.get_by_role("dialog").get_by_role(
        "button", name=second.word("@approvals.approve"), exact=True
    ).click()
    second.page.get_by_text(second.word("@approvals.approved")).wait_for()
    open_console(second, "reports/pictures")
    row(second.page, kind).wait_for()
    second.shot("known-pictures")

    # A phone that connects learns of the newer list.
    reporter.page.goto("/#/me/guard")
    reporter.page.reload()
    reporter.page.get_by_text(reporter.word("guard.pictures_one", count=1)).wait_for()
    reporter.to_chats()
    reporter.open_chat(TITLE)
    sharing.send_files(reporter, "gallery", [copy])
    known = reporter.page.get_by_role("heading", name=reporter.word("guard.picture", name=kind))
    known.wait_for()
    reporter.shot("known-picture")
    reporter.button("guard.edit").click()
    expect(known).to_have_count(0)
    # The picture is there still, until the person takes it out.
    reporter.button("media.preview.remove", name=copy.name).click()
    seen = "Crowd at the crossing"
    sharing.choose_files(reporter, "gallery", [scene])
    sharing.send_previewed(reporter, seen)
    sender.message(seen).wait_for()
    # Forwarding asks too, and one tap says that the guard is wrong.
    reporter.act_on(CAPTION, "conversation.forward.act")
    chats = reporter.page.get_by_role("dialog", name=reporter.word("conversation.forward.title"))
    chats.get_by_role("checkbox", name=TITLE).check()
    chats.get_by_role(
        "button", name=reporter.word("conversation.forward.send_one", number=1)
    ).click()
    known.wait_for()
    reporter.button("guard.wrong").click()
    expect(sender.message(CAPTION)).to_have_count(2)


def _mark(moderator: Officer, about: Officer) -> None:
    """Open the case, and ask for a mark of its picture."""
    open_console(moderator, "reports")
    row(moderator.page, about.person.name).click()
    moderator.button("@pictures.mark").click()
    moderator.page.get_by_role("combobox", name=moderator.word("@pictures.kind")).wait_for()
    moderator.shot("mark")
    moderator.button("@pictures.mark").click()
    dialog = moderator.page.get_by_role("dialog")
    dialog.get_by_label(moderator.word("@act.reason"), exact=True).fill("In every group at dawn.")
    moderator.shot("mark-dialog")
    dialog.get_by_role("button", name=moderator.word("@pictures.mark"), exact=True).click()
    moderator.page.get_by_text(moderator.word("@act.waits")).wait_for()
