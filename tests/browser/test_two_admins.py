"""Two root admins: the rights table, a grant given again, a picture that is known on every phone,
the code of conduct; one whose grant ends sees so, and does nothing more."""

import base64
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.harness import confirming, groups, sharing
from tests.harness.browser import Officer, Station
from tests.harness.server import ServerProcess, run_copconnect
from tests.harness.tour_console import find, open_console, open_person, row

TITLE = "Beat four"
CAPTION = "Came in the night, see below"
# A greeting card; the same card as others pass it on, smaller and encoded again; a scene.
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
NEW = "Do not send greetings, jokes, festival wishes, quotes or forwarded messages."
TOO = "Keep to the channel of your unit."
WAITS = "Two hurt near Moosarambagh, one ambulance wanted"
LANGUAGES = ("English", "తెలుగు", "اردو", "हिन्दी")


class Cast(NamedTuple):
    """Two root admins at desks, and two officers."""

    first: Officer
    second: Officer
    officer: Officer
    other: Officer


@pytest.fixture(scope="module")
def everybody(posted: Station, app_server: ServerProcess) -> Cast:
    """The four, registered."""
    first, second = (confirming.root_admin(app_server, posted, at) for at in (1, 3))
    officer, other = (posted.officer(at).register() for at in (6, 12))
    return Cast(first, second, officer, other)


@pytest.fixture
def cast(everybody: Cast, checked: None) -> Cast:  # noqa: ARG001
    """The module's four."""
    return everybody


def table(server: ServerProcess) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = json.loads(run_copconnect(server.data, "admin", "rights", "show"))
    return shown


def test_what_one_root_admin_asks_for_another_approves(
    cast: Cast, app_server: ServerProcess
) -> None:
    first, second = cast.first, cast.second
    before = table(app_server)
    open_console(second)
    waiting = second.page.get_by_text("act waits for a second admin")
    expect(waiting).to_have_count(0)
    line = first.word("@rights.everybody", part=first.word("@rights.over.heads"))
    open_console(first, "rights/see_numbers")
    first.button("@rights.change").click()
    first.page.get_by_role("button", name=first.word("@rights.remove", line=line)).click()
    first.page.get_by_text(first.word("@rights.changes_one", count="1")).wait_for()
    first.shot("draft")
    first.button("@rights.next").click()
    dialog = first.page.get_by_role("dialog")
    numbers = first.word("@rights.names.see_numbers")
    dialog.get_by_text(f"{numbers}:").first.wait_for()
    first.shot("who-loses")
    dialog.get_by_role("button", name=first.word("@rights.ask"), exact=True).click()
    first.page.get_by_text(first.word("@rights.asked")).wait_for()
    assert table(app_server) == before
    expect(waiting).to_be_visible()  # On the page that was open before.

    open_console(first, "approvals")
    first.page.get_by_text(first.word("@approvals.own")).wait_for()
    asked = first.page.get_by_role("region", name=first.word("@approvals.acts"))
    expect(asked).to_contain_text(f"{first.word('@act.approvers')} {second.person.name}")
    expect(first.button("@approvals.approve")).to_have_count(0)

    open_console(second, "approvals")
    second.page.get_by_text(second.word("@acts.asked.set_rights")).first.wait_for()
    second.button("@approvals.approve").click()
    asked = second.page.get_by_role("dialog")
    asked.get_by_role("button", name=second.word("@approvals.approve"), exact=True).click()
    second.page.get_by_text(second.word("@approvals.approved")).wait_for()
    gone = [one for one in before if one["over"] == "heads"]
    assert len(gone) == 1
    assert table(app_server) == [one for one in before if one != gone[0]]
    assert "none changed" in run_copconnect(app_server.data, "audit", "verify")


