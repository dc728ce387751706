"""Transfers of people, charges that they hold beside their own post, and posts that are abolished.

Invariants: the post that a person leaves stays, vacant where nobody else holds it, and so does who
held it; each change is one transaction with its entry in the audit log, while nobody else changes
the data bank; conversations follow it within a round, as they follow an import.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.audit.acts import (
    Act,
    ChargeEnded,
    ChargeGiven,
    PersonTransferred,
    PostAbolished,
    PostRestored,
)
from copconnect.clock import Clock
from copconnect.database.engine import Database, Transaction
from copconnect.database.rows import of_row
from copconnect.directory import changes, edit_store, names, store
from copconnect.directory.edit_store import Locked
from copconnect.directory.postings import post_search, post_store, posting_store
from copconnect.directory.postings.keys import PostKey
from copconnect.directory.postings.naming import Naming, PostChanges
from copconnect.ids import PersonId, PostId, UnitId
from copconnect.rights import Permit, principal_of

TransferTarget = PostId | wire.NewPlace


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
        permit: Permit,
        person_id: PersonId,
        place: TransferTarget,
        rank: str | None,
    ) -> None:
        """Give a person another post, and another rank where one is named.

        Raises NotFound for a person who is not in the data bank, PlaceInvalid.
        """
        locked = await edit_store.lock(connection, self._clock.now_ms())
        row = await self._person(connection, person_id)
        organisation = await store.organisation(connection)
        seniority = {one.code: one.position for one in organisation["ranks"]}
        rank = rank or row["rank"]
        if rank not in seniority:
            raise errors.PlaceInvalid(reason="no such rank", rank=rank)
        post = await self._post(connection, permit, place, organisation)
        if (post["post_id"], rank) == (row["post_id"], row["rank"]):
            raise errors.PlaceInvalid(reason="the person holds this post")
        await posting_store.keep_regular(connection, permit, [person_id], locked.now_ms)
        words = changes.stored_words(organisation["units"], organisation["ranks"])
        derived = changes.derive(row | post | {"rank": rank}, words)
        await edit_store.give_post(
            connection, permit, person_id, post["post_id"], rank, derived, locked.now_ms
        )
        act = PersonTransferred(person_id, row["unit_id"], post["unit_id"], post["post_en"])
        await self._finish(connection, permit, locked, act, person_id)

    async def give_charge(
        self,
        connection: Transaction,
        permit: Permit,
        person_id: PersonId,
        place: TransferTarget,
        charge: wire.Charge,
    ) -> int:
        """Let a person hold a post beside their own; return the posting's id.

        Raises NotFound, PlaceInvalid.
        """
        locked = await edit_store.lock(connection, self._clock.now_ms())
        row = await self._person(connection, person_id)
        post = await self._post(connection, permit, place, await store.organisation(connection))
        held = await posting_store.charges(connection, [person_id])
        if post["post_id"] in (row["post_id"], *(one.post_id for one in held)):
            raise errors.PlaceInvalid(reason="the person holds this post")
        posting_id = await posting_store.add(
            connection,
            permit,
            {
                "person_id": person_id,
                "post_id": post["post_id"],
                "charge": charge,
                "from_ms": locked.now_ms,
                "until_ms": None,
            },
        )
        act = ChargeGiven(person_id, posting_id, post["unit_id"], post["post_en"], charge)
        await self._finish(connection, permit, locked, act, person_id)
        return posting_id

    async def end_charge(
        self, connection: Transaction, permit: Permit, person_id: PersonId, posting_id: int
    ) -> None:
        """End a person's charge. Raises NotFound for one that is not open or not theirs."""
        locked = await edit_store.lock(connection, self._clock.now_ms())
        held = await posting_store.one(connection, posting_id)
        if held is None or held.person_id != person_id or held.until_ms is not None:
            raise errors.NotFound
        await posting_store.end(connection, permit, person_id, posting_id, locked.now_ms)
        act = ChargeEnded(person_id, posting_id, held.unit_id, held.post_en)
        await self._finish(connection, permit, locked, act, person_id)

    async def abolish(self, connection: Transaction, permit: Permit, post_id: PostId) -> None:
        """Abolish a post that nobody holds. Raises PlaceInvalid."""
        locked = await edit_store.lock(connection, self._clock.now_ms())
        post = await known_post(connection, post_id)
        if not await post_store.abolish(connection, permit, [post_id], locked.now_ms):
            raise errors.PlaceInvalid(reason="somebody holds the post", post_id=post_id)
        await self._finish_post(
            connection, permit, locked, PostAbolished(post_id, post["unit_id"], post["post_en"])
        )

    async def restore_post(self, connection: Transaction, permit: Permit, post_id: PostId) -> None:
        """Let a post be there again that was abolished. Raises PlaceInvalid."""
        locked = await edit_store.lock(connection, self._clock.now_ms())
        post = await abolished_post(connection, post_id)
        back = PostChanges(update=[post | {"abolished_ms": None}], before=[post])
        await post_store.write(connection, permit, back)
        await self._finish_post(
            connection, permit, locked, PostRestored(post_id, post["unit_id"], post["post_en"])
        )

    async def unit_of_abolished(self, connection: AsyncConnection, post_id: PostId) -> UnitId:
        """Return the unit of a post that was abolished. Raises PlaceInvalid."""
        return UnitId((await abolished_post(connection, post_id))["unit_id"])

    async def require_place(
        self,
        connection: AsyncConnection,
        person_id: PersonId,
        place: TransferTarget,
        rank: str | None,
    ) -> tuple[UnitId, str]:
        """Return the unit and the English title of a post that a person could be given. Raises
        NotFound, PlaceInvalid."""
        await self._person(connection, person_id)
        organisation = await store.organisation(connection)
        if rank is not None and rank not in {one.code for one in organisation["ranks"]}:
            raise errors.PlaceInvalid(reason="no such rank", rank=rank)
        if isinstance(place, str):
            row = await known_post(connection, place)
            return UnitId(row["unit_id"]), row["post_en"]
        _require_new(place, organisation)
        return place.unit_id, place.post.en

    async def title_of(self, connection: AsyncConnection, place: TransferTarget) -> wire.Names:
        """Return the title of a post, abolished or not; that of none is empty."""
        if not isinstance(place, str):
            return place.post
        rows = await post_store.by_id(connection, [place])
        return names.read(rows[0], "post") if rows else names.english("")

    async def unit_of_place(self, connection: AsyncConnection, place: TransferTarget) -> UnitId:
        """Return the unit of a post. Raises PlaceInvalid for a post that is not there."""
        if not isinstance(place, str):
            return place.unit_id
        return UnitId((await known_post(connection, place))["unit_id"])

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
        return [own_posting(row), *places] if row.posted_ms <= at_ms else places

    async def _person(self, connection: AsyncConnection, person_id: PersonId) -> dict[str, Any]:
        rows = await store.by_id(connection, [person_id])
        if not rows or rows[0].status == "removed":
            raise errors.NotFound
        found: dict[str, Any] = rows[0]._asdict()
        return found

    async def _post(
        self,
        connection: AsyncConnection,
        permit: Permit,
        place: TransferTarget,
        organisation: Mapping[str, Sequence[Any]],
    ) -> dict[str, Any]:
        """Return the post that is meant, which is made where there is none. Raises PlaceInvalid."""
        if isinstance(place, str):
            return await known_post(connection, place)
        _require_new(place, organisation)
        naming = Naming(await post_store.of_units(connection, [place.unit_id]))
        key = PostKey(place.unit_id, place.post.en, frozenset(place.roles), place.head)
        row, stored = naming.one(key, place.post, place.roles)
        if stored != row:
            new = stored is None
            made = PostChanges(insert=[row] if new else [], update=[] if new else [row])
            await post_store.write(connection, permit, made)
            await post_search.write(connection, made.touched)
        return row

    async def _finish(
        self,
        connection: Transaction,
        permit: Permit,
        locked: Locked,
        act: Act,
        person_id: PersonId,
    ) -> None:
        await edit_store.touch_person(connection, permit, person_id, locked.now_ms)
        await store.touch(connection, locked.now_ms)
        path = (await store.rights_bases(connection, [person_id]))[0].path.strip("/")
        await self._audit.record(connection, principal_of(permit), act, path)

    async def _finish_post(
        self,
        connection: Transaction,
        permit: Permit,
        locked: Locked,
        act: PostAbolished | PostRestored,
    ) -> None:
        await post_search.write(connection, [act.post_id])
        await store.touch(connection, locked.now_ms)
        path = await store.unit_path(connection, act.unit_id)
        await self._audit.record(connection, principal_of(permit), act, path.strip("/"))


