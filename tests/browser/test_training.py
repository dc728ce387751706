"""A newcomer learns: from the first run through a lesson, its practice and its quiz to the
certificate, which a page verifies without a network, and to a large group that is open then."""

import re
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Locator, Page, expect

from copconnect.training.lesson_text import read_text
from copconnect.training.lessons_of import built_in
from tests.harness.browser import Officer, Station
from tests.harness.server import ServerProcess, run_copconnect

LESSON = """---
title: Conduct
minutes: 2
version: 1
practice: guard
---

## Before you send

Write what the **district** needs to know.

- No greetings.

```quiz
question: What belongs into a large group?
options:
  - text: A greeting
    why: It calls away hundreds of officers.
  - text: A road that is blocked
    right: true
    why: It concerns everybody on duty there.
```

```quiz
question: Who judges your text before it goes?
options:
  - text: The server
    why: It cannot read the text.
  - text: Your phone
    right: true
    why: The text does not leave it for this.
```

```quiz
question: What does a report tell its sender?
options:
  - text: Who reported
    why: That stays with the moderators.
  - text: Nothing
    right: true
    why: The moderators decide first.
```

```quiz
question: Where does a greeting belong?
options:
  - text: Into every group
    why: Every sound means duty here.
  - text: Elsewhere
    right: true
    why: Here every sound means duty.
```
"""
_READ, _ = read_text(LESSON, "en", {})
assert _READ is not None
RIGHTS = [
    *_READ.quizzes,
    *(quiz for one in built_in().values() for quiz in one.texts["en"].quizzes),
]
DUTY = "Lorry across both lanes at milestone nine."


@pytest.fixture(scope="module")
def app_server(
    serve: Callable[..., ServerProcess], tmp_path_factory: pytest.TempPathFactory
) -> ServerProcess:
    """A server on which large groups open with the course, with lessons of the department's."""
    folder = tmp_path_factory.mktemp("lessons")
    lesson = folder / "officer" / "05-conduct"
    lesson.mkdir(parents=True)
    (lesson / "en.md").write_text(LESSON)
    # Two practices show what all do: without the others the story takes half the time.
    for one in built_in().values():
        text = one.written.texts["en"]
        if one.course == "officer" and one.texts["en"].practice not in (None, "place"):
            plain = folder / "officer" / f"{one.place}-{one.lesson_id.partition('.')[2]}"
            plain.mkdir()
            (plain / "en.md").write_text(re.sub(r"(?m)^practice: .*\n", "", text))
    return serve(otp_resend_ms=0, training_before_large="yes", training_folder=str(folder))


def reads(officer: Officer, frame: FrameLocator, key: str) -> None:
    """The task above the practice's screens says this."""
    said = frame.get_by_role("status").filter(has_text=officer.word(key))
    expect(said).to_be_visible()


def forward_and_report(officer: Officer, frame: FrameLocator) -> None:
    """The last steps of the practice: a message of the station goes to its head, and the chain
    message of the large group is reported."""

    def open_chat(key: str) -> None:
        frame.get_by_role("button", name=officer.word("app.back"), exact=True).click()
        frame.get_by_text(officer.word(key), exact=True).first.click()

    def choose(key: str, act: str) -> None:
        said = frame.get_by_role("article").filter(has_text=officer.word(key))
        said.get_by_role("time").tap()
        frame.get_by_role("menuitem", name=officer.word(act), exact=True).click()

    open_chat("training.scene.station")
    choose("training.scene.writer", "conversation.forward.act")
    sheet = frame.get_by_role("dialog", name=officer.word("conversation.forward.title"))
    closed = sheet.get_by_role("checkbox", name=officer.word("training.scene.large"))
    expect(closed).to_be_disabled()
    sheet.get_by_role("checkbox", name="Lakshmi Devi").check()
    send = officer.word("conversation.forward.send_one", number=1)
    sheet.get_by_role("button", name=send, exact=True).click()
    reads(officer, frame, "training.practice.guard.s4")
    open_chat("training.scene.large")
    choose("training.scene.chain", "conversation.report")
    sheet = frame.get_by_role("dialog", name=officer.word("reports.sheet.title"))
    sheet.get_by_role("radio").first.check()
    sheet.get_by_role("button", name=officer.word("reports.sheet.send"), exact=True).click()


