"""Imports of the data bank, on SQLite and PostgreSQL."""

from typing import Any

import pytest
from sqlalchemy import select

from copconnect.audit import Audit
from copconnect.bus import LocalBus
from copconnect.database.engine import Database
from copconnect.directory import databank, editing, store
from copconnect.directory.editing import DirectoryEditor, NumberInUse
from copconnect.directory.finding import words as finding
from copconnect.directory.rules import person_id
from copconnect.ids import PersonId
from copconnect.wakeup_log import BusAndLog, WakeupLog
from demo import synthetic
from tests.harness.operator import OPERATOR
from tests.identity.running import MovedClock

pytestmark = pytest.mark.databases("sqlite")

HEADER = "code,name_en,number,rank,post_en,unit,status,enrolment_code\n"
BASE = {
    "levels": b"code,name_en,name_te\nstate,State,\nstation,Station,\n",
    "ranks": b"code,name_en,name_te\nPC,Constable,\nSI,Sub-Inspector,\n",
    "roles": b"code,name_en,name_te\n",
    "units": b"code,parent,level,name_en,name_te\nTG,,state,T,\nA,TG,station,A,\nB,TG,station,B,\n",
}
ROWS = {
    "1": "1,Ravi,7000000001,PC,C,A,,",
    "2": "2,Swapna,7000000002,PC,C,A,,ENROLCODE-22",
    "3": "3,Imran,7000000003,SI,C,B,,",
}


def bank(rows: dict[str, str], **files: bytes) -> databank.DataBank:
    content = (HEADER + "".join(f"{row}\n" for row in rows.values())).encode()
    return databank.read(BASE | {"people": content} | files)


class Recorded:
    """Plays the Authentication Service."""

    def __init__(self) -> None:
        self.lost: list[dict[PersonId, str]] = []
        self.codes: dict[PersonId, str] = {}

    async def people_lost(self, _: Any, lost: Any) -> None:
        self.lost.append(dict(lost))

    async def store_enrolment_codes(self, _: Any, __: Any, codes: dict[PersonId, str]) -> None:
        self.codes |= codes


@pytest.fixture
def accounts() -> Recorded:
    return Recorded()


@pytest.fixture
def editor(database: Database, accounts: Recorded) -> DirectoryEditor:
    clock = MovedClock()
    log = WakeupLog(database, clock, has_bus=False)
    database.announce_through(BusAndLog(LocalBus(), log))
    return DirectoryEditor(database, clock, accounts, Audit(database, clock))


async def statuses(database: Database) -> dict[str, tuple[str, str]]:
    async with database.reading() as connection:
        rows = await connection.execute(store.posted())
        return {row.code: (row.status, row.unit_id) for row in rows}


def counts(summary: dict[str, int]) -> dict[str, int]:
    """Return what happened to people."""
    return {what: count for what, count in summary.items() if count and what != "posts"}


async def test_the_second_import_of_a_file_changes_nothing(
    database: Database, editor: DirectoryEditor, accounts: Recorded
) -> None:
    assert counts((await editor.import_bank(OPERATOR, bank(ROWS))).summary()) == {"added": 3}
    assert accounts.codes == {person_id("2"): "ENROLCODE-22"}
    async with database.reading() as connection:
        version = await store.directory_version(connection)
    assert counts((await editor.import_bank(OPERATOR, bank(ROWS))).summary()) == {"unchanged": 3}
    async with database.reading() as connection:
        assert await store.directory_version(connection) == version
    assert accounts.lost == []


async def test_moves_suspensions_and_removals(
    database: Database, editor: DirectoryEditor, accounts: Recorded
) -> None:
    await editor.import_bank(OPERATOR, bank(ROWS))
    new = {
        "1": "1,Ravi,7000000001,SI,C,B,,",
        "2": "2,Swapna,7000000002,PC,C,A,suspended,",
        "4": "4,Kumram,7000000004,PC,C,A,,",
    }
    expected = {"added": 1, "changed": 2, "moved": 1, "suspended": 1}
    dry = await editor.import_bank(OPERATOR, bank(new), dry_run=True)
    assert counts(dry.summary()) == expected
    assert len(await statuses(database)) == 3
    assert counts((await editor.import_bank(OPERATOR, bank(new))).summary()) == expected
    assert accounts.lost == [{person_id("2"): "suspended"}]
    # A missing person stays, until asked for; a suspended one stays so without a word.
    silent = new | {"2": "2,Swapna,7000000002,PC,C,A,,"}
    assert counts((await editor.import_bank(OPERATOR, bank(silent))).summary()) == {"unchanged": 3}
    removing = await editor.import_bank(OPERATOR, bank(silent), remove_missing=True)
    assert counts(removing.summary()) == {"removed": 1, "unchanged": 3}
    assert accounts.lost[1:] == [{person_id("3"): "removed"}]
    assert await statuses(database) == {
        "1": ("active", "B"),
        "2": ("suspended", "A"),
        "3": ("removed", "B"),
        "4": ("active", "A"),
    }
    again = silent | {"2": "2,Swapna,7000000002,PC,C,A,active,", "3": ROWS["3"]}
    assert (await editor.import_bank(OPERATOR, bank(again))).summary()["restored"] == 2


