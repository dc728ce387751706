"""``python -m demo`` as people start it, and what it prepares."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from rich.console import Console

from copconnect import wire
from copconnect.app import Container
from copconnect.commands.options import with_roles
from copconnect.delivery.store import audiences, conversations
from copconnect.settings import Settings
from demo import synthetic
from demo.run import (
    STANDING,
    commander,
    invited,
    letters,
    prepare,
    sign_in_table,
    simulated,
    station_of,
)
from tests.harness import processes
from tests.harness.waiting import PATIENCE_S, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int, Path]]:
    """A demo with a stand-in for the simulated officers, which notes how it was called."""
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "officers.mjs").write_text(
        "import fs from 'node:fs';"
        "fs.writeFileSync('called.json', JSON.stringify({pid: process.pid, "
        "args: process.argv.slice(2)})); setInterval(() => {}, 1000);"
    )
    port = processes.free_port()
    log = tmp_path / "demo.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "demo", "--port", str(port)),
                *("--people", "40", "--data", "demo-data"),
            ],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
            stdout=output,
            stderr=output,
        )
    try:
        processes.wait_until(lambda: processes.accepts(port), process, log, PATIENCE_S)
        yield process, port, tmp_path
    finally:
        process.kill()
        process.wait()


def test_the_demo(started: tuple[subprocess.Popen[bytes], int, Path]) -> None:
    process, port, folder = started
    called = folder / "called.json"
    until(lambda: called.exists() and called.read_text(), "starting the officers")
    officers = json.loads(called.read_text())
    assert officers["args"][:2] == ["--server", f"http://localhost:{port}"]
    numbers = officers["args"][3].split(",")
    assert len(set(numbers)) == 6
    assert httpx.get(f"http://localhost:{port}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"http://localhost:{port}/demo/outbox").status_code == 200
    shown = (folder / "demo.log").read_text("utf-8")
    for text in ("70000 00004", "SHO, Charminar PS", "Blue Colts", "/demo/outbox", f":{port}"):
        assert text in shown
    invited = {f"+91{number}" for number in ("7000000004", "7000000008")}
    assert not invited & set(numbers)
    assert len((folder / "demo-data" / "databank" / "people.csv").read_bytes().splitlines()) == 41
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE_S)
    with pytest.raises(ProcessLookupError):
        os.kill(officers["pid"], 0)


def test_ctrl_c_ends_the_demo_as_it_should_end(
    started: tuple[subprocess.Popen[bytes], int, Path],
) -> None:
    process, _, folder = started
    until(lambda: "Ctrl+C" in (folder / "demo.log").read_text("utf-8"), "the greeting")
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0
    assert "Traceback" not in (folder / "demo.log").read_text("utf-8")


def test_telugu_moves_nothing_in_the_table_of_whom_to_sign_in_as(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "demo")
    prepare(settings, synthetic.SMALLEST, 1)
    people = invited(with_roles(settings, station_of))
    for codes in ({}, {person.number: "ABCD-EFGH-JKLM" for person in people}):
        shown = Console(file=io.StringIO(), width=120)
        shown.print(sign_in_table(people, codes))
        assert isinstance(shown.file, io.StringIO)
        lines = shown.file.getvalue().splitlines()
        places = set()
        for person in people:
            (line,) = [line for line in lines if person.names.en in line]
            before, _, after = line.partition(person.names.en)
            assert before.isascii()
            assert after.strip() == f"({person.names.te})"
            places.add(len(before))
            assert not codes or codes[person.number] in before
        assert len(places) == 1


def test_a_demo_with_enrolment_codes_has_new_ones_at_each_start(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "demo")
    prepare(settings, synthetic.SMALLEST, 1)
    station = with_roles(settings, station_of)
    assert with_roles(settings, lambda container: letters(container, station)) == {}
    asking = msgspec.structs.replace(settings, second_factor="enrolment_code")
    first, second = (
        with_roles(asking, lambda container: letters(container, station)) for _ in range(2)
    )
    assert first.keys() == second.keys() == {person.number for person in station}
    assert not set(first.values()) & set(second.values())


def test_the_demo_uses_its_folder_again(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "demo")
    prepare(settings, synthetic.SMALLEST, 1)
    people = tmp_path / "demo" / "databank" / "people.csv"
    before = (people.stat().st_mtime_ns, (tmp_path / "demo" / "keys" / "root.pem").read_bytes())
    prepare(settings, synthetic.SMALLEST, 1)
    root = (tmp_path / "demo" / "keys" / "root.pem").read_bytes()
    assert (people.stat().st_mtime_ns, root) == before
    prepare(settings, synthetic.SMALLEST + 5, 1)
    assert people.stat().st_mtime_ns != before[0]
    assert (tmp_path / "demo" / "keys" / "root.pem").read_bytes() == root


def test_a_demo_has_the_conversations_of_the_force_and_of_a_commissionerate_once(
    tmp_path: Path,
) -> None:
    settings = Settings(data_dir=tmp_path / "demo")

    async def look(container: Container) -> dict[str, tuple[str, wire.Audience, int]]:
        """Return id, audience and people of each conversation, by kind."""
        async with container.database.reading() as connection:
            rules = await audiences.all_rules(connection)
            found = await conversations.read(connection, list(rules))
        return {
            one.kind: (one.conversation_id, rules[one.conversation_id], one.members)
            for one in found
        }

    wanted = {"announcement": STANDING[0][0], "unit": STANDING[1][0]}
    made = []
    for people in (60, 60, 70):
        prepare(settings, people, 1)
        station = with_roles(settings, station_of)
        assert commander(station) not in {one.number for one in invited(station)}
        assert commander(station) not in simulated(station)
        found = with_roles(settings, look)
        assert {kind: rule for kind, (_, rule, _) in found.items()} == wanted
        made.append({conversation_id for conversation_id, _, _ in found.values()})
    assert made[0] == made[1] == made[2]
    assert len(made[0]) == len(STANDING)
    _, _, members = with_roles(settings, look)["announcement"]
    assert members == 60  # The running server adds people who came since.
