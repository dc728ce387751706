"""A conversation of several cells, whose devices are asked for keys (C1, C2, D7)."""

from sqlalchemy import insert

from copconnect import wire
from copconnect.bus import CellKeyWakeup, RosterWakeup
from copconnect.database.engine import Database
from copconnect.delivery.store.tables import CELL_KEY_FLAGS
from copconnect.ids import CellId, new_id
from copconnect.principals import Caller
from tests.live.connected import AskingWorld, Node
from tests.live.rows import Rows, device


class CellForce(AskingWorld):
    """A conversation, in two cells as a rule."""

    def __init__(self, database: Database, cells: int = 2, people: int = 6) -> None:
        super().__init__(database)
        self.officers = [device() for _ in range(people)]
        self.devices.add(*self.officers)
        self.rows = Rows(database, cells)
        # With two cells 0, 2, 4 sit in the first and 1, 3, 5 in the second.

    def change(self, *removed: Caller, whole: bool = True) -> RosterWakeup:
        """The announcement of the newest head."""
        return RosterWakeup(
            conversation_id=self.rows.conversation_id,
            epoch=self.rows.epoch,
            cells=len(self.rows.cells),
            devices=len(self.rows.cells),
            added={},
            removed=[one.client_id for one in removed],
            whole=whole,
        )

    def came(self, cell_id: CellId) -> CellKeyWakeup:
        """The announcement of a cell's key."""
        return CellKeyWakeup(
            conversation_id=self.rows.conversation_id,
            cell_id=cell_id,
            record=b"record",
            seals=b"",
            size=0,
            devices=[],
        )

    async def flag(self, key_id: bytes, people: int) -> None:
        """So many people cannot open a cell key."""
        async with self.database.transaction() as connection:
            for _ in range(people):
                await connection.execute(
                    insert(CELL_KEY_FLAGS).values(
                        conversation_id=self.rows.conversation_id,
                        key_id=key_id,
                        person_id=new_id(),
                        flagged_ms=self.clock.at,
                    )
                )


async def made(database: Database, cells: int = 2, people: int = 6) -> CellForce:
    force = CellForce(database, cells, people)
    await force.rows.roster(force.officers)
    return force


def wanted(node: Node) -> list[tuple[Caller, int, int]]:
    """Return who was asked for a cell key since the last call, of which epoch and generation."""
    found: list[tuple[Caller, int, int]] = []
    for caller, frame in node.frames:
        assert isinstance(frame, wire.CellKeyWanted)
        found.append((caller, frame.epoch, frame.generation))
    node.frames.clear()
    return found


def same(found: list[tuple[Caller, int, int]], expected: list[tuple[Caller, int, int]]) -> bool:
    """Whether these are the same, in whichever order of cells."""
    return sorted(found, key=repr) == sorted(expected, key=repr)


async def cell_keys(force: CellForce, created_ms: int, cells: int = 2) -> list[bytes]:
    """Write a key of each cell, by its first officer."""
    return [
        await force.rows.cell_key(force.officers[n], force.rows.cells[n], created_ms=created_ms)
        for n in range(cells)
    ]
