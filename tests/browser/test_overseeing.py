"""An issuer follows an order, cannot mark whom others oversee, and exports it; the file is verified
without the server."""

import json
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.harness import groups
from tests.harness.browser import Officer, Station
from tests.harness.commanding import let_issue
from tests.harness.server import ServerProcess, run_copconnect

TITLE = "Bandobast at the clock tower"
TEXT = "Two constables from each station at 18:00."
SECONDS = 30_000  # A loaded machine may take so long; a quiet one takes two seconds.


def issue(issuer: Officer, people: list[Officer]) -> None:
    groups.create(issuer, "Bandobast desk", people)
    conversation_id = issuer.page.url.rsplit("/", 1)[-1]
    issuer.secrets.text(TITLE, TEXT)
    issuer.page.goto(f"/#/orders/new/to/{conversation_id}")
    issuer.page.get_by_label(issuer.word("orders.compose.title"), exact=True).fill(TITLE)
    issuer.page.get_by_label(issuer.word("orders.compose.text"), exact=True).fill(TEXT)
    issuer.button("orders.compose.send").click()
    issuer.page.get_by_text(TITLE).first.wait_for(timeout=SECONDS)


def open_order(officer: Officer) -> None:
    officer.page.goto("/#/orders")
    officer.page.get_by_role("link").filter(has_text=TITLE).first.click(timeout=SECONDS)


def test_an_order_is_followed_and_exported(
    station: Station, app_server: ServerProcess, tmp_path: Path
) -> None:
    issuer, quick, slow = (station.officer(at).register() for at in (0, 6, 7))
    let_issue(app_server, tmp_path, [issuer.person])
    issue(issuer, [quick, slow])
    issuer.page.goto("/#/orders")
    issuer.page.get_by_role("button", name=issuer.word("orders.box.issued")).click()
    issuer.page.get_by_role("link").filter(has_text=TITLE).first.click(timeout=SECONDS)
    issuer.button("orders.page.progress").click()
    none = issuer.word("orders.acknowledgedOf", number=0, owed=2)
    issuer.page.get_by_text(none).first.wait_for(timeout=SECONDS)

    # Followed live: nobody touches the issuer's screen while another acknowledges.
    open_order(quick)
    quick.button("orders.acknowledge").click()
    one = issuer.word("orders.acknowledgedOf", number=1, owed=2)
    issuer.page.get_by_text(one).first.wait_for(timeout=SECONDS)
    issuer.shot("who-has-it")

    issuer.page.get_by_role("button", name=issuer.word("oversee.tab.people")).click()
    open_row = issuer.page.get_by_role("link").filter(has_text=slow.person.name)
    open_row.wait_for(timeout=SECONDS)
    expect(issuer.page.get_by_role("link").filter(has_text=quick.person.name)).to_contain_text(
        issuer.word("oversee.state.acknowledged").split()[0]
    )
    issuer.button("oversee.tell").click()
    issuer.page.get_by_role("checkbox").filter(has_text=slow.person.name).click()
    issuer.button("oversee.tellChosen_one", number=1).click()
    issuer.button("oversee.tellConfirm").click()
    refused = issuer.page.get_by_text(issuer.word("oversee.outcome.not_allowed"))
    refused.wait_for(timeout=SECONDS)
    issuer.shot("told-nobody")
    issuer.page.get_by_role("dialog").get_by_role("button", name=issuer.word("app.close")).click()

    issuer.button("oversee.export.title").click()
    issuer.button("oversee.export.csv").click()
    issuer.page.get_by_text(issuer.word("oversee.export.verified_one", number=1)).wait_for(
        timeout=SECONDS
    )
    issuer.shot("exported")
    with issuer.page.expect_download() as download:
        issuer.button("oversee.export.save").click()
    file = tmp_path / "order.csv"
    download.value.save_as(file)
    shown = issuer.page.get_by_text(re.compile("^[0-9a-f]{64}$")).inner_text()
    said = run_copconnect(app_server.data, "orders", "verify", str(file))
    found = json.loads(said.splitlines()[-1])
    assert (found["signatures_verified"], found["without_record"], found["refused"]) == (1, 1, 0)
    assert found["file_sha256"] == shown

    issuer.button("oversee.export.certificate").click()
    expect(issuer.page.get_by_text("Part A", exact=True)).to_be_visible()
    expect(issuer.page.get_by_text(shown)).to_be_visible()
    expect(issuer.page.get_by_text(issuer.person.name).first).to_be_visible()
    issuer.shot("part-a")
    issuer.button("oversee.print.close").click()
    expect(issuer.page.get_by_text("Part A", exact=True)).to_have_count(0)