def _require_new(place: wire.NewPlace, organisation: Mapping[str, Sequence[Any]]) -> None:
    """Raise PlaceInvalid for a post that could not be made."""
    if place.unit_id not in {one.unit_id for one in organisation["units"]}:
        raise errors.PlaceInvalid(reason="no such unit", unit_id=place.unit_id)
    known = {one.code for one in organisation["roles"]}
    unknown = next((one for one in place.roles if one not in known), None)
    if unknown is not None:
        raise errors.PlaceInvalid(reason="no such role", role=unknown)
    if not place.post.en.strip():
        raise errors.PlaceInvalid(reason="the post has no English name")


async def abolished_post(connection: AsyncConnection, post_id: PostId) -> dict[str, Any]:
    """Return the row of a post that was abolished and whose unit is there. Raises PlaceInvalid."""
    found = await post_store.by_id(connection, [post_id])
    if not found or found[0]["abolished_ms"] is None:
        raise errors.PlaceInvalid(reason="the post was not abolished", post_id=post_id)
    if not await store.unit_path(connection, found[0]["unit_id"]):
        raise errors.PlaceInvalid(reason="no such unit", unit_id=found[0]["unit_id"])
    return found[0]


async def known_post(connection: AsyncConnection, post_id: PostId) -> dict[str, Any]:
    """Return the row of a post that is there. Raises PlaceInvalid."""
    found = await post_store.by_id(connection, [post_id])
    if not found or found[0]["abolished_ms"] is not None:
        raise errors.PlaceInvalid(reason="no such post", post_id=post_id)
    return found[0]


def posting(row: Any) -> wire.Posting:
    """Return a stored posting."""
    return of_row(
        wire.Posting, row, post=names.read(row._asdict(), "post"), roles=row.roles.split()
    )


def own_posting(row: Any) -> wire.Posting:
    """Return the post in a person's row."""
    return wire.Posting(
        posting_id=0,
        post_id=row.post_id,
        unit_id=row.unit_id,
        post=names.read(row._asdict(), "post"),
        roles=row.roles.split(),
        head=row.head,
        charge="regular",
        from_ms=row.posted_ms,
        until_ms=None,
    )