def practise_guard(officer: Officer) -> None:
    """Do the practice about the guard; messages sent in it must reach no server."""
    officer.button("training.practice.start").click()
    frame = officer.page.frame_locator("iframe")
    reads(officer, frame, "training.practice.guard.s1")
    frame.get_by_text(officer.word("training.scene.large"), exact=True).first.click()
    composer = frame.get_by_role("textbox", name=officer.word("conversation.write"), exact=True)
    send = frame.get_by_role("button", name=officer.word("conversation.send"), exact=True)
    composer.fill("Good morning all")
    send.click()
    frame.get_by_role("heading", name=officer.word("guard.looks.greeting")).wait_for()
    frame.get_by_role("button", name=officer.word("guard.edit"), exact=True).click()
    reads(officer, frame, "training.practice.guard.s2")
    # The fixtures search all that the relay has seen for secrets.
    officer.secrets.text(DUTY)
    composer.fill(DUTY)
    send.click()
    reads(officer, frame, "training.practice.guard.s3")
    forward_and_report(officer, frame)
    reads(officer, frame, "training.practice.done")
    officer.shot("practice")

    # The page itself cannot reach the server, whatever a screen tries.
    inside = next(one for one in officer.page.frames if "practice.html" in one.url)
    refused = inside.evaluate("fetch('/v1/me').then(() => 'answered', () => 'refused')")
    assert refused == "refused"
    officer.page.wait_for_timeout(500)
    officer.problems.clear()  # The browser has said so.
    frame.get_by_role("button", name=officer.word("training.practice.back"), exact=True).click()
    officer.page.get_by_text(officer.word("training.practice.doneMark")).wait_for()


def practise_place(officer: Officer) -> None:
    """Share a place: an invented one, because this browser gives none."""
    officer.button("training.practice.start").click()
    frame = officer.page.frame_locator("iframe")
    reads(officer, frame, "training.practice.place.s1")
    frame.get_by_text(officer.word("training.scene.station"), exact=True).first.click()
    for key in ("conversation.attach", "consult.live.new", "consult.live.start"):
        frame.get_by_role("button", name=officer.word(key), exact=True).click()
    reads(officer, frame, "training.practice.done")
    frame.get_by_role("button", name=officer.word("training.practice.back"), exact=True).click()


PRACTISE = {"guard": practise_guard, "place": practise_place}


def practice_shown(officer: Officer) -> str | None:
    """The practice that the lesson offers on this screen."""
    page = officer.page
    for name in PRACTISE:
        words = officer.word(f"training.practices.{name}")
        if page.get_by_role("region").get_by_text(words, exact=True).count():
            return name
    return None


def answer(question: Locator, *, right: bool) -> None:
    """Answer the question of this screen; where ``right`` is false, wrongly at first."""
    asked = question.locator("xpath=preceding-sibling::h2[1]").inner_text()
    options = question.get_by_role("button")
    rights = {
        one.text for each in RIGHTS for one in each.options if each.question == asked and one.right
    }
    texts = options.all_inner_texts()
    at = next(n for n, text in enumerate(texts) if text.strip() in rights)
    if not right:
        options.nth(1 - at).click()
    options.nth(at).click()


def leave_and_return(officer: Officer) -> None:
    """The lesson asks nothing before its practice, which may be left for later."""
    onward = officer.button("training.lesson.next")
    while practice_shown(officer) is None:
        onward.click()
    officer.page.get_by_text(officer.word("training.practice.needed")).wait_for()
    expect(onward).to_be_disabled()
    officer.page.go_back()
    officer.button("training.begin").first.click()


