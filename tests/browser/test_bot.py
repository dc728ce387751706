"""A bot of examples/ in real conversations: officers ask in the app and read its answers there.

The bot is registered by its command, as an operator does; the data bank says by its rank that it is
a bot.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.harness import databank, groups, processes
from tests.harness.browser import ROOT, Officer, Station
from tests.harness.server import ServerProcess, run_copconnect

DESK = replace(
    databank.officers()[0],
    code="TG-BOT-1",
    name="Vehicle Desk",
    name_te="వాహన డెస్క్",
    number="+917000009999",
    rank="BOT",
    post="Vehicle queries, Charminar",
    unit="HYD-CHAR",
    head=False,
    roles="",
    enrolment_code="ENROLMENTBOT1",
)
TITLE = "Picket at Madina"
LINES = "plate,model,colour,registered,note\nTS09AB1234,Swift,white,Hyderabad,Stolen on Monday\n"


def add_to_data_bank(server: ServerProcess, folder: Path) -> None:
    """Import a rank for bots and one bot, as a department does."""
    folder.mkdir()
    ranks = (("BOT", "Bot"), *databank.RANKS)
    rows = [f"{code},{name}," for code, name in ranks]
    (folder / "ranks.csv").write_text("\n".join(["code,name_en,name_te", *rows]) + "\n")
    header = "code,name_en,name_te,number,rank,post_en,roles,unit,head,enrolment_code"
    post = f'"{DESK.post}"'
    fields = (DESK.code, DESK.name, DESK.name_te, DESK.number, DESK.rank, post, "", DESK.unit)
    line = ",".join((*fields, "no", DESK.enrolment_code))
    (folder / "people.csv").write_text(f"{header}\n{line}\n", encoding="utf-8")
    for file in ("ranks.csv", "people.csv"):
        run_copconnect(server.data, "directory", "import", str(folder / file))


@contextlib.contextmanager
def bot_process(
    log: Path, *arguments: str, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``copconnect-bot`` until the block ends."""
    with log.open("ab") as out:
        made = subprocess.Popen(
            [sys.executable, "-m", "copconnect.bot", *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **environment},
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
        )
    try:
        yield made
    finally:
        processes.end(made)
        if made.stdin is not None:
            made.stdin.close()


@pytest.fixture(scope="module")
def desk(
    app_server: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[databank.Officer]:
    """The vehicle desk, registered and running."""
    folder = tmp_path_factory.mktemp("desk")
    state, log = folder / "vehicles.bot", folder / "desk.log"
    add_to_data_bank(app_server, folder / "databank")
    (folder / "vehicles.csv").write_text(LINES)
    asked = ("--server", app_server.url, "--number", DESK.number, "--accept-conduct")
    with bot_process(log, "register", "--state", str(state), *asked) as registering:
        assert registering.stdin is not None
        registering.stdin.write(f"{app_server.code_for(DESK.number)}\n".encode())
        registering.stdin.close()
        assert registering.wait(60) == 0, log.read_text()
    files = {"VEHICLES": str(folder / "vehicles.csv"), "QUERIES": str(folder / "queries.jsonl")}
    program = ("run", "examples.vehicles.bot:bot", "--state", str(state))
    with bot_process(log, *program, **files) as running:
        yield DESK
        assert running.poll() is None, log.read_text()
    with bot_process(log, "status", "--state", str(state)) as saying:
        assert saying.wait(60) == 0, log.read_text()
    status = log.read_text()
    # The group had its name before the bot came: its key was shared with the bot (H3).
    for line in (
        "confirmed      yes",
        f"{TITLE} (3 members)",
        "without a key  0",
        "refused        0",
    ):
        assert line in status, status
    assert "ALARM" not in status


def test_an_officer_asks_and_reads_the_answer(other: Officer, desk: databank.Officer) -> None:
    officer = other
    officer.page.get_by_role("button", name=officer.word("chats.new"), exact=True).click()
    officer.page.get_by_role("searchbox").fill(desk.name)
    found = officer.page.get_by_role("button").filter(has_text=desk.name).first
    expect(found).to_contain_text("Bot")
    found.click()
    officer.composer.wait_for()
    officer.say("/vehicle ts 09 ab 1234")
    answer = "TS09AB1234: white Swift, Hyderabad."
    officer.message(answer).wait_for()
    officer.secrets.text(answer)
    officer.message("Stolen on Monday").wait_for()
    officer.sees_status("/vehicle ts 09 ab 1234", "read")
    officer.shot("answer")


def test_in_a_group_everybody_sees_the_bot_and_its_answer(
    station: Station, other: Officer, desk: databank.Officer
) -> None:
    asking, reading = other, station.officer(3).register()
    groups.create(asking, TITLE, [reading])
    groups.open_info(asking)
    asking.button("groups.addPeople").click()
    asking.page.get_by_role("searchbox").fill(desk.name)
    asking.page.get_by_role("checkbox", name=desk.name).check()
    asking.button("groups.add").click()
    member = asking.page.get_by_role("link").filter(has_text=desk.name)
    expect(member).to_contain_text("Bot · Vehicle queries")
    groups.close_info(asking)
    asking.say("/vehicle TS09AB1234")
    reading.open_chat(TITLE)
    reading.message("Stolen on Monday").wait_for()
    asking.message("Stolen on Monday").wait_for()
