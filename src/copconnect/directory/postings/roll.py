"""People by unit: the Directory's part of ``People`` and ``Postings`` of
:mod:`copconnect.orders.ports`."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.among import among
from copconnect.directory import places, store
from copconnect.directory.postings.posting_store import POSTINGS
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId, PostId, UnitId


class Roll:
    """Reads where people are posted. Stateless."""

    def __init__(self, directory: DirectoryService) -> None:
        self._directory = directory

    def placed(self) -> Select[Any]:
        """Return a statement of everybody's own place: ``person_id``, ``unit_id``, ``sort_key``,
        which lists seniors first."""
        return store.posted(
            store.people.c.person_id, store.posts.c.unit_id, store.people.c.sort_key
        )

    def posted_elsewhere(self, unit_ids: Collection[UnitId]) -> Select[Any]:
        """Return a statement of the active people who hold no post of these units, neither their
        own nor by a charge: ``person_id``."""
        return places.posted_elsewhere(unit_ids)

    def serving(self) -> Select[Any]:
        """Return a statement of everybody who is active: ``person_id``, ``unit_id``."""
        return store.posted(store.people.c.person_id, store.posts.c.unit_id).where(
            store.people.c.status == "active"
        )

    def found_by(self, text: str) -> Select[Any]:
        """Return a statement of who is found by a text: ``person_id``, ``sort_key``."""
        return self._directory.found_by(text)

    def numbers(self) -> Select[Any]:
        """Return a statement of the phone numbers of active people: ``person_id``, ``number``."""
        person = store.people.c
        return select(person.person_id, person.number).where(person.status == "active")

    async def unit_paths(self, connection: AsyncConnection) -> dict[UnitId, str]:
        """Return the path of each unit, as cards write it."""
        found = await self._directory.stored_paths(connection)
        return {unit_id: path.strip("/") for unit_id, path in found.items()}

    async def headed(
        self, connection: AsyncConnection, person_id: PersonId
    ) -> dict[UnitId, PostId]:
        """Return the units that an active person heads, also by a charge, each with the post."""
        return {
            place.unit_id: place.post_id
            for one in await places.facts(connection, [person_id])
            for place in one.places
            if place.head
        }

    async def people_by_unit(self, connection: AsyncConnection) -> dict[UnitId, int]:
        """Return how many active people have their own post in each unit. One statement."""
        serving = self.serving().subquery()
        query = select(serving.c.unit_id, func.count()).group_by(serving.c.unit_id)
        return {row[0]: row[1] for row in await connection.execute(query)}

    async def heads(
        self, connection: AsyncConnection, unit_ids: Collection[UnitId]
    ) -> dict[UnitId, list[PersonId]]:
        """Return the active heads of each of these units, also by an additional charge; a unit
        without one is left out. Two statements."""
        person, post, charge = store.people.c, store.posts.c, POSTINGS.c
        heads = select(post.unit_id, person.person_id).where(
            post.head, person.status == "active", among(post.unit_id, unit_ids)
        )
        by_charge = and_(charge.person_id == person.person_id, charge.until_ms.is_(None))
        found: dict[UnitId, list[PersonId]] = {}
        for statement in (
            heads.join_from(store.posts, store.people, person.post_id == post.post_id),
            heads.join_from(store.posts, POSTINGS, charge.post_id == post.post_id).join(
                store.people, by_charge
            ),
        ):
            for row in await connection.execute(statement):
                of_unit = found.setdefault(row.unit_id, [])
                if row.person_id not in of_unit:
                    of_unit.append(row.person_id)
        return found

    async def cards(
        self,
        connection: AsyncConnection,
        person_ids: Collection[PersonId],
        viewer: PersonId | None,
    ) -> dict[PersonId, wire.Person]:
        """Return cards by id, as the viewer is shown them."""
        return await self._directory.cards(connection, person_ids, viewer)
