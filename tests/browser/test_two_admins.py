"""Two root admins change the rights table; one whose grant ends sees so, and does nothing more."""

import json
from typing import Any

from playwright.sync_api import expect

from tests.harness import confirming
from tests.harness.browser import Station
from tests.harness.server import ServerProcess, run_copconnect
from tests.harness.tour_console import find, open_console, open_person, row


def table(server: ServerProcess) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = json.loads(run_copconnect(server.data, "admin", "rights", "show"))
    return shown


def test_what_one_root_admin_asks_for_another_approves(
    station: Station, app_server: ServerProcess
) -> None:
    first, second = (confirming.root_admin(app_server, station, at) for at in (60, 61))
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
    station: Station, app_server: ServerProcess
) -> None:
    admin, officer = confirming.root_admin(app_server, station, 64), station.officer(65).register()
    name, page = officer.person.name, admin.page
    find(admin, name)
    pane = open_person(admin, name)
    # The devices come last, and what is below them moves.
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


def test_an_admin_whose_grant_ends_with_the_console_open_does_nothing_more(
    station: Station, app_server: ServerProcess
) -> None:
    admin, constable = (
        confirming.root_admin(app_server, station, 62),
        station.officer(63).register(),
    )
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
