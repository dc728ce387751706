"""No statement of a request reads a whole table: SQLite, which knows no statistics, finds
everything by an index. Statements that clean or compare in the background may scan."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from copconnect import wire
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.store import leaves
from copconnect.delivery.store.tables import CELL_KEY_ASKS
from copconnect.ids import CellId, ConversationId, DeviceId, Epoch, PersonId
from copconnect.records.primitives.kem import X25519
from tests.contract.delivery_world import World
from tests.contract.device import Talk
from tests.contract.test_cell_keys import Crowd

# Few rows, whatever the force: conversations that follow the data bank, changes that wait.
SMALL = {"audiences", "roster_pending", "roster_rounds"}
SCAN = re.compile(r"SCAN (\w+)(?! USING)")


class Plans:
    """Statements with their parameters, in the order in which they were executed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[str, Any] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note what a block executes."""
        for engine in self._database.sync_engines:
            event.listen(engine, "before_cursor_execute", self._note)
        yield
        for engine in self._database.sync_engines:
            event.remove(engine, "before_cursor_execute", self._note)

    def _note(self, _c: Any, _k: Any, statement: str, parameters: Any, *more: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            many = bool(more[1])
            self._seen[statement] = parameters[0] if many else parameters

    async def steps(self) -> dict[str, list[str]]:
        """Return how SQLite executes each statement."""
        found: dict[str, list[str]] = {}
        async with self._database.reading() as connection:
            for statement, parameters in self._seen.items():
                rows = await connection.exec_driver_sql(
                    f"EXPLAIN QUERY PLAN {statement}", parameters
                )
                found[statement] = [str(row["detail"]) for row in rows.mappings()]
        return found

    async def scans(self) -> dict[str, set[str]]:
        """Return which tables each statement reads whole."""
        found: dict[str, set[str]] = {}
        for statement, steps in (await self.steps()).items():
            tables = {name for step in steps for name in SCAN.findall(step)}
            tables &= {one.name for one in CELL_KEY_ASKS.metadata.sorted_tables} - SMALL
            if tables:
                found[statement] = tables
        assert len(self._seen) > 20
        return found


async def test_some_leaves_of_a_large_conversation_are_found_by_themselves(
    database: Database,
) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL scans what is small, and tests are small")
    c, other = ConversationId("c"), ConversationId("d")
    cells, people = [CellId("1"), CellId("2")], [PersonId("1"), PersonId("2")]
    plans = Plans(database)
    with plans.watching():
        async with database.reading() as connection:
            await leaves.of_cells(connection, {c: cells, other: cells})
            await leaves.of_people(connection, people, [c])
            await leaves.owners(connection, c, people)
            await leaves.devices_by_person(connection, {c: people, other: people})
    found = [step for steps in (await plans.steps()).values() for step in steps if "leaves" in step]
    by_cell, *by_person = (step.partition("INDEX ")[2] for step in found)
    assert by_cell == "ix_leaves_cell (conversation_id=? AND cell_id=? AND to_epoch=?)"
    assert by_person == ["ix_leaves_person (person_id=? AND conversation_id=?)"] * 3


async def test_requests_find_everything_by_an_index(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL scans what is small, and tests are small")
    world = World(database, Options(kem=X25519, cell_size=4))
    crowd = await Crowd.of(world)
    a, b, c = crowd.people[0], crowd.people[1], crowd.c
    plans = Plans(database)
    with plans.watching():
        talk = Talk(world.service, c)
        group = await world.group(a, crowd.people[1:4])
        await world.service.rosters.state(a.caller, c)
        key_id = await crowd.begin(a)
        await talk.say(a, key_id, state=True)
        cold = world.node()
        await cold.log.page(b.caller, c, after=None, before=9, limit=9)
        await world.node().log.page(b.caller, c, after=0, before=None, limit=9)
        await cold.log.chain(a.caller, c)
        await cold.conversations.conversations(a.caller)
        await cold.conversations.conversation(a.caller, c)
        await cold.keys.read(b.caller, c, None)
        await cold.cell_keys.all(b.caller, c, 0)
        await cold.cell_keys.own(b.caller, c)
        await cold.rosters.cell(b.caller, c, None)
        asked = wire.AskProofs(
            epoch=Epoch(1), devices=[DeviceId(one.device.hex()) for one in crowd.people]
        )
        await world.node().rosters.proofs(b.caller, c, asked)
        request = wire.ShareRequest(
            references=[wire.ShareReference(kind=1, reference=key_id[:16].hex())]
        )
        await cold.shares.ask(b.caller, c, request)
        await cold.shares.done(b.caller, c, request)
        await cold.shares.waiting(b.caller, c)
        preferences = wire.SetPreferences(muted_until_ms=-1)
        await cold.conversations.set_preferences(a.caller, c, preferences)
        await world.change(a.caller, group, remove=[b])
        await world.change(a.caller, group, add=[b])
        changed = wire.ChangeWhoMaySend(who_may_send="admins")
        await cold.conversations.change_who_may_send(a.caller, group.conversation_id, changed)
        second = world.registry.register(b.caller.person_id)
        await world.devices_changed(second)
        await world.revoke(second)
        await world.service.following.round()
    assert await plans.scans() == {}
