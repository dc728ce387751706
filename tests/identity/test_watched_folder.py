"""A folder whose files are imported: each ends in one place, and a refusal says why."""

from pathlib import Path

import pytest

from copconnect.database.engine import Database
from copconnect.directory.files import reading
from copconnect.directory.imports import import_store
from copconnect.directory.imports.importer import TURN_MS
from copconnect.directory.imports.watching import FORGOTTEN_S, FolderWatch
from tests.identity.import_world import HEADER, ORGANISATION, PEOPLE, World

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "hrms"
    path.mkdir()
    return path


def watch(world: World, folder: Path, **options: bool) -> FolderWatch:
    return FolderWatch(world.importer, world.clock, folder, settled_s=0.0, **options)


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(path.name.partition(" ")[2] for path in folder.iterdir())


async def test_files_are_imported_in_the_order_of_their_tables(world: World, folder: Path) -> None:
    for name, text in {**ORGANISATION, "people": HEADER + "\n".join(PEOPLE)}.items():
        put(folder, f"{name}.csv", text)
    put(folder, "notes.md", "not a table")
    put(folder, ".hidden.csv", "x")
    (folder / "link.csv").symlink_to("/etc/passwd")
    ends = await watch(world, folder).look()
    assert [(end.name, end.end) for end in ends] == [
        (f"{name}.csv", "imported") for name in ("levels", "ranks", "roles", "units", "people")
    ]
    assert len((await world.rows())["people"]) == 4
    assert names(folder / "imported") == sorted(end.name for end in ends)
    assert files_in(folder) == {"notes.md", ".hidden.csv", "link.csv"}
    assert await watch(world, folder).look() == []


async def test_a_file_that_is_still_written_waits(world: World, folder: Path) -> None:
    put(folder, "levels.csv", ORGANISATION["levels"])
    assert await FolderWatch(world.importer, world.clock, folder).look() == []
    assert (folder / "levels.csv").exists()


async def test_a_refused_file_has_a_report_beside_it(world: World, folder: Path) -> None:
    for name, text in {**ORGANISATION, "people": HEADER + "\n".join(PEOPLE)}.items():
        put(folder, f"{name}.csv", text)
    await watch(world, folder).look()
    put(folder, "roll.csv", "Emp No,Mobile No\n1,12\n")
    put(folder, "broken.xlsx", "PK\x03\x04")
    put(folder, "unsure.csv", "Emp No,Whatever\n1,7000000042\n")
    ends = {end.name: end for end in await watch(world, folder).look()}
    assert {end.end for end in ends.values()} == {"refused"}
    assert "damaged" in ends["broken.xlsx"].why
    assert "number = Whatever" in ends["unsure.csv"].why
    (report,) = (folder / "refused").glob("*roll.csv.report.xlsx")
    sheet = reading.read(report.name, report.read_bytes()).sheets[0]
    assert sheet.rows[0].cells[:2] == ["1", "12"]
    assert report.stat().st_mode & 0o077 == 0
    (why,) = (folder / "refused").glob("*unsure.csv.why.txt")
    assert "by hand" in why.read_text("utf-8")


async def test_people_who_are_missing_leave_where_that_is_wanted_and_never_many(
    world: World, folder: Path
) -> None:
    many = [f"{n},P,,70000001{n:02d},PC,P,,A,no,active" for n in range(10, 40)]
    for name, text in {**ORGANISATION, "people": HEADER + "\n".join(many)}.items():
        put(folder, f"{name}.csv", text)
    removing = watch(world, folder, remove_missing=True)
    await removing.look()
    put(folder, "people.csv", HEADER + "\n".join(many[:-2]))
    assert [end.end for end in await removing.look()] == ["imported"]
    assert len((await world.rows())["people"]) == 28
    put(folder, "people.csv", HEADER + "\n".join(many[:10]))
    (end,) = await removing.look()
    # The two of before count too: acts of one day count together.
    assert (end.end, "20 of 28" in end.why) == ("refused", True)
    assert len((await world.rows())["people"]) == 28


async def test_a_file_waits_for_another_import_and_comes_back_after_a_crash(
    world: World, database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "levels.csv", ORGANISATION["levels"])
    async with database.transaction() as connection:
        until = world.clock.ms + TURN_MS
        dialect = database.engine.dialect.name
        await import_store.acquire_turn(connection, dialect, "operator x", world.clock.ms, until)
    assert [end.end for end in await watch(world, folder).look()] == ["waits"]
    assert (folder / "levels.csv").exists()
    world.clock.ms += TURN_MS

    async def away(*_: object, **__: object) -> None:
        raise OSError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(world.importer, "apply", away)
        with pytest.raises(OSError, match="away"):
            await watch(world, folder).look()
    assert (folder / "levels.csv").exists()
    # A node that was killed leaves its file in ``working``.
    (folder / "levels.csv").rename(folder / "working" / "levels.csv")
    assert await watch(world, folder).look() == []
    later = (folder / "working" / "levels.csv").stat().st_ctime + FORGOTTEN_S + 1
    monkeypatch.setattr("copconnect.directory.imports.watching.time.time", lambda: later)
    assert [end.end for end in await watch(world, folder).look()] == ["imported"]
    assert files_in(folder / "working") == set()
