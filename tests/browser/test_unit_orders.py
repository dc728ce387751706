"""A head above issues an order to one station below, and then to each: stations acknowledge, and
their chats stay their own."""

import json
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.harness import databank
from tests.harness.browser import DESKTOP, Officer, Station
from tests.harness.server import ServerProcess, run_copconnect

POST = "Deputy Commissioner, East Zone"
ABIDS, AMBERPET, GOPALAPURAM = (
    f"{name} Police Station" for name in ("Abids", "Amberpet", "Gopalapuram")
)
TITLE, NEXT = "Naka at the clock tower", "Leave is cancelled for the weekend"
TEA = "Tea at four in the writers' room"
PEOPLE = 49  # At Abids: the head of the zone came from there.
ALL = PEOPLE + 2 * 50


def post_dcp(server: ServerProcess, folder: Path, person: databank.Officer) -> None:
    """Post somebody as the head of the zone, and let the department make each station's chat."""
    folder.mkdir()
    row = (person.code, person.name, person.number, "SI", POST, "HYD-EAST", "yes")
    header = ("code", "name_en", "number", "rank", "post_en", "unit", "head")
    (folder / "people.csv").write_text(f"{','.join(header)}\n{','.join(map(_quoted, row))}\n")
    run_copconnect(server.data, "directory", "import", str(folder))
    policy = folder / "groups.json"
    title = dict.fromkeys(("en", "te", "ur", "hi"), "{unit}")
    policy.write_text(json.dumps([{"code": "unit", "levels": ["station"], "title": title}]))
    run_copconnect(server.data, "conversations", "policy", "set", str(policy))


def _quoted(text: str) -> str:
    return f'"{text}"'


def compose(officer: Officer, title: str) -> Locator:
    """Begin an order and open the units below; return the sheet."""
    officer.page.goto("/#/orders/new")
    officer.secrets.text(title)
    officer.page.get_by_label(officer.word("orders.compose.title"), exact=True).fill(title)
    officer.button("orders.compose.chooseAudience").click()
    sheet = officer.page.get_by_role("dialog", name=officer.word("orders.compose.audience"))
    way = sheet.get_by_role("group", name=officer.word("orders.compose.units.ways"))
    way.get_by_role("button", name=officer.word("orders.compose.units.way.units")).click()
    return sheet


def send(officer: Officer, people: int) -> None:
    officer.button("orders.compose.send").click()
    look = officer.page.get_by_role("dialog", name=officer.word("orders.compose.look.title"))
    look.get_by_text(officer.word("orders.compose.people_other", number=people)).wait_for()
    officer.shot("last-look")
    look.get_by_role("button", name=officer.word("orders.compose.send"), exact=True).click()
    expect(look).to_have_count(0)


def acknowledge(officer: Officer, title: str) -> None:
    officer.page.goto("/#/orders")
    officer.page.get_by_role("link").filter(has_text=title).first.click()
    officer.button("orders.acknowledge").click()
    officer.page.get_by_text(officer.word("orders.row.acknowledged")).first.wait_for()


