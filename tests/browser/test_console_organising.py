"""Imports, transfers and groups in the console.

An officer sees transfers and groups on their own phone within seconds; a messy file is mapped,
looked at, imported by a signed act, undone.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import expect

from copconnect.clock import INDIA
from tests.harness import databank
from tests.harness.browser import Officer, Station
from tests.harness.looks import Looks
from tests.harness.server import ServerProcess, run_copconnect
from tests.harness.tour_console import find, open_console, open_person, row

PEOPLE = count(44)  # Each test takes its own people.
SIZES = [("desk", "en"), ("phone", "te"), ("desk", "ur")]
SECONDS = 20_000  # A loaded machine may take so long; a quiet one takes two seconds.


def field(officer: Officer, key: str, text: str) -> None:
    """Fill a field and leave it."""
    box = officer.page.get_by_label(officer.word(key), exact=True)
    box.fill(text)
    box.press("Tab")


def choose_unit(officer: Officer, key: str, code: str) -> None:
    """Open the picker of a field of units and choose the one with this code."""
    officer.page.get_by_role("button", name=officer.word(key)).click()
    picker = officer.page.get_by_role("dialog", name=officer.word(key), exact=True)
    picker.get_by_role("searchbox").fill(code)
    picker.get_by_role("listitem").get_by_role("button").click()
    picker.wait_for(state="hidden")


def test_groups_and_transfers_reach_the_officer_at_once(
    chief: Officer, station: Station, app_server: ServerProcess
) -> None:
    officer = station.officer(next(PEOPLE)).register()
    person, page = officer.person, chief.page
    # A group of one station, by a rule with a live count.
    open_console(chief, "groups/new")
    field(chief, "@imports.columns.name_en", "Abids night duty")
    choose_unit(chief, "@groups.addUnit", "HYD-ABID")
    page.get_by_role("status").filter(has_text="people").wait_for()
    chief.shot("rule")
    chief.button("@groups.make").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=chief.word("@groups.make"), exact=True).click()
    row(page, "Abids night duty").wait_for()
    expect(officer.chat("Abids night duty")).to_have_count(0)

    # The officer moves there, and the group appears on the phone.
    open_console(chief, "moves")
    field(chief, "@moves.paste", f"{person.code}\nNOBODY-9")
    chief.button("@moves.find").click()
    page.get_by_text("NOBODY-9").last.wait_for()
    choose_unit(chief, "@moves.unit", "HYD-ABID")
    field(chief, "@moves.post", "Night patrol")
    page.get_by_text(chief.word("@moves.joins")).wait_for()
    page.get_by_text("Abids night duty").wait_for()
    chief.shot("moves")
    chief.button("@moves.transfer").click()
    dialog.get_by_role("button", name=chief.word("@moves.transfer"), exact=True).click()
    page.get_by_text(chief.word("@moves.done"), exact=True).wait_for()
    officer.chat("Abids night duty").wait_for(timeout=SECONDS)
    officer.shot("joined")

    # The history has both posts; a charge is given and ended.
    find(chief, person.name)
    pane = open_person(chief, person.name)
    pane.get_by_text("Night patrol").first.wait_for()
    history = pane.get_by_role("region", name=chief.word("@moves.history"))
    expect(history.get_by_role("listitem")).to_have_count(2)
    pane.get_by_role("button", name=chief.word("@moves.giveCharge"), exact=True).click()
    choose_unit(chief, "@moves.unit", "HYD-CHAR")
    field(chief, "@moves.post", "Crime writer")
    pane.get_by_role("button", name=chief.word("@moves.giveCharge"), exact=True).last.click()
    dialog.get_by_role("button", name=chief.word("@moves.giveCharge"), exact=True).click()
    history.get_by_text("Crime writer").wait_for()
    pane.get_by_role("button", name=chief.word("@moves.endCharge"), exact=True).click()
    dialog.get_by_role("button", name=chief.word("@moves.endCharge"), exact=True).click()
    page.get_by_text(chief.word("@moves.ended")).wait_for()

    # The group ends, and with it the officer's place in it.
    open_console(chief, "groups")
    row(page, "Abids night duty").get_by_role("button").click()
    dialog.get_by_role("button", name=chief.word("@groups.end"), exact=True).click()
    page.get_by_text(chief.word("@groups.ended")).wait_for()
    expect(row(page, "Abids night duty")).to_have_count(0)
    officer.chat("Abids night duty").click()
    expect(officer.composer).to_have_count(0, timeout=SECONDS)
    assert "none changed" in run_copconnect(app_server.data, "audit", "verify")


def test_a_transfer_is_planned_a_post_abolished_and_the_policy_changed(
    chief: Officer, app_server: ServerProcess
) -> None:
    person, page = databank.officers()[next(PEOPLE)], chief.page
    for title in ("Duty one", "Duty two"):  # The first is vacant then.
        where = ("--unit", "HYD-ABID", "--post", title)
        run_copconnect(app_server.data, "directory", "transfer", person.number, *where)
    dialog = page.get_by_role("dialog")

    # The vacant post comes first among those of the unit; the transfer waits for its day.
    open_console(chief, "moves")
    field(chief, "@moves.paste", person.code)
    chief.button("@moves.find").click()
    choose_unit(chief, "@moves.unit", "HYD-ABID")
    posts = page.get_by_role("combobox", name=chief.word("@moves.thePost"), exact=True)
    vacant = f"Duty one ({chief.word('@moves.vacant')})"
    expect(posts.get_by_role("option").nth(1)).to_have_text(vacant)
    posts.select_option(label=vacant)
    tomorrow = datetime.now(INDIA).date() + timedelta(days=1)
    field(chief, "@moves.on", tomorrow.isoformat())
    chief.button("@moves.transfer").click()
    dialog.get_by_role("button", name=chief.word("@moves.transfer"), exact=True).click()
    planned = page.get_by_role("region", name=chief.word("@moves.planned"))
    planned.get_by_text("Duty one").wait_for()
    assert person.name in run_copconnect(app_server.data, "directory", "planned")
    chief.shot("planned")
    planned.get_by_role("button", name=chief.word("@moves.cancel"), exact=True).click()
    dialog.get_by_role("button", name=chief.word("@moves.cancel"), exact=True).click()
    planned.wait_for(state="hidden")

    # The post is abolished and there again.
    open_console(chief, "units/unit/HYD-ABID")
    there = page.get_by_role("region", name=chief.word("@units.posts.title"))
    there.get_by_role("button", name=chief.word("@units.posts.abolishOne", post="Duty one")).click()
    dialog.get_by_role("button", name=chief.word("@units.posts.abolish"), exact=True).click()
    expect(there.get_by_text("Duty one")).to_have_count(0)
    page.get_by_role("button", name=chief.word("@act.undo"), exact=True).last.click()
    there.get_by_text("Duty one").wait_for()

    # A line of the policy: the groups that begin are counted before it is signed.
    open_console(chief, "groups/policy")
    chief.button("@policy.change").click()
    chief.button("@policy.add").click()
    names = page.get_by_label(chief.word("@units.languages.en"), exact=True)
    names.fill("Constables, {unit}")
    lists = page.get_by_role("group").locator("details")
    for key, name in (("@groups.levels", "Station"), ("@groups.ranks", "Police Constable")):
        boxes = lists.filter(has=page.get_by_text(chief.word(key)))
        boxes.locator("summary").click()
        boxes.get_by_role("checkbox", name=name, exact=True).check()
    chief.button("@policy.next").click()
    dialog.get_by_text(chief.word("@policy.kinds.made")).wait_for()
    chief.shot("policy")
    dialog.get_by_role("button", name=chief.word("@policy.save"), exact=True).click()
    dialog.wait_for(state="hidden")
    assert "none changed" in run_copconnect(app_server.data, "audit", "verify")


def pages(officer: Officer) -> Iterator[str]:
    """Every page of transfers and groups."""
    page, word = officer.page, officer.word
    open_console(officer, "moves")
    page.get_by_label(word("@moves.paste"), exact=True).wait_for()
    yield "moves"
    open_console(officer, "groups")
    page.get_by_role("row").nth(1).or_(page.get_by_text(word("@groups.none"))).first.wait_for()
    yield "groups"
    open_console(officer, "groups/new")
    choose_unit(officer, "@groups.addUnit", "HYD-ABID")
    page.get_by_role("region", name=word("@groups.now")).get_by_role("status").wait_for()
    yield "new group"
    open_console(officer, "groups/policy")
    officer.button("@policy.change").click()
    officer.button("@policy.add").click()
    page.get_by_label(word("@units.languages.en"), exact=True).wait_for()
    yield "policy"


@pytest.mark.parametrize(("size", "language"), SIZES)
def test_moves_and_groups_look_right(console: Looks) -> None:
    console.follow(pages(console.officer))
    assert console.told() == []


def choose(officer: Officer, file: Path) -> None:
    """Choose a file and wait until the console has looked at its rows."""
    open_console(officer, "imports")
    with officer.page.expect_file_chooser() as chooser:
        officer.button("@imports.choose").click()
    chooser.value.set_files(file)
    officer.page.get_by_role("button", name=officer.word("@imports.apply"), exact=True).wait_for()


def roll(folder: Path, *rows: str) -> Path:
    """A file as departments have them: their own headings, semicolons, UTF-16."""
    file = folder / "nominal roll.csv"
    header = "Emp No;Name of Officer;Mobile No.;Designation;Police Station"
    file.write_text("\r\n".join([header, *rows]), "utf-16")
    return file


def test_a_messy_file_is_looked_at_imported_and_undone(
    chief: Officer, station: Station, app_server: ServerProcess, tmp_path: Path
) -> None:
    officer = station.officer(next(PEOPLE)).register()
    person = officer.person
    file = roll(
        tmp_path,
        f"{person.code};Anand Kumar Testwala;{person.number[3:]};Constable;Abids PS",
        "NEW-77;Nandini Rao;9876512345;Constable;Abids PS",
        "NEW-78;Nobody Nowhere;98;Constable;Abids PS",
    )
    choose(chief, file)
    apply = chief.button("@imports.apply")
    expect(apply).to_be_disabled()
    refused = row(chief.page, "NEW-78")
    refused.get_by_text("98").first.wait_for()
    confirm = chief.button("@imports.confirm")
    if confirm.count() > 0:
        chief.shot("columns")
        confirm.click()
    leave_out = chief.page.get_by_role("checkbox", name=chief.word("@imports.partial"))
    leave_out.wait_for()
    leave_out.click()
    expect(apply).to_be_enabled()
    chief.page.get_by_role("button", name=chief.word("@imports.kinds.changed")).click()
    row(chief.page, "Anand Kumar Testwala").wait_for()
    chief.shot("preview")
    apply.click()
    dialog = chief.page.get_by_role("dialog")
    dialog.get_by_role("button", name=chief.word("@imports.apply"), exact=True).click()
    done = row(chief.page, "nominal roll.csv")
    done.wait_for()
    find(chief, "Nandini Rao")
    open_console(chief, "imports")
    done.get_by_role("button").click()
    dialog.get_by_role("button", name=chief.word("@act.undo"), exact=True).click()
    chief.page.get_by_text(chief.word("@imports.undone"), exact=True).wait_for()
    open_console(chief, "audit")
    expect(row(chief.page, chief.word("@audit.right")).first).to_be_visible()
    assert "none changed" in run_copconnect(app_server.data, "audit", "verify")


@pytest.mark.parametrize(("size", "language"), SIZES)
def test_imports_look_right(console: Looks, tmp_path: Path) -> None:
    officer = console.officer
    open_console(officer, "imports")
    officer.page.get_by_text(officer.word("@imports.drop")).first.wait_for()
    console.at("imports")
    file = roll(tmp_path, "NEW-79;Asha;9876512399;Constable;Abids PS", "NEW-80;Ravi;98;PC;Nowhere")
    choose(officer, file)
    row(officer.page, "NEW-80").wait_for()
    console.at("preview")
    officer.page.get_by_text(officer.word("@imports.unused").strip(" :")).or_(
        officer.page.get_by_role("group").locator("summary")
    ).first.click()
    console.at("columns")
    assert console.told() == []
