"""An officer's acts on groups, by what is written on the screen."""

import re
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.harness.browser import Officer, until


def create(
    officer: Officer, title: str, members: list[Officer], *, photo: Path | None = None
) -> None:
    """Make a group; ends in its conversation. The name is a secret from then on."""
    officer.secrets.text(title)
    officer.button("chats.new").click()
    officer.page.get_by_role("button", name=officer.word("groups.newGroup")).click()
    choose(officer, members)
    officer.button("groups.next").click()
    officer.page.get_by_label(officer.word("groups.name"), exact=True).fill(title)
    if photo is not None:
        choose_photo(officer, photo)
    officer.button("groups.create").click()
    officer.heading_of(title).wait_for()
    officer.composer.wait_for()


def choose(officer: Officer, people: list[Officer]) -> None:
    """Tick people in a list with a search field."""
    for one in people:
        officer.page.get_by_role("searchbox").fill(one.person.name)
        officer.page.get_by_role("checkbox", name=one.person.name).check()


def choose_photo(officer: Officer, photo: Path) -> None:
    """Give the group a picture."""
    with officer.page.expect_file_chooser() as chooser:
        officer.button("groups.choosePhoto").last.click()
    chooser.value.set_files(photo)
    officer.button("groups.removePhoto").wait_for()


def open_info(officer: Officer) -> None:
    """From the conversation to what there is to know about it."""
    officer.button("conversation.info").click()
    officer.page.get_by_role("region", name=re.compile(r"members?$")).wait_for()


def close_info(officer: Officer) -> None:
    """Back to the conversation."""
    officer.page.get_by_role("button", name=officer.word("app.back"), exact=True).click()
    expect(officer.button("conversation.info")).to_be_visible()


def act_on(officer: Officer, member: Officer, act: str) -> None:
    """Press what can be done with a member, such as ``groups.makeAdmin``."""
    member_row(officer, member).wait_for()
    officer.button("groups.memberOptions", name=member.person.name).click()
    sheet = officer.page.get_by_role("dialog", name=member.person.name)
    sheet.get_by_role("button", name=officer.word(act), exact=True).click()


def remove(officer: Officer, member: Officer) -> None:
    """Remove a member and confirm."""
    act_on(officer, member, "groups.remove")
    officer.button("groups.removeAction").click()
    member_row(officer, member).wait_for(state="detached")


def member_row(officer: Officer, member: Officer) -> Locator:
    """The member in the open list of members, which draws what is near the screen."""
    officer.page.get_by_role(
        "button", name=officer.word("groups.leave"), exact=True
    ).scroll_into_view_if_needed()
    return (
        officer.page.get_by_role("region", name=re.compile(r"members?$"))
        .get_by_role("link")
        .filter(has_text=member.person.name)
    )


def sees_notice(officer: Officer, key: str, **values: object) -> None:
    """Wait for a line of the conversation that says what happened to it, and open the lines of
    several changes meanwhile: it may be one of them."""
    messages = officer.page.get_by_role("region", name=officer.word("conversation.messages"))
    said = officer.word(f"conversation.notice.{key}", **values)
    line = messages.get_by_text(said, exact=True)
    changes = re.escape(officer.word("conversation.changes_other", number="#")).replace(r"\#", ".+")
    folded = messages.get_by_role("button", name=re.compile(changes), expanded=False)

    def shown() -> bool:
        if line.count() == 0 and folded.count() > 0:
            folded.last.click()
        return line.count() > 0

    until(officer.page, shown)