def test_a_dcp_addresses_stations_below(
    station: Station, app_server: ServerProcess, tmp_path: Path
) -> None:
    people = databank.officers()
    post_dcp(app_server, tmp_path / "posted", people[12])
    dcp = station.officer(12, screen=DESKTOP).register()
    here, there = (station.officer(at).register() for at in (6, 8))

    sheet = compose(dcp, TITLE)
    rows = sheet.get_by_role("checkbox")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text=ABIDS)).to_contain_text(
        dcp.word("orders.compose.units.people_other", number=PEOPLE)
    )
    dcp.shot("units-below")
    # By keyboard alone: to the list, down, and choose.
    sheet.get_by_role("searchbox").fill("abids")
    expect(rows).to_have_count(1)
    dcp.page.keyboard.press("ArrowDown")
    dcp.page.keyboard.press("Space")
    expect(rows).to_be_checked()
    sheet.get_by_role("button", name=dcp.word("orders.compose.units.take_one", number=1)).click()
    expect(sheet).to_have_count(0)
    dcp.page.get_by_text(dcp.word("orders.compose.units.apart")).wait_for()
    dcp.shot("one-station-chosen")
    send(dcp, PEOPLE)
    dcp.page.get_by_role("article").filter(has_text=TITLE).wait_for()

    # The station has it in its own chat, and nobody else has.
    acknowledge(here, TITLE)
    here.shot("acknowledged")
    here.to_chats()
    here.chat(here.word("chats.ordersOf", post=POST)).wait_for()
    here.shot("chats-of-the-station")
    here.open_chat(ABIDS)
    here.say(TEA)
    there.page.goto("/#/orders")
    there.heading("orders.title").wait_for()
    expect(there.page.get_by_text(TITLE)).to_have_count(0)
    # An officer who heads nothing above chooses nothing.
    there.page.goto("/#/orders/new")
    alert = there.page.get_by_role("alert")
    alert.filter(has_text=there.word("orders.compose.problem.noRight")).wait_for()
    there.button("orders.compose.chooseAudience").click()
    ways = there.page.get_by_role("group", name=there.word("orders.compose.units.ways"))
    expect(ways).to_have_count(0)
    there.page.keyboard.press("Escape")

    # The DCP reads the course of the order, and not the station's chat.
    dcp.to_chats()
    dcp.chat(dcp.word("chats.ordersTo", post=POST, unit=ABIDS)).wait_for()
    expect(dcp.chat(ABIDS)).to_have_count(0)
    expect(dcp.page.get_by_text(TEA)).to_have_count(0)
    dcp.shot("chats-of-the-dcp")

    # One order to each station: one row, whose courses add up.
    sheet = compose(dcp, NEXT)
    each = dcp.word("orders.compose.units.eachOf", level="Station", number=3)
    sheet.get_by_role("button", name=each).click()
    dcp.shot("each-station")
    sheet.get_by_role("button", name=dcp.word("orders.compose.units.take_other", number=3)).click()
    send(dcp, ALL)
    dcp.page.get_by_role("button", name=dcp.word("orders.box.issued")).click()
    row = dcp.page.get_by_role("link").filter(has_text=NEXT)
    expect(row).to_have_count(1)
    expect(row).to_contain_text(dcp.word("orders.together.to_other", number=3))
    row.click()
    acknowledge(there, NEXT)
    together = dcp.page.get_by_role(
        "region", name=dcp.word("orders.together.units_other", number=3)
    )
    together.get_by_text(dcp.word("orders.acknowledgedOf", number=1, owed=ALL)).wait_for()
    of_there = together.get_by_role("link").filter(has_text=AMBERPET)
    expect(of_there).to_contain_text(dcp.word("orders.acknowledgedOf", number=1, owed=50))
    of_other = together.get_by_role("link").filter(has_text=GOPALAPURAM)
    expect(of_other).to_contain_text(dcp.word("orders.acknowledgedOf", number=0, owed=50))
    dcp.shot("together")
    of_there.click()
    dcp.page.get_by_text(dcp.word("orders.acknowledgedOf", number=1, owed=50)).first.wait_for()

    # Withdrawn once, it is withdrawn everywhere.
    dcp.page.goto("/#/orders")
    dcp.page.get_by_role("button", name=dcp.word("orders.box.issued")).click()
    row.click()
    dcp.button("orders.page.withdraw").click()
    dcp.page.get_by_text(dcp.word("orders.together.change_other", number=3)).wait_for()
    dcp.page.get_by_role("dialog").get_by_role(
        "button", name=dcp.word("orders.withdraw.send"), exact=True
    ).click()
    for officer in (here, there):
        officer.page.goto("/#/orders")
        officer.button("orders.box.all").click()
        gone = officer.page.get_by_role("link").filter(has_text=NEXT)
        expect(gone).to_contain_text(officer.word("orders.row.withdrawn"))
