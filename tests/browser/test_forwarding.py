"""A message is forwarded along until it is labelled; its file opens at the end of the chain."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from copconnect.conduct.guard import serving
from tests.harness import groups, sharing
from tests.harness.browser import Officer
from tests.harness.server import ServerProcess

TWICE = 2


@pytest.fixture(scope="module")
def app_server(
    serve: Callable[..., ServerProcess], tmp_path_factory: pytest.TempPathFactory
) -> ServerProcess:
    """A server of a department that calls two forwards many."""
    policy = json.loads(serving.shipped_policy())
    policy["forwarding"]["often"] = TWICE
    file = tmp_path_factory.mktemp("policy") / "policy.json"
    file.write_text(json.dumps(policy), "utf-8")
    return serve(
        guard_policy=str(file),
        otp_per_number_and_address_per_day=1_000,
        otp_per_number_per_day=1_000,
        otp_resend_ms=0,
    )


def _sheet(officer: Officer, message: Locator) -> Locator:
    """Open the list of chats to which a message can be forwarded."""
    message.press("Enter")
    officer.page.get_by_role("menuitem", name=officer.word("conversation.forward.act")).click()
    sheet = officer.page.get_by_role("dialog", name=officer.word("conversation.forward.title"))
    sheet.get_by_role("checkbox").first.wait_for()
    return sheet


def _forward(officer: Officer, message: Locator, chats: list[str], own: str = "") -> None:
    sheet = _sheet(officer, message)
    for chat in chats:
        sheet.get_by_role("checkbox", name=chat).check()
    if own:
        officer.secrets.text(own)
        sheet.get_by_label(officer.word("conversation.forward.words")).fill(own)
    name = f"conversation.forward.send_{'one' if len(chats) == 1 else 'other'}"
    sheet.get_by_role("button", name=officer.word(name, number=len(chats)), exact=True).click()


def test_forwarded_from_hand_to_hand(trio: tuple[Officer, ...], tmp_path: Path) -> None:
    author, second, third = trio
    duty, orders = "South gate team", "Notices of the south gate"
    groups.create(second, duty, [third])
    second.to_chats()
    second.button("chats.new").click()
    second.page.get_by_role("button", name=second.word("groups.newGroup")).click()
    groups.choose(second, [third])
    second.button("groups.next").click()
    second.page.get_by_label(second.word("groups.name"), exact=True).fill(orders)
    second.secrets.text(orders)
    second.page.get_by_role("radio", name=second.word("groups.admins")).check()
    second.button("groups.create").click()
    second.heading_of(orders).wait_for()

    author.open_direct(second)
    diversion = "Diversion at the clock tower until eight, take the lake road."
    author.say(diversion)
    author.say("Happy Diwali to all")
    map_file = tmp_path / "lake-road.pdf"
    map_file.write_bytes(random.Random(3).randbytes(90_000))
    author.secrets.content("content of lake-road.pdf", map_file.read_bytes())
    sharing.send_files(author, "document", [map_file])

    # Announcements are closed, and say so; the rest of the sheet works.
    second.to_chats()
    second.open_chat(author.person.name)
    sharing.document(second, map_file.name).wait_for()
    sheet = _sheet(second, second.message(diversion))
    closed = sheet.get_by_role("checkbox", name=orders)
    expect(closed).to_be_disabled()
    expect(closed).to_contain_text(second.word("conversation.forward.closed.announcement"))
    second.shot("sheet")
    second.page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    remark = "Tell the drivers"
    _forward(second, second.message(diversion), [duty], remark)
    expect(sheet).to_have_count(0)

    # The guard looks at a forward where it goes, not where it came from.
    _forward(second, second.message("Happy Diwali to all"), [duty])
    second.heading("guard.looks.festival").wait_for()
    second.button("guard.edit").click()
    second.page.keyboard.press("Escape")
    _forward(second, sharing.document(second, map_file.name), [duty])

    third.open_direct(second)
    third.to_chats()
    third.open_chat(duty)
    come = third.message(diversion)
    expect(come).to_contain_text(third.word("conversation.forward.some"))
    expect(come).not_to_contain_text(author.person.name)
    third.message(remark).wait_for()
    expect(third.message("Happy Diwali to all")).to_have_count(0)
    _forward(third, come, [second.person.name])
    # The end of the chain never shared a chat with the author.
    file = sharing.document(third, map_file.name)
    expect(file).to_contain_text(third.word("conversation.forward.some"))
    assert sharing.save(third, file) == map_file.read_bytes()

    # Twice is many here: it is labelled, and goes to one chat at once.
    second.to_chats()
    second.open_chat(third.person.name)
    often = second.message(diversion)
    expect(often).to_contain_text(second.word("conversation.forward.often"))
    second.shot("labelled")
    sheet = _sheet(second, often)
    told = second.word("conversation.forward.mostOften_one", number=1)
    expect(sheet).to_contain_text(told)
    sheet.get_by_role("checkbox", name=duty).check()
    expect(sheet.get_by_role("checkbox", name=author.person.name)).to_be_disabled()
