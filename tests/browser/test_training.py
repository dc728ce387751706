"""Training: practices on the real screens that no server sees."""

from playwright.sync_api import FrameLocator, Page, expect

from tests.harness.browser import Officer, Station


def practice(page: Page) -> FrameLocator:
    """The page of the practice that is open."""
    return page.frame_locator("iframe")


def reads(officer: Officer, frame: FrameLocator, key: str) -> None:
    """The task above the screens says this."""
    said = frame.get_by_role("status").filter(has_text=officer.word(key))
    expect(said).to_be_visible()


def test_a_practice_notices_what_is_done_and_sends_nothing(station: Station) -> None:
    officer = station.officer(0).register()
    officer.page.goto("/#/me")
    officer.page.get_by_role("link", name=officer.word("me.training")).click()
    officer.page.get_by_role("button", name=officer.word("training.practices.guard")).click()

    frame = practice(officer.page)
    reads(officer, frame, "training.practice.guard.s1")
    frame.get_by_text(officer.word("training.scene.large"), exact=True).first.click()
    composer = frame.get_by_role("textbox", name=officer.word("conversation.write"), exact=True)
    composer.fill("Good morning all")
    frame.get_by_role("button", name=officer.word("conversation.send"), exact=True).click()
    frame.get_by_role("heading", name=officer.word("guard.looks.greeting")).wait_for()
    frame.get_by_role("button", name=officer.word("guard.edit"), exact=True).click()
    reads(officer, frame, "training.practice.guard.s2")
    # A secret: the relay between this browser and the server must never have seen it.
    duty = "Lorry across both lanes at milestone nine."
    officer.secrets.text(duty)
    composer.fill(duty)
    frame.get_by_role("button", name=officer.word("conversation.send"), exact=True).click()
    reads(officer, frame, "training.practice.done")
    officer.shot("practice")

    # The page itself cannot reach the server, whatever a screen tries.
    inside = next(one for one in officer.page.frames if "practice.html" in one.url)
    officer.problems.clear()
    refused = inside.evaluate("fetch('/v1/me').then(() => 'answered', () => 'refused')")
    assert refused == "refused"
    officer.problems.clear()

    frame.get_by_role("button", name=officer.word("training.practice.back"), exact=True).click()
    expect(officer.page.locator("iframe")).to_have_count(0)
    # The steps inside were none of the app's: one step back is where the person came from.
    officer.page.go_back()
    officer.heading("me.title").wait_for()
