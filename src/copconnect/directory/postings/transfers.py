"""Transfers of people, and charges that they hold beside their own post.

Invariants: the place that a person leaves stays in their history; each change is one transaction
with its entry in the audit log, while nobody else changes the data bank; conversations follow it
within a round, as they follow an import.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.audit.acts import Act, ChargeEnded, ChargeGiven, PersonTransferred
from copconnect.clock import Clock
from copconnect.database.engine import Database, Transaction
from copconnect.directory import changes, edit_store, names, store
from copconnect.directory.edit_store import Locked
from copconnect.directory.postings import posting_store
from copconnect.ids import PersonId, UnitId
from copconnect.principals import Principal


@dataclass(frozen=True, slots=True)
class _Words:
    """The rows of the organisation that a new place needs."""

    unit: Any
    seniority: int


class Transfers:
    """Changes the places of people. A method that takes a connection runs in the caller's
    transaction."""

    def __init__(self, database: Database, clock: Clock, audit: Audit) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit

    async def transfer(
        self,
        connection: Transaction,
        by: Principal,
        person_id: PersonId,
        place: wire.NewPlace,
        rank: str | None,
    ) -> None:
        """Give a person another post, and another rank where one is named.

        Raises NotFound for a person who is not in the data bank, PlaceInvalid.
        """
        locked = await edit_store.lock(connection, self._clock.now_ms())
        row = await self._person(connection, person_id)
        words = await self._words(connection, place, rank or row["rank"])
        values = self._place(place) | {"rank": rank or row["rank"]}
        if values.items() <= row.items():
            raise errors.PlaceInvalid(reason="the person holds this post")
        await posting_store.keep_regular(connection, [person_id], locked.now_ms)
        after = row | values
        derived = changes.derived(
            changes.Derived(
                person_names=names.read(after),
                number=after["number"],
                code=after["code"],
                post=place.post,
                rank=after["rank"],
                roles=place.roles,
                unit_id=UnitId(place.unit_id),
                unit=(names.of(words.unit), words.unit.path),
                seniority=words.seniority,
                person_id=person_id,
            )
        )
        moment = {"changed_ms": locked.now_ms, "posted_ms": locked.now_ms}
        found_by = {"person_id": person_id} | derived
        await connection.execute(
            update(store.people)
            .where(store.people.c.person_id == person_id)
            .values(**values, sort_key=derived["sort_key"], **moment)
        )
        await edit_store.write_words(connection, [found_by])
        act = PersonTransferred(person_id, row["unit_id"], place.unit_id, place.post.en)
        await self._finish(connection, by, locked, act, person_id)

    async def give_charge(
        self,
        connection: Transaction,
        by: Principal,
        person_id: PersonId,
        place: wire.NewPlace,
        charge: wire.Charge,
    ) -> int:
        """Let a person hold a post beside their own; return the posting's id.

        Raises NotFound, PlaceInvalid.
        """
        locked = await edit_store.lock(connection, self._clock.now_ms())
        row = await self._person(connection, person_id)
        await self._words(connection, place, row["rank"])
        values = self._place(place)
        values["head"] = values.pop("unit_admin")
        for held in await posting_store.charges(connection, [person_id]):
            if values.items() <= held._asdict().items():
                raise errors.PlaceInvalid(reason="the person holds this charge")
        posting_id = await posting_store.add(
            connection,
            values
            | {"person_id": person_id, "charge": charge}
            | {"from_ms": locked.now_ms, "until_ms": None},
        )
        act = ChargeGiven(person_id, posting_id, place.unit_id, place.post.en, charge)
        await self._finish(connection, by, locked, act, person_id)
        return posting_id

    async def end_charge(
        self, connection: Transaction, by: Principal, person_id: PersonId, posting_id: int
    ) -> None:
        """End a person's charge. Raises NotFound for one that is not open or not theirs."""
        locked = await edit_store.lock(connection, self._clock.now_ms())
        held = await posting_store.one(connection, posting_id)
        if held is None or held.person_id != person_id or held.until_ms is not None:
            raise errors.NotFound
        await posting_store.end(connection, posting_id, locked.now_ms)
        act = ChargeEnded(person_id, posting_id, held.unit_id, held.post_en)
        await self._finish(connection, by, locked, act, person_id)

    async def unit_of_charge(self, connection: AsyncConnection, posting_id: int) -> UnitId | None:
        """Return the unit of a charge; None where it is not open."""
        held = await posting_store.one(connection, posting_id)
        return None if held is None or held.until_ms is not None else UnitId(held.unit_id)

    async def held_at(self, number: str, at_ms: int) -> list[wire.Posting] | None:
        """Return the places that the person with this number held at a time; None for an unknown
        number."""
        async with self._database.reading() as connection:
            row = await store.any_by_number(connection, number)
            if row is None:
                return None
            found = await posting_store.history(connection, PersonId(row.person_id), at_ms)
        places = [posting(one) for one in found]
        return [own_place(row), *places] if row.posted_ms <= at_ms else places

    async def _person(self, connection: AsyncConnection, person_id: PersonId) -> dict[str, Any]:
        rows = await store.by_id(connection, [person_id])
        if not rows or rows[0].status == "removed":
            raise errors.NotFound
        found: dict[str, Any] = rows[0]._asdict()
        return found

    async def _words(self, connection: AsyncConnection, place: wire.NewPlace, rank: str) -> _Words:
        organisation = await store.organisation(connection)
        unit = next((one for one in organisation["units"] if one.unit_id == place.unit_id), None)
        if unit is None:
            raise errors.PlaceInvalid(reason="no such unit", unit_id=place.unit_id)
        known = {one.code for one in organisation["roles"]}
        unknown = next((one for one in place.roles if one not in known), None)
        if unknown is not None:
            raise errors.PlaceInvalid(reason="no such role", role=unknown)
        ranks = {one.code: one.position for one in organisation["ranks"]}
        if rank not in ranks:
            raise errors.PlaceInvalid(reason="no such rank", rank=rank)
        return _Words(unit, ranks[rank])

    @staticmethod
    def _place(place: wire.NewPlace) -> dict[str, Any]:
        if not place.post.en.strip():
            raise errors.PlaceInvalid(reason="the post has no English name")
        return {
            "unit_id": place.unit_id,
            **names.row(place.post, "post"),
            "roles": changes.role_column(place.roles),
            "unit_admin": place.head,
        }

    async def _finish(
        self,
        connection: Transaction,
        by: Principal,
        locked: Locked,
        act: Act,
        person_id: PersonId,
    ) -> None:
        await connection.execute(
            update(store.people)
            .where(store.people.c.person_id == person_id)
            .values(changed_ms=locked.now_ms)
        )
        await store.touch(connection, locked.now_ms)
        path = (await store.rights_bases(connection, [person_id]))[0].path.strip("/")
        await self._audit.record(connection, by, act, path)


def posting(row: Any) -> wire.Posting:
    """Return a stored posting."""
    return wire.Posting(
        posting_id=row.posting_id,
        unit_id=row.unit_id,
        post=names.read(row._asdict(), "post"),
        roles=row.roles.split(),
        head=row.head,
        charge=row.charge,
        from_ms=row.from_ms,
        until_ms=row.until_ms,
    )


def own_place(row: Any) -> wire.Posting:
    """Return the place in a person's row."""
    return wire.Posting(
        posting_id=0,
        unit_id=row.unit_id,
        post=names.read(row._asdict(), "post"),
        roles=row.roles.split(),
        head=row.unit_admin,
        charge="regular",
        from_ms=row.posted_ms,
        until_ms=None,
    )
