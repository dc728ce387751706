"""The pictures of the console, page by page, as the Commissioner of Hyderabad sees them."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.harness import databank
from tests.harness.browser import DESKTOP, PHONE, Officer, Station
from tests.harness.server import run_copconnect
from tests.harness.tour_console import find, open_console, open_person, row
from tests.pictures import cast
from tests.pictures.album import Album
from tests.pictures.demo_server import Demo

STATION, ZONE = "TG-HYD-PS001", "TG-HYD-Z1"
CHARMINAR = "Charminar PS"


def admins(demo: Demo, station: Station) -> tuple[Officer, Officer]:
    """Register two root admins; return the one of the pictures, and the second one."""
    first, second = (
        station.officer(index, screen=DESKTOP).register()
        for index in (cast.COMMISSIONER, cast.INSPECTOR_GENERAL)
    )
    key = str(demo.data / "keys" / "root.key.pem")
    for officer in (first, second):
        run_copconnect(demo.data, "admin", "grant", officer.person.number, key)
        open_console(officer)
    return first, second


def take(
    album: Album,
    demo: Demo,
    station: Station,
    admins: tuple[Officer, Officer],
    reporter: Officer,
    folder: Path,
) -> None:
    """Take them all. ``reporter`` is an officer with a station's group open; ``folder`` is for
    files that are imported."""
    people, (first, second) = databank.of_demo(demo.data), admins
    _report(reporter)
    _waiting(second, station)
    for index, days in ((cast.ACP, 180), (cast.PATROL, 7)):
        _grant(first, people[index], days)
    first.page.reload()
    for name, show in PAGES:
        show(first, folder)
        album.take(first.page, f"console-{name}")
    first.page.set_viewport_size(PHONE)
    first.page.goto("/admin/#/units")
    first.page.get_by_role("tree").wait_for()
    album.take(first.page, "console-units-phone")


def _report(officer: Officer) -> None:
    """An officer reports a message, and the console has a case."""
    message = officer.page.get_by_role("article").first
    message.get_by_role("time").tap()
    act = officer.word("conversation.report")
    officer.page.get_by_role("menuitem", name=act, exact=True).click()
    sheet = officer.page.get_by_role("dialog", name=officer.word("reports.sheet.title"))
    sheet.get_by_role("radio").nth(3).check()
    words = "Names a place that should not be named here."
    sheet.get_by_label(officer.word("reports.sheet.words"), exact=True).fill(words)
    sheet.get_by_role("button", name=officer.word("reports.sheet.send"), exact=True).click()
    officer.page.get_by_text(officer.word("reports.sheet.sent")).wait_for()


def _waiting(second: Officer, station: Station) -> None:
    """A phone waits to be confirmed, and an act of the second admin for the first one."""
    station.officer(cast.SHO, screen=PHONE).register_waiting()
    line = second.word("@rights.everybody", part=second.word("@rights.over.heads"))
    open_console(second, "rights/see_numbers")
    second.button("@rights.change").click()
    second.page.get_by_role("button", name=second.word("@rights.remove", line=line)).click()
    second.button("@rights.next").click()
    dialog = second.page.get_by_role("dialog")
    dialog.get_by_role("button", name=second.word("@rights.ask"), exact=True).click()
    second.page.get_by_text(second.word("@rights.asked")).wait_for()


def _grant(admin: Officer, person: databank.Officer, days: int) -> None:
    """Give a person the admin's rights over their own unit."""
    find(admin, person.name)
    pane = open_person(admin, person.name)
    pane.get_by_role("button", name=admin.word("devices.rights.give"), exact=True).click()
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_label(admin.word("devices.rights.days"), exact=True).select_option(str(days))
    dialog.get_by_role("button", name=admin.word("devices.rights.give"), exact=True).click()
    dialog.wait_for(state="hidden")


def choose_unit(officer: Officer, key: str, code: str) -> None:
    """Open the picker of a field of units and choose the one with this code."""
    officer.page.get_by_role("button", name=officer.word(key)).click()
    picker = officer.page.get_by_role("dialog", name=officer.word(key), exact=True)
    picker.get_by_role("searchbox").fill(code)
    picker.get_by_role("listitem").get_by_role("button").first.click()
    picker.wait_for(state="hidden")


def _home(officer: Officer, _: Path) -> None:
    open_console(officer)
    officer.page.get_by_text(officer.word("@home.waitingActs_one"), exact=True).wait_for()


def _charts(officer: Officer, folder: Path) -> None:
    _home(officer, folder)
    charts = officer.page.get_by_role("region", name=officer.word("@home.charts.title"))
    charts.locator("canvas").nth(3).wait_for()
    charts.evaluate("(element) => element.scrollIntoView()")


def _approvals(officer: Officer, _: Path) -> None:
    open_console(officer, "approvals")
    officer.button("@approvals.approve").wait_for()
    officer.page.get_by_role("region", name=officer.word("@approvals.phones")).wait_for()