def do_lesson(officer: Officer, *, right: bool = True) -> None:
    """Go through the lesson that is open: reading, its practice, answering."""
    page = officer.page
    words = {key: officer.word(f"training.{key}") for key in ("lesson.next", "lesson.finish")}
    onward = page.get_by_role("button", name=re.compile(f"^({'|'.join(words.values())})$"))
    while True:
        onward.wait_for()
        name = practice_shown(officer)
        if name is not None and onward.is_disabled():
            PRACTISE[name](officer)
        question = page.get_by_role("group")
        if question.count():
            answer(question, right=right)
        last = onward.inner_text() == words["lesson.finish"]
        onward.click()
        if last:
            return


def link_in(pdf: bytes) -> str:
    """The address that the PDF links: the page that verifies, and the certificate."""
    parts = [pdf]
    for found in re.finditer(rb"stream\r?\n", pdf):
        try:
            parts.append(zlib.decompressobj().decompress(pdf[found.end() :]))
        except zlib.error:
            continue
    match = re.search(rb"/URI ?\((http[^)]+/verify\.html#[^)]+)\)", b"\n".join(parts))
    assert match is not None
    return match[1].decode()


def certified(officer: Officer, page: Page, link: str) -> None:
    """Without a network the open page verifies the certificate, and refuses an altered one."""
    address, _, jwt = link.partition("#")
    page.goto(address)
    page.context.set_offline(True)
    head, payload, signature = jwt.split(".")
    swapped = signature[:-8] + ("AAAAAAAA" if signature[-8:] != "AAAAAAAA" else "BBBBBBBB")
    for text, good in ((jwt, True), (f"{head}.{payload}.{swapped}", False)):
        page.get_by_role("textbox").fill(text)
        page.get_by_role("button").click()
        result = page.get_by_role("status")
        expect(result).to_contain_text("is genuine" if good else "is not genuine")
        if good:
            expect(result).to_contain_text(officer.person.name)
    page.context.set_offline(False)


@pytest.mark.service_worker
def test_a_newcomer_learns_and_then_writes_in_the_large_group(
    station: Station, app_server: ServerProcess, tmp_path: Path
) -> None:
    run_copconnect(app_server.data, "conversations", "create", "--everyone", "--talk")
    newcomer = station.officer(0)
    newcomer.choose_language()
    newcomer.enter_number()
    newcomer.enter_code()
    newcomer.accept_conduct()
    newcomer.button("firstRun.done.training").wait_for()
    newcomer.shot("led-there")

    # Later: the large group is read, and leads back to the course from where one would write.
    newcomer.finish()
    page = newcomer.page
    chats = page.get_by_role("region", name=newcomer.word("chats.title"), exact=True)
    chats.get_by_role("link").first.click()
    page.get_by_text(newcomer.word("conversation.trainingFirst")).wait_for()
    expect(newcomer.composer).to_have_count(0)
    newcomer.shot("closed")
    newcomer.button("conversation.trainingGo").click()
    newcomer.heading("me.training").wait_for()
    newcomer.shot("courses")

    newcomer.button("training.begin").first.click()
    leave_and_return(newcomer)
    do_lesson(newcomer, right=False)
    newcomer.heading("training.result.notPassed").wait_for()
    newcomer.shot("not-passed")
    newcomer.button("training.result.again").click()
    finished = newcomer.heading(
        "training.result.course", course=newcomer.word("training.course.officer")
    )
    either = finished.or_(newcomer.heading("training.result.title"))
    while True:
        do_lesson(newcomer)
        either.wait_for()
        if finished.count():
            break
        page.get_by_role("button", name=re.compile("^Next lesson:")).click()
    page.get_by_text(newcomer.word("training.result.open")).wait_for()
    newcomer.shot("finished")

    with page.expect_download() as download:
        newcomer.button("training.certificate").click()
    pdf = tmp_path / "certificate.pdf"
    download.value.save_as(pdf)
    certified(newcomer, newcomer.second_tab(), link_in(pdf.read_bytes()))

    newcomer.to_chats()
    chats.get_by_role("link").first.click()
    newcomer.say("Night patrol starts at ten, all stations.")
    newcomer.sees_status("Night patrol", "sent")
