"""Imports in the console: a messy file is mapped, looked at, imported by a signed act, undone."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.harness.browser import Officer, Station
from tests.harness.looks import Looks
from tests.harness.server import ServerProcess, run_copconnect
from tests.harness.tour_console import find, open_console, row


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
    officer = station.officer(44).register()
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


@pytest.mark.parametrize(
    ("size", "language"), [("desk", "en"), ("phone", "te"), ("phone", "ur"), ("desk", "hi")]
)
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