def _people(officer: Officer, _: Path) -> None:
    find(officer, CHARMINAR)
    row(officer.page, CHARMINAR).first.click()
    pane = officer.page.get_by_role("complementary")
    pane.get_by_role("region", name=officer.word("@moves.history")).wait_for()
    pane.get_by_role("listitem").nth(1).wait_for()


def _moves(officer: Officer, _: Path) -> None:
    open_console(officer, "moves")
    codes = officer.page.get_by_label(officer.word("@moves.paste"), exact=True)
    codes.fill("TGP000009\nTGP000010")
    officer.button("@moves.find").click()
    choose_unit(officer, "@moves.unit", "TG-HYD-PS002")
    officer.page.get_by_label(officer.word("@moves.post"), exact=True).fill("Night patrol")
    officer.page.get_by_text(officer.word("@moves.joins")).first.wait_for()


def _import(officer: Officer, folder: Path) -> None:
    file = folder / "nominal roll, September.csv"
    header = "Emp No;Name of Officer;Mobile No.;Designation;Police Station"
    rows = (
        "TGP000009;Gundu Damodar;7000000008;Police Constable;Mir Chowk PS",
        "TGP000010;Jakkula Bhaskar;7000000009;Head Constable;Charminar PS",
        "TGP900001;Nandini Rao;9876512345;Constable;Charminar PS",
        "TGP900002;Sajid Hussain;98765;Constable;Charminar PS",
    )
    file.write_text("\r\n".join([header, *rows]), "utf-16")
    open_console(officer, "imports")
    with officer.page.expect_file_chooser() as chooser:
        officer.button("@imports.choose").click()
    chooser.value.set_files(file)
    officer.button("@imports.apply").wait_for()
    row(officer.page, "TGP900002").wait_for()


def _units(officer: Officer, _: Path) -> None:
    open_console(officer, "units/unit/" + STATION)
    officer.page.get_by_role("complementary", name=CHARMINAR).wait_for()


def _split(officer: Officer, _: Path) -> None:
    open_console(officer, f"units/split/{STATION}")
    people = officer.page.get_by_role("checkbox")
    people.nth(2).check()
    people.nth(3).check()
    names = officer.page.get_by_label(officer.word("@units.languages.en"), exact=True).last
    names.fill("Shah Ali Banda")


def _group(officer: Officer, _: Path) -> None:
    open_console(officer, "groups/new")
    names = officer.page.get_by_label(officer.word("@imports.columns.name_en"), exact=True)
    names.fill("Bonalu bandobast")
    choose_unit(officer, "@groups.addUnit", ZONE)
    below = officer.page.get_by_role("checkbox", name=officer.word("@groups.withBelow"))
    below.first.check()
    roles = officer.page.get_by_role("group").locator("details")
    roles = roles.filter(has=officer.page.get_by_text(officer.word("@groups.roles")))
    roles.locator("summary").first.click()
    for at in range(2):
        roles.get_by_role("checkbox").nth(at).check()
    count: Locator = officer.page.get_by_role("region", name=officer.word("@groups.now"))
    count.get_by_role("status").wait_for()


def _policy(officer: Officer, _: Path) -> None:
    open_console(officer, "groups/policy")
    officer.button("@policy.change").wait_for()


def _grants(officer: Officer, _: Path) -> None:
    open_console(officer, "grants")
    officer.page.get_by_role("row").nth(1).wait_for()


def _rights(officer: Officer, _: Path) -> None:
    open_console(officer, "rights")
    officer.page.get_by_text(officer.word("@rights.names.enrol"), exact=True).wait_for()


def _audit(officer: Officer, _: Path) -> None:
    open_console(officer, "audit")
    officer.page.get_by_role("row").nth(1).wait_for()
    officer.button("@audit.verify").click()
    officer.page.get_by_role("status").locator("bdi").wait_for()


def _reports(officer: Officer, _: Path) -> None:
    open_console(officer, "reports")
    officer.page.get_by_role("row").nth(1).click()
    proof = officer.page.get_by_role("region", name=officer.word("@reports.case.proof"))
    expect(proof.get_by_role("listitem").first).to_contain_text(officer.word("@reports.case.holds"))


def _training(officer: Officer, _: Path) -> None:
    open_console(officer, "training")
    row(officer.page, "%").first.wait_for()


PAGES: tuple[tuple[str, Callable[[Officer, Path], None]], ...] = (
    ("overview", _home),
    ("charts", _charts),
    ("approvals", _approvals),
    ("people", _people),
    ("transfers", _moves),
    ("import", _import),
    ("units", _units),
    ("split", _split),
    ("audience", _group),
    ("policy", _policy),
    ("grants", _grants),
    ("rights", _rights),
    ("reports", _reports),
    ("training", _training),
    ("audit", _audit),
)
