"""New order is there for those who may issue; the guard and a last look come before many get it."""

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.harness.browser import Officer, Station
from tests.harness.server import ServerProcess, run_copconnect

GREETING = "Happy Diwali to all"
DUTY = "Picket at Abids from six"


def new_order(officer: Officer) -> None:
    officer.page.goto("/#/orders")
    boxes = officer.page.get_by_role("group", name=officer.word("orders.boxes"), exact=True)
    boxes.get_by_role("button", name=officer.word("orders.box.issued")).click()
    officer.page.get_by_text(officer.word("orders.empty.issued.title"), exact=True).wait_for()


def test_an_order_to_a_station(station: Station, app_server: ServerProcess, tmp_path: Path) -> None:
    policy = tmp_path / "groups.json"
    title = dict.fromkeys(("en", "te", "ur", "hi"), "{unit}")
    policy.write_text(json.dumps([{"code": "unit", "levels": ["station"], "title": title}]))
    run_copconnect(app_server.data, "conversations", "policy", "set", str(policy))
    head, constable = station.officer(0).register(), station.officer(6).register()

    # A constable is told why there is nothing to begin; the address shows the same.
    new_order(constable)
    constable.page.get_by_text(constable.word("orders.empty.issued.noRight")).wait_for()
    expect(constable.page.get_by_role("button", name=constable.word("orders.new"))).to_have_count(0)
    constable.page.goto("/#/orders/new")
    problem = constable.page.get_by_role("alert")
    expect(
        problem.filter(has_text=constable.word("orders.compose.problem.noRight"))
    ).to_be_visible()

    new_order(head)
    head.button("orders.new").first.click()
    head.button("orders.compose.chooseAudience").click()
    audience = head.page.get_by_role("dialog", name=head.word("orders.compose.audience"))
    audience.get_by_role("button").filter(has_text="Abids Police Station").click()
    field = head.page.get_by_label(head.word("orders.compose.title"), exact=True)
    head.secrets.text(GREETING, DUTY)
    field.fill(GREETING)
    head.button("orders.compose.send").click()
    head.heading("guard.looks.festival").wait_for()
    head.button("guard.edit").click()

    # Closed with the keyboard, nothing went out; looked at, it does.
    field.fill(DUTY)
    look = head.page.get_by_role("dialog", name=head.word("orders.compose.look.title"))
    head.button("orders.compose.send").click()
    look.get_by_text(head.word("orders.compose.people_other", number=49)).wait_for()
    look.get_by_text(head.word("orders.compose.look.registered_one", number=1)).wait_for()
    head.shot("last-look")
    head.page.keyboard.press("Escape")
    expect(look).to_have_count(0)
    head.button("orders.compose.send").click()
    look.get_by_role("button", name=head.word("orders.compose.send"), exact=True).click()
    constable.page.goto("/#/orders")
    constable.page.get_by_role("link").filter(has_text=DUTY).first.wait_for()
    expect(constable.page.get_by_role("link").filter(has_text=GREETING)).to_have_count(0)
