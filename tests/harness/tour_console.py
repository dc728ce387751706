"""Ways through the console. Tours as those of :mod:`tests.harness.tour`."""

import contextlib
from collections.abc import Iterator

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as DidNotCome

from tests.harness.browser import Officer, until


def open_console(officer: Officer, page: str = "home") -> None:
    """Go to a page of the console and wait until it is drawn."""
    officer.page.goto(f"/admin/#/{page}")
    head = officer.page.get_by_role("heading", level=1)
    head.wait_for()


def row(page: Page, text: str) -> Locator:
    """The row of the table that says this."""
    return page.get_by_role("row").filter(has_text=text)


def find(officer: Officer, name: str) -> None:
    """Search the people's page for a name."""
    open_console(officer, "people")
    officer.page.get_by_label(officer.word("@people.find"), exact=True).fill(name)
    expect(row(officer.page, name).first).to_be_visible()


def open_person(officer: Officer, name: str) -> Locator:
    """Open a person whose row is there; return the pane. A click is lost where the answer to what
    was searched for moves the rows just then."""
    pane = officer.page.get_by_role("complementary", name=name)

    def opened() -> bool:
        if pane.count() == 0:
            row(officer.page, name).first.click()
            with contextlib.suppress(DidNotCome):
                pane.wait_for(timeout=1_000)
        return pane.count() > 0

    until(officer.page, opened)
    return pane


def pages(officer: Officer, person: str) -> Iterator[str]:
    """Every page, with a person opened and the question before a suspension."""
    page, word = officer.page, officer.word
    open_console(officer)
    page.get_by_text(word("@home.people"), exact=True).first.wait_for()
    page.get_by_role("figure").first.wait_for()
    yield "overview"
    open_console(officer, "approvals")
    page.get_by_text(word("@approvals.none")).or_(
        page.get_by_role("heading", level=2).first
    ).first.wait_for()
    yield "approvals"
    find(officer, person)
    yield "people"
    pane = open_person(officer, person)
    pane.get_by_role("button", name=word("@person.suspend"), exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(person).first.wait_for()
    yield "suspending"
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    yield "person"
    open_console(officer, "devices")
    page.get_by_role("row").nth(1).wait_for()
    yield "devices"
    open_console(officer, "grants")
    page.get_by_role("row").nth(1).or_(page.get_by_text(word("@grants.none"))).first.wait_for()
    yield "grants"
    open_console(officer, "rights")
    page.get_by_text(word("@rights.names.enrol"), exact=True).wait_for()
    yield "rights"
    page.get_by_role("button", name=word("@rights.change"), exact=True).click()
    enrol = f"{word('@rights.line')}: {word('@rights.names.enrol')}"
    page.get_by_role("button", name=enrol, exact=True).click()
    page.get_by_role("button", name=word("@rights.add"), exact=True).wait_for()
    yield "changing rights"
    open_console(officer, "audit")
    page.get_by_role("row").nth(1).wait_for()
    yield "audit"
    page.get_by_role("row").nth(1).click()
    page.get_by_role("complementary").wait_for()
    yield "entry"
    page.get_by_role("button", name=word("@close"), exact=True).click()
    page.get_by_role("button", name=word("@audit.verify"), exact=True).click()
    page.get_by_role("status").filter(has_text=word("@audit.note", number="").strip(" ,،")).or_(
        page.get_by_role("status").locator("bdi")
    ).first.wait_for()
    yield "verified"