def test_a_grant_that_ends_soon_is_given_anew_by_one_act(
    cast: Cast, app_server: ServerProcess
) -> None:
    admin = cast.first
    name, page = cast.officer.person.name, admin.page
    find(admin, name)
    pane = open_person(admin, name)
    # The devices come last, and the rest of the page moves.
    pane.get_by_text(admin.word("devices.number", number="1"), exact=True).wait_for()
    pane.get_by_role("button", name=admin.word("devices.rights.give"), exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(admin.word("devices.rights.days"), exact=True).select_option("7")
    dialog.get_by_role("button", name=admin.word("devices.rights.give"), exact=True).click()
    dialog.wait_for(state="hidden")
    open_console(admin, "grants/ending")
    anew = row(page, name).get_by_role("button", name=admin.word("@grants.anew"))
    anew.click()
    dialog.get_by_text("7 days as before").wait_for()
    dialog.get_by_role("button", name=admin.word("@grants.anew"), exact=True).click()
    dialog.wait_for(state="hidden")
    given = run_copconnect(app_server.data, "audit", "list").count('"act": "grant_given"')
    assert given == 2
    assert "none changed" in run_copconnect(app_server.data, "audit", "verify")


def picture(page: Page, file: Path, kind: str, width: int, mime: str, quality: float) -> Path:
    """Draw a picture into a file."""
    file.write_bytes(base64.b64decode(page.evaluate(DRAW, [kind, width, mime, quality])))
    return file


def test_copies_of_a_marked_picture_are_asked_about(cast: Cast, tmp_path: Path) -> None:
    first, second, sender, reporter = cast
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
    asked = second.page.get_by_role("dialog")
    asked.get_by_role("button", name=second.word("@approvals.approve"), exact=True).click()
    # The notice of an act that was approved before may still be on the screen, with the same words.
    expect(asked).to_have_count(0)
    second.page.get_by_text(second.word("@approvals.approved")).last.wait_for()
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


def test_an_admin_whose_grant_ends_with_the_console_open_does_nothing_more(
    cast: Cast, app_server: ServerProcess
) -> None:
    admin, constable = cast.second, cast.officer
    name = constable.person.name
    find(admin, name)
    pane = open_person(admin, name)
    suspend = pane.get_by_role("button", name=admin.word("@person.suspend"), exact=True)
    # The page may notice before it is clicked that the right has ended.
    there = suspend.element_handle()
    key = str(app_server.data / "keys" / "root.key.pem")
    run_copconnect(app_server.data, "admin", "grant", admin.person.number, key, "--withdraw")
    there.dispatch_event("click")
    admin.heading("@open.noRight").wait_for()
    admin.shot("no-right")
    expect(admin.page.get_by_role("dialog")).to_have_count(0)
    expect(admin.page.get_by_text(admin.word("@open.noRightText"))).to_be_visible()
    listed = run_copconnect(app_server.data, "admin", "list-clients", constable.person.number)
    assert "revoked" not in listed
    run_copconnect(app_server.data, "admin", "grant", admin.person.number, key)
    admin.to_chats()


def write(admin: Officer) -> None:
    """Change the second rule and add one more, in each language, looking at the preview."""
    open_console(admin, "conduct/edit")
    page = admin.page
    page.get_by_role("textbox", name=admin.word("@conduct.rule", number="2"), exact=True).fill(NEW)
    page.get_by_role("button", name=admin.word("@conduct.add"), exact=True).click()
    publish = admin.button("@conduct.next")
    expect(publish).to_be_disabled()
    page.get_by_text(admin.word("@conduct.problems.rule", name="తెలుగు", number="11")).wait_for()
    for language in LANGUAGES:
        page.get_by_role("button", name=language).click()
        added = page.get_by_role(
            "textbox", name=admin.word("@conduct.rule", number="11"), exact=True
        )
        added.fill(TOO if language == "English" else f"{TOO} {language}")
    page.get_by_role("button", name="English").click()
    marks = page.locator(".phone").get_by_text(admin.word("firstRun.conduct.added"), exact=True)
    expect(marks).to_have_count(1)
    admin.shot("written")
    publish.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(admin.word("firstRun.conduct.changed"), exact=True).wait_for()
    dialog.get_by_role("button", name=admin.word("@conduct.publish"), exact=True).click()
    page.get_by_text(admin.word("@act.waits")).wait_for()


def test_a_version_is_written_agreed_to_and_asked_of_an_officer(
    cast: Cast, app_server: ServerProcess
) -> None:
    first, second, officer, other = cast
    officer.to_chats()
    officer.open_direct(other)
    officer.say("Reached the Moosarambagh bridge")
    officer.sees_status("Reached the Moosarambagh bridge", "sent")
    write(first)

    open_console(second, "approvals")
    second.page.get_by_role("link", name=second.word("@units.review.look")).click()
    second.page.get_by_text(NEW).first.wait_for()
    second.shot("looked-at")
    open_console(second, "approvals")
    second.button("@approvals.approve").click()
    asked = second.page.get_by_role("dialog")
    asked.get_by_role("button", name=second.word("@approvals.approve"), exact=True).click()
    second.page.get_by_text(second.word("@approvals.approved")).wait_for()
    published = json.loads(run_copconnect(app_server.data, "conduct", "show"))
    assert [len(one["rules"]) for one in published] == [11] * 4

    # The next message finds out that the code asks again: it is kept, and so is what is written.
    officer.secrets.text(WAITS)
    officer.composer.fill(WAITS)
    officer.button("conversation.send").click()
    officer.heading("firstRun.conduct.changedTitle").wait_for()
    page = officer.page
    changed = page.get_by_role("listitem").filter(has_text=NEW)
    expect(
        changed.get_by_text(officer.word("firstRun.conduct.changed"), exact=True)
    ).to_be_visible()
    expect(changed.get_by_text("Do not send greetings, jokes, festival wishes or")).to_be_visible()
    expect(page.get_by_text(TOO)).to_be_attached()
    officer.shot("asked-again")
    officer.button("firstRun.conduct.accept").click()
    officer.sees_status(WAITS, "sent")
    page.goto("/#/me/conduct")
    page.get_by_text(TOO).wait_for()