@pytest.mark.databases("sqlite", "postgresql")
async def test_everybody_is_found_after_the_words_of_all_were_indexed_anew(
    database: Database, editor: DirectoryEditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found(*texts: str) -> list[str]:
        names: list[str] = []
        async with database.reading() as connection:
            for text in texts:
                search = finding.search(text)
                assert search is not None
                which = store.WORDS.has(connection.dialect.name, search.spelled)
                rows = await connection.scalars(
                    select(store.people.c.name_en)
                    .join(store.search, store.search.c.person_id == store.people.c.person_id)
                    .where(which)
                )
                names += rows
        return names

    monkeypatch.setattr(editing, "INDEXED_ANEW", 1)
    await editor.import_bank(OPERATOR, bank(ROWS))
    await editor.import_bank(OPERATOR, bank(ROWS | {"1": "1,Kiran,7000000001,PC,C,A,,"}))
    assert await found("Kiran", "Swapna", "Imran", "Ravi") == ["Kiran", "Swapna", "Imran"]
    # From then on each row is indexed separately again.
    monkeypatch.undo()
    await editor.import_bank(OPERATOR, bank(ROWS | {"3": "3,Joseph,7000000003,SI,C,B,,"}))
    assert await found("Ravi", "Joseph", "Kiran", "Imran") == ["Ravi", "Joseph"]
    # An import that fails leaves the index as it was.
    monkeypatch.setattr(editing, "INDEXED_ANEW", 1)

    def fail(*_: Any) -> None:
        raise RuntimeError

    renamed = bank(ROWS | {"1": "1,Other,7000000001,PC,C,A,,"})
    with pytest.raises(RuntimeError):
        await editor.import_bank(OPERATOR, renamed, progress=fail)
    monkeypatch.undo()
    await editor.import_bank(OPERATOR, bank(ROWS | {"1": "1,Kiran,7000000001,PC,C,A,,"}))
    assert await found("Kiran", "Joseph", "Other", "Ravi", "Imran") == ["Kiran", "Imran"]


async def test_numbers_may_change_hands_within_a_file_but_not_outside_it(
    database: Database, editor: DirectoryEditor
) -> None:
    await editor.import_bank(OPERATOR, bank(ROWS))
    swapped = {
        "1": "1,Ravi,7000000002,PC,C,A,,",
        "2": "2,Swapna,7000000001,PC,C,A,,",
        "3": ROWS["3"],
    }
    assert (await editor.import_bank(OPERATOR, bank(swapped))).summary()["changed"] == 2
    taking = {"5": "5,New,7000000003,PC,C,A,,"}
    with pytest.raises(NumberInUse) as refused:
        await editor.import_bank(OPERATOR, bank(taking))
    assert refused.value.clashes == [("5", "+917000000003")]
    assert "5" not in await statuses(database)
    await editor.import_bank(OPERATOR, bank(taking), remove_missing=True)
    assert (await statuses(database))["3"] == ("removed", "B")


async def test_a_unit_stays_while_somebody_is_in_it(
    database: Database, editor: DirectoryEditor
) -> None:
    await editor.import_bank(OPERATOR, bank(ROWS))
    only_a = b"code,parent,level,name_en,name_te\nTG,,state,T,\nA,TG,station,A,\n"
    fewer = {"1": ROWS["1"], "2": ROWS["2"]}
    await editor.import_bank(OPERATOR, bank(fewer, units=only_a))

    async def units() -> set[str]:
        async with database.reading() as connection:
            return set(await connection.scalars(store.units.select()))

    assert await units() == {"TG", "A", "B"}
    await editor.import_bank(OPERATOR, bank(fewer, units=only_a), remove_missing=True)
    await editor.import_bank(OPERATOR, bank(fewer, units=only_a), remove_missing=True)
    assert await units() == {"TG", "A"}


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_failed_import_leaves_nothing(
    database: Database, editor: DirectoryEditor, accounts: Recorded
) -> None:
    await editor.import_bank(OPERATOR, bank(ROWS))

    async def fail(*_: Any) -> None:
        raise OSError("no space")

    accounts.store_enrolment_codes = fail  # type: ignore[assignment]
    before = await statuses(database)
    with pytest.raises(OSError, match="no space"):
        await editor.import_bank(
            OPERATOR, bank({"9": "9,New,7000000009,PC,C,A,,"}), remove_missing=True
        )
    assert await statuses(database) == before


async def test_statements_do_not_grow_with_people(
    database: Database, editor: DirectoryEditor
) -> None:
    """Rows go in batches of a thousand: a tenth of the people costs about the same."""

    async def cost(people: int) -> int:
        content = databank.read(synthetic.write(people, people))
        before = database.statements
        await editor.import_bank(OPERATOR, content)
        return database.statements - before

    small = await cost(100)
    large = await cost(2000)
    assert large <= small + 6
