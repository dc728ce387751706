"""A police station: who may change whom in it."""

from copy import copy
from dataclasses import dataclass
from typing import Self

from copconnect.directory.rules import person_id
from copconnect.ids import UnitId
from tests.harness.operator import OPERATOR
from tests.identity.acting import confirmed
from tests.identity.approved import Force
from tests.identity.running import SHO, Device, MovedClock, Running
from tests.identity.signing import give, grant

Rows = list[dict[str, str]]


@dataclass
class Station:
    """The station's admin, with a grant over it; an officer posted there, with a grant over the
    commissionerate; the rows of the station's people and of all others."""

    admin: Device
    holder: Device
    path: str
    own: Rows
    others: Rows

    def row_of(self, device: Device) -> dict[str, str]:
        return next(row for row in self.own if person_id(row["code"]) == device.person_id)

    def copied(self) -> Self:
        """Return the same for another test, which may change it."""
        own, others = ([*map(dict, rows)] for rows in (self.own, self.others))
        return type(self)(copy(self.admin), copy(self.holder), self.path, own, others)


async def people_of(running: Running) -> Rows:
    tables = await running.container.importer.export(OPERATOR)
    return tables["people"]


async def staff(approving: Running, force: Force, clock: MovedClock) -> Station:
    """Register and confirm both, and let the root admin give them their grants."""
    admin = await confirmed(approving, force, SHO)
    rows = await people_of(approving)
    unit = next(row["unit"] for row in rows if row["number"] == SHO)
    own = [row for row in rows if row["unit"] == unit]
    async with approving.container.database.reading() as connection:
        path = await approving.container.directory.path_of(connection, UnitId(unit))
    assert path is not None
    number = next(row["number"] for row in own if row["number"] != SHO)
    holder = await confirmed(approving, force, number)
    clock.ms += 1000
    for person, over in ((admin, path), (holder, force.path)):
        given = await give(approving, force.root, grant(approving, force.root, person, over))
        assert given.is_success, given.text
        clock.ms += 1000
    return Station(admin, holder, path, own, [row for row in rows if row["unit"] != unit])
