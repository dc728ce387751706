"""Within everybody's reach: four languages on the smallest phone, keys alone, large text."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness import reach, tour_account
from tests.harness.browser import DESKTOP, SMALL_PHONE, Officer, Station
from tests.harness.looks import cut_off

# The look of the focused element and of its surroundings, with the focus and without.
SHOWN = """() => {
  const focused = document.activeElement;
  const look = () => {
    let seen = "";
    for (let at = focused, up = 0; at !== null && up < 3; at = at.parentElement, up += 1) {
      const style = getComputedStyle(at);
      seen += [style.boxShadow, style.outline, style.borderColor, style.backgroundColor].join();
    }
    return seen;
  };
  const having = look();
  focused.blur();
  const lacking = look();
  focused.focus({ preventScroll: true });
  return having !== lacking;
}"""
MOST_TABS = 60
WRONG = {"number-wrong": "errors.number_invalid", "code-wrong": "errors.code_wrong"}


@pytest.mark.parametrize("language", ["en", "te", "ur", "hi"])
def test_the_first_run_fits_the_smallest_phone_and_says_what_is_wrong(
    station: Station, language: str
) -> None:
    index = 10 + ["en", "te", "ur", "hi"].index(language)
    officer = station.officer(index, screen=SMALL_PHONE, language=language)
    page = officer.page
    faults: list[str] = []
    for stop in tour_account.first_run(officer):
        officer.shot(stop)
        faults += [f"{stop}: {fault}" for fault in cut_off(page)]
        expect(page.locator("html")).to_have_attribute("dir", "rtl" if language == "ur" else "ltr")
        if stop in WRONG:
            expect(page.get_by_role("alert")).to_have_text(officer.word(WRONG[stop]))
        if stop != "chats-empty":
            expect(page.locator("button[type=submit]")).to_be_in_viewport(ratio=1)
    assert faults == []
    # The bar is mirrored: the first of its sections is where reading begins.
    first = page.get_by_role("link", name=officer.word("app.nav.chats"), exact=True)
    box = first.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2
    assert (middle > SMALL_PHONE["width"] / 2) == (language == "ur")


def test_keys_alone_lead_from_nothing_to_a_message(station: Station) -> None:
    other = station.officer(0).register()
    officer = station.officer(2, screen=DESKTOP)
    page = officer.page
    keys = page.keyboard
    expect(officer.heading("firstRun.language.title")).to_be_focused()
    _tab_to(page, page.get_by_role("radio", name="English"))
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    expect(page.get_by_role("radio", name="English")).to_be_checked()
    keys.press("Enter")
    expect(page.get_by_label(officer.word("firstRun.number.label"), exact=True)).to_be_focused()
    keys.type(officer.person.number.removeprefix("+91"))
    keys.press("Enter")
    expect(page.get_by_label(officer.word("firstRun.code.label"), exact=True)).to_be_focused()
    keys.type(officer.code_for(officer.person.number))
    accept = officer.button("firstRun.conduct.accept")
    expect(accept).to_be_enabled()
    _tab_to(page, accept)
    keys.press("Enter")
    done = officer.button("firstRun.done.next")
    done.wait_for()
    _tab_to(page, done)
    keys.press("Enter")
    officer.heading("chats.title").wait_for()
    _tab_to(page, officer.button("chats.new"))
    keys.press("Enter")
    expect(page.get_by_role("searchbox")).to_be_focused()
    keys.type(other.person.name)
    found = page.get_by_role("button").filter(has_text=other.person.name)
    expect(page.get_by_role("button").filter(has_text="Constable")).to_have_count(0)
    found.first.wait_for()
    _tab_to(page, found.first)
    keys.press("Enter")
    expect(officer.composer).to_be_focused()
    text = "Written without touching a mouse."
    officer.secrets.text(text)
    keys.type(text)
    keys.press("Enter")
    officer.sees_status(text, "sent")
    other.open_chat(officer.person.name)
    other.message(text).wait_for()
    _with_large_text(other, text)
    _largest_text(other)


def _tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it has the focus, and see that every stop on the way shows that it has."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        # The page itself, or a heading that a screen gave the focus to meanwhile: no stop of Tab.
        if page.evaluate("document.activeElement.tabIndex < 0"):
            continue
        where = page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        assert page.evaluate(SHOWN), f"no visible focus: {where}"
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"keys do not reach {wanted}")


def _with_large_text(officer: Officer, text: str) -> None:
    """The chats, a conversation and Me with text of twice the size: every control is in reach."""
    page = officer.page
    for stop, address in (("conversation", None), ("chats", "/#/chats"), ("me", "/#/me")):
        if address is not None:
            page.goto(address)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        if stop == "conversation":
            expect(officer.message(text)).to_be_in_viewport()
        officer.shot(f"large-{stop}")
        assert reach.unreachable(page) == [], stop


def _largest_text(officer: Officer) -> None:
    """The person chooses the largest text; it is there after the app opens again."""
    page = officer.page
    page.goto("/#/me/appearance")
    page.reload()
    expect(page.locator("html")).to_have_css("font-size", "16px")
    page.get_by_role("radio", name=officer.word("me.textSizes.150"), exact=True).check()
    expect(page.locator("html")).to_have_css("font-size", "24px")
    officer.shot("largest-text")
    page.reload()
    officer.heading("me.theme").wait_for()
    expect(page.locator("html")).to_have_css("font-size", "24px")
