"""The console's training: progress by unit, and a lesson that a trainer edits with its picture."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.harness import confirming
from tests.harness.browser import DESKTOP, Station
from tests.harness.server import ServerProcess, run_copconnect
from tests.harness.tour_console import open_console, row


def page_picture(page: Page, folder: Path) -> Path:
    """Return a PNG of what the page shows."""
    file = folder / "Gate post.PNG"
    page.screenshot(path=file, type="png")
    return file


ALTS = {
    "English": "A constable at a gate",
    "తెలుగు": "గేటు వద్ద కానిస్టేబుల్",
    "اردو": "دروازے پر کانسٹیبل",
    "हिन्दी": "फाटक पर सिपाही",
}


def test_a_trainer_sees_who_has_not_and_publishes_a_lesson_with_a_picture(
    station: Station, app_server: ServerProcess, tmp_path: Path
) -> None:
    chief = confirming.root_admin(app_server, station, 60)
    officer = station.officer(61).register()
    run_copconnect(app_server.data, "training", "done", officer.person.number)
    page = chief.page
    page.set_viewport_size(DESKTOP)
    open_console(chief, "training")
    page.get_by_text("1 of 300 have finished; 299 have not.").wait_for()
    chief.shot("progress")
    # Down the tree, and back by the trail.
    row(page, "%").first.click()
    trail = page.get_by_role("navigation", name=chief.word("people.path"))
    trail.get_by_role("link").first.click()
    page.get_by_role("combobox", name=chief.word("@training.show")).select_option("people")
    people = page.get_by_role("grid", name=chief.word("@training.byName"))
    people.get_by_text(chief.person.name).wait_for()
    expect(people.get_by_text(officer.person.name)).to_have_count(0)
    chief.shot("who-has-not")
    with page.expect_download() as download:
        chief.button("@training.export").click()
    assert download.value.suggested_filename.endswith(".xlsx")

    # People who have not are reminded, once a week. The admin is one of them.
    for said in ("299 people will be reminded.", chief.word("@training.remindedNone")):
        chief.button("@training.remind").click()
        asked = page.get_by_role("dialog")
        asked.get_by_role("button", name=chief.word("@training.remind")).click()
        page.get_by_text(said).wait_for()
        chief.shot("reminded")

    chief.button("@training.lessons").click()
    row(page, "What this app is for").first.click()
    text = page.get_by_role("textbox", name=chief.word("@training.text", name="English"))
    written = text.input_value()
    phone = page.get_by_role("region", name=chief.word("@training.phone"))
    phone.get_by_role("heading", name="What this app is for").wait_for()
    publish = chief.button("@training.publish")
    expect(publish).to_be_disabled()

    text.fill(written.replace("right: true", "right: false"))
    page.get_by_text(chief.word("@training.mustMend")).first.wait_for()
    expect(publish).to_be_disabled()
    chief.shot("refused")
    edited = written.replace("title: What this app is for", "title: What it is for")
    text.fill(edited.replace("version: 1", "version: 9"))
    phone.get_by_role("heading", name="What it is for").wait_for()
    chief.shot("editor")

    # A drawing is refused; a picture goes into all four texts, which all have to say what it shows.
    pictures = page.get_by_role("region", name=chief.word("@training.pictures.title"))
    drawing = tmp_path / "drawing.svg"
    drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    text.press("Control+Home")
    for _ in range(6):
        text.press("ArrowDown")
    for file in (drawing, page_picture(page, tmp_path)):
        with page.expect_file_chooser() as chooser:
            pictures.get_by_role("button", name=chief.word("@training.pictures.add")).click()
        chooser.value.set_files(file)
        if file == drawing:
            pictures.get_by_role("alert").filter(has_text="SVG").wait_for()
    for language, alt in ALTS.items():
        expect(publish).to_be_disabled()
        label = chief.word("@training.pictures.alt", name=language)
        pictures.get_by_role("textbox", name=label).fill(alt)
    phone.get_by_role("img", name=ALTS["English"]).wait_for()
    chief.shot("picture")
    publish.click()
    page.get_by_role("dialog").get_by_role("button", name=chief.word("@training.publish")).click()
    page.get_by_text(chief.word("@training.published")).wait_for()

    # Officers have it at once, and a person who did the former one sees that it has changed.
    officer.page.goto("/#/training")
    lesson = officer.page.get_by_role("link").filter(has_text="What it is for")
    lesson.wait_for()
    officer.shot("changed")
    # The picture is on the phone with the lesson.
    lesson.get_by_text("What it is for").wait_for()
    officer.page.context.set_offline(True)
    lesson.click()
    officer.page.get_by_role("img", name=ALTS["English"]).wait_for()
    officer.shot("offline")
    officer.page.context.set_offline(False)

    chief.page.goto("/")
    chief.page.get_by_text(chief.word("me.trainingRemind")).wait_for()
    chief.shot("is-reminded")
