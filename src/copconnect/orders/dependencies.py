"""Objects that every part of orders works with; immutable after start."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.clock import Clock
from copconnect.database.among import among
from copconnect.database.engine import Database
from copconnect.ids import PersonId
from copconnect.orders.ports import (
    OrderConversations,
    OrderDirectory,
    OrderPhotos,
    OrderPushes,
    PersonRights,
    SigningDevices,
)
from copconnect.rates import SharedRates


@dataclass(frozen=True, slots=True)
class OrderDependencies:
    """The parts and ports of one process."""

    database: Database
    clock: Clock
    rates: SharedRates
    conversations: OrderConversations
    people: OrderDirectory
    rights: PersonRights
    devices: SigningDevices
    pushes: OrderPushes
    photos: OrderPhotos
    log_days: int  # Orders are kept as long as the log keeps their messages.

    async def units_of(
        self, connection: AsyncConnection, people: Collection[PersonId]
    ) -> dict[PersonId, str]:
        """Return the paths of these people's units, as cards write them."""
        place = self.people.placed().subquery()
        rows = await connection.execute(
            select(place.c.person_id, place.c.unit_id).where(among(place.c.person_id, people))
        )
        paths = await self.people.unit_paths(connection)
        return {row.person_id: paths[row.unit_id] for row in rows if row.unit_id in paths}
