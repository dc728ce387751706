"""``python -m demo`` as people start it, and what it prepares."""

import io
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from rich.console import Console

from copconnect import wire
from copconnect.app import Container
from copconnect.commands.options import operator, with_roles
from copconnect.delivery.store import members
from copconnect.directory import names
from copconnect.directory.imports.importer import ImportOptions
from copconnect.services.forking import Forked
from copconnect.settings import Settings
from demo import synthetic
from demo.run import (
    commander,
    invited,
    letters,
    prepare,
    sign_in_table,
    simulated,
    station_of,
)
from tests.harness import forking, processes
from tests.harness.waiting import PATIENCE_S, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[Forked, int, Path]]:
    """A demo with a stand-in for the simulated officers, which notes how it was called."""
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "officers.mjs").write_text(
        "import fs from 'node:fs';"
        "fs.writeFileSync('called.json', JSON.stringify({pid: process.pid, "
        "args: process.argv.slice(2)})); setInterval(() => {}, 1000);"
    )
    port = processes.free_port()
    log = tmp_path / "demo.log"
    arguments = ["--port", str(port), "--people", "40", "--data", "demo-data"]
    given = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    with log.open("wb") as output:
        process = forking.start("demo", arguments, given, output, output, folder=tmp_path)
    try:
        processes.wait_until(lambda: processes.accepts(port), process, log, PATIENCE_S)
        yield process, port, tmp_path
    finally:
        process.kill()
        process.wait()


def test_the_demo(started: tuple[Forked, int, Path]) -> None:
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
    started: tuple[Forked, int, Path],
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


def _groups_of(settings: Settings, number: str) -> dict[str, wire.Names]:
    """Return the standing groups of a person by key, with their names."""

    async def look(container: Container) -> dict[str, wire.Names]:
        followed = await container.delivery.audiences.groups()
        async with container.database.reading() as connection:
            person = await container.directory.active_by_number(connection, number)
            assert person is not None
            places = await members.places_of(connection, [person])
        found = [followed[c].standing for c, _ in places if c in followed]
        return {one.key: one.title for one in found if one is not None and one.key is not None}

    return with_roles(settings, look)


def test_the_groups_of_the_brief(tmp_path: Path) -> None:
    """Groups at State, District or Commissionerate, zonal, sub-divisional and station levels, and
    of patrol officers, reception officers, SHOs, CIs, SDPOs, DCPs, SPs and CPs, in four
    languages."""
    settings = Settings(data_dir=tmp_path / "demo")
    prepare(settings, 2_000, 1)
    station = with_roles(settings, station_of)
    assert commander(station) not in {one.number for one in invited(station)}
    assert commander(station) not in simulated(station)
    sho = next(one for one in station if "sho" in one.roles)
    own = _groups_of(settings, sho.number)
    assert {key: title.en for key, title in own.items()} == {
        "unit:TG-HYD-PS001": "Charminar PS",
        "unit:TG-HYD-Z1-D1": "Charminar Division",
        "unit:TG-HYD-Z1": "Charminar Zone",
        "district:TG-HYD": "Hyderabad Commissionerate",
        "zone:TG-Z-CHM": "Charminar Police Zone",
        "zone:TG-MZ2": "Multi-zone II",
        "state:TG": "Telangana",
        "sho:TG-HYD": "All SHOs, Hyderabad Commissionerate",
        "sho:TG": "All SHOs, Telangana",
    }
    assert all("" not in names.spellings(title) for title in own.values())
    # Two groups in one list tell apart in every language.
    for language in wire.LANGUAGES:
        assert len({getattr(title, language) for title in own.values()}) == len(own)

    async def keys(container: Container) -> set[str]:
        followed = (await container.delivery.audiences.groups()).values()
        return {one.standing.key or "" for one in followed if one.standing is not None}

    made = with_roles(settings, keys)
    roles = ("patrol", "reception", "sho", "ci", "sdpo", "dcp", "sp-cp")
    assert {f"{role}:TG" for role in roles} <= made
    assert {f"{role}:TG-HYD" for role in ("patrol", "reception", "sho", "sdpo", "dcp")} <= made
    districts = {key.removeprefix("district:") for key in made if key.startswith("district:")}
    assert {f"ci:{one}" for one in districts} & made
    assert {f"sho:{one}" for one in districts} <= made
    before = set(made)
    prepare(settings, 2_000, 1)
    assert with_roles(settings, keys) == before


def test_somebody_who_was_added_to_the_data_bank_plays_nobody(tmp_path: Path) -> None:
    """A bot has a number of its operator's: a simulated officer never registers with it."""
    settings = Settings(data_dir=tmp_path / "demo")
    prepare(settings, synthetic.SMALLEST, 1)
    before = with_roles(settings, station_of)
    senior = before[0]
    added = (
        "code,name_en,number,rank,post_en,unit\n"
        f"BOT-1,A bot,+917000099901,{senior.rank},Queries,{synthetic.SHOWN_STATION}\n"
    )

    async def load(container: Container) -> None:
        await container.importer.apply(
            operator(), [("people.csv", added.encode())], ImportOptions()
        )
        posted = await container.directory.people(None, unit=synthetic.SHOWN_STATION)
        assert "+917000099901" in [one.number for one in posted.people[:2]]

    with_roles(settings, load)
    assert with_roles(settings, station_of) == before
