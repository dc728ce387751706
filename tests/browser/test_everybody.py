"""A conversation of the whole force: its long list of people comes in parts and is searched."""

import csv
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.harness import databank
from tests.harness.browser import Station, until
from tests.harness.server import ServerProcess, run_copconnect


def test_the_members_of_a_large_conversation(
    station: Station, app_server: ServerProcess, tmp_path: Path
) -> None:
    """Three hundred: more than the core keeps of a conversation, more than a part of the list."""
    _let_the_first_lead_the_state(app_server, tmp_path)
    run_copconnect(app_server.data, "conversations", "create", "--everyone", "--talk")
    officer = station.officer(0).register()
    station.officer(1).register()
    page, people = officer.page, databank.officers()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    chats = page.get_by_role("region", name=officer.word("chats.title"), exact=True)
    chats.get_by_role("link").first.click()
    officer.say("Night patrol starts at ten, all stations.")
    officer.sees_status("Night patrol", "sent")
    # Not who has it, but how many of all who belong, registered or not.
    officer.act_on("Night patrol", "conversation.details")
    delivered = officer.word("conversation.receipts.deliveredOf_other", number="1", people="299")
    page.get_by_text(delivered, exact=True).wait_for()
    read = officer.word("conversation.receipts.readOf_other", number="0", people="299")
    page.get_by_text(read, exact=True).wait_for()
    officer.shot("receipts-of-many")
    officer.button("app.back").click()

    officer.button("conversation.info").click()
    members = page.get_by_role("region", name=officer.word("groups.members_other", number="300"))
    # A virtual list draws no row before it is on screen.
    members.get_by_role("searchbox").scroll_into_view_if_needed()
    rows = members.get_by_role("link")
    rows.first.wait_for()
    # Seniors first, as everywhere; few are drawn.
    expect(rows.first).to_contain_text(re.compile("|".join(one.name for one in people[:6])))
    assert rows.count() < 60
    # Nothing but the first part has been asked for so far.
    assert [url for url in asked if url.endswith("/members")]
    assert not [url for url in asked if "/members?after=" in url]
    officer.shot("members")

    # Scrolling fetches the next part: the last of all people is reached.
    last = max((one for one in people if one.rank == "PC"), key=lambda one: one.name)
    shown = members.get_by_role("link").filter(has_text=last.name)

    def at_the_end() -> bool:
        page.mouse.wheel(0, 2_000)
        return shown.count() > 0

    page.mouse.move(195, 600)
    until(page, at_the_end)
    assert [url for url in asked if "/members?after=" in url]

    # The search finds a person wherever in the list they are.
    wanted = people[123]
    field = page.get_by_role("searchbox")
    field.fill(wanted.name.lower())
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(wanted.name)
    field.fill("nobody of that name")
    members.get_by_text(officer.word("groups.noPeople"), exact=True).wait_for()
    field.fill("")
    expect(rows.first).to_contain_text(re.compile("|".join(one.name for one in people[:6])))

    # Mentioned is who fits what is written, whether this device has heard of them or not.
    page.get_by_role("button", name=officer.word("app.back"), exact=True).click()
    far = people[287]
    officer.composer.fill("")
    officer.composer.press_sequentially(f"Report to @{far.name[:9]}")
    page.get_by_role("option").filter(has_text=far.name).click()
    expect(officer.composer).to_have_value(f"Report to @{far.name} ")


def _let_the_first_lead_the_state(app_server: ServerProcess, folder: Path) -> None:
    """A conversation of everybody is made in the name of somebody who administers everybody."""
    databank.write(folder)
    with (folder / "people.csv").open(encoding="utf-8", newline="") as file:
        header, first, *others = list(csv.reader(file))
    first[header.index("unit")] = "TG"
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, first, *others])
    run_copconnect(app_server.data, "directory", "import", str(folder))
