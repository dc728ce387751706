"""Answers which posts there are, held or vacant, and who holds them.

The names of holders count against the reader's limit as everywhere; an operator has none.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.database.engine import Database
from copconnect.directory import names, places, store
from copconnect.directory.postings import post_search, post_store
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId, PostId, UnitId
from copconnect.principals import Caller, PostToAsk

MOST_HOLDERS = 20
MOST_FOUND = 50


class PostReader:
    """Reads posts. Stateless."""

    def __init__(self, database: Database, directory: DirectoryService) -> None:
        self._database = database
        self._directory = directory

    async def of_unit(self, caller: Caller | None, unit_id: UnitId) -> wire.Posts:
        """Return the posts of a unit, not of those below it: heads first, then by the most senior
        holder, vacant ones last. Raises NotFound for an unknown unit, RateLimited."""
        async with self._database.reading() as connection:
            if await self._directory.path_of(connection, unit_id) is None:
                raise errors.NotFound
            rows = await post_store.there(connection, [unit_id])
            found = await self._posts(connection, caller, rows)
        return wire.Posts(posts=found)

    async def listed(self, unit_id: str | None, *, vacant: bool) -> list[wire.Post]:
        """Return the posts at or below a unit, or all; ``vacant``: those without a regular holder.
        For an operator. Raises NotFound for an unknown unit."""
        async with self._database.reading() as connection:
            paths = await store.unit_paths(connection)
            if unit_id is not None and unit_id not in paths:
                raise errors.NotFound
            top = "" if unit_id is None else paths[UnitId(unit_id)]
            units = [unit for unit, path in paths.items() if path.startswith(top)]
            rows = await post_store.there(connection, units)
            found = await self._posts(connection, None, rows)
        found.sort(key=lambda one: paths[one.unit_id])
        return [one for one in found if not vacant or not _has_regular(one)]

    async def beginning_with(self, digits: str, *, abolished: bool = False) -> list[PostId]:
        """Return the first two posts whose ids begin so; ``abolished``: of the abolished ones. For
        an operator."""
        async with self._database.reading() as connection:
            return await post_store.beginning_with(connection, digits, 2, abolished=abolished)

    async def one(self, caller: Caller, post_id: PostId) -> wire.Post:
        """Return a post. Raises NotFound, RateLimited."""
        async with self._database.reading() as connection:
            rows = await post_store.by_id(connection, [post_id])
            found = await self._posts(connection, caller, post_store.existing(rows))
        await self._count(caller, found)
        if not found:
            raise errors.NotFound
        return found[0]

    async def find(
        self,
        caller: Caller | None,
        text: wire.SearchText = "",
        unit: str | None = None,
        limit: int = 20,
    ) -> wire.Posts:
        """Return the posts that a text finds, at or below a unit if one is given. Raises
        RateLimited."""
        limit = max(1, min(limit, MOST_FOUND))
        within = None if unit is None else UnitId(unit)
        async with self._database.reading() as connection:
            wanted = await post_search.find(connection, text, within, limit)
            rows = {row["post_id"]: row for row in await post_store.by_id(connection, wanted)}
            found = await self._posts(connection, caller, list(rows.values()))
        await self._count(caller, found)
        order = {post_id: at for at, post_id in enumerate(wanted)}
        return wire.Posts(posts=sorted(found, key=lambda one: order[one.post_id]))

    async def chain_of_command(self, caller: Caller, unit_id: UnitId) -> wire.ChainOfCommand:
        """Return the posts that head a unit and every unit above it, the nearest first. The same
        number of statements for every unit. Raises NotFound, RateLimited."""
        async with self._database.reading() as connection:
            path = await self._directory.path_of(connection, unit_id)
            if path is None:
                raise errors.NotFound
            chain = [UnitId(code) for code in reversed(path.split("/"))]
            rows = await post_store.there(connection, chain, heads=True)
            posts = await self._posts(connection, caller, rows)
        await self._count(caller, posts)
        return wire.ChainOfCommand(
            units=[
                wire.UnitHeads(unit_id=unit, posts=[one for one in posts if one.unit_id == unit])
                for unit in chain
            ]
        )

    # --- For other roles, in their transactions --------------------------------------------------

    async def posts_to_ask(
        self, connection: AsyncConnection, post_ids: Collection[PostId]
    ) -> dict[PostId, PostToAsk]:
        """Return those of these posts that are there, to which a person may write."""
        rows = post_store.existing(await post_store.by_id(connection, post_ids))
        return {row["post_id"]: PostToAsk(names.read(row, "post"), row["unit_id"]) for row in rows}

    async def head_above(
        self, connection: AsyncConnection, unit_id: UnitId, but: PostId
    ) -> tuple[PostId, PersonId] | None:
        """Return the nearest post, other than ``but``, that heads a unit or one above it and has a
        holder, and the holder; None where there is none."""
        path = await self._directory.path_of(connection, unit_id) or ""
        chain = [UnitId(code) for code in reversed(path.split("/"))]
        heads = await post_store.there(connection, chain, heads=True)
        held = await places.holders(connection, [row["post_id"] for row in heads])
        for row in sorted(heads, key=lambda row: chain.index(row["unit_id"])):
            if row["post_id"] != but and row["post_id"] in held:
                first = held[row["post_id"]][0]
                return first.post_id, first.person_id
        return None

    async def _count(self, caller: Caller | None, posts: Iterable[wire.Post]) -> None:
        """Count the names that a caller gets to read. Raises RateLimited."""
        if caller is not None:
            told = {one.person.person_id: one.person for post in posts for one in post.holders}
            await self._directory.count_names(caller, told.values())

    async def _posts(
        self, connection: AsyncConnection, caller: Caller | None, rows: Sequence[dict[str, Any]]
    ) -> list[wire.Post]:
        held = await places.holders(connection, [row["post_id"] for row in rows])
        shown = {post: some[:MOST_HOLDERS] for post, some in held.items()}
        people = {one.person_id for some in shown.values() for one in some}
        viewer = None if caller is None else caller.person_id
        cards = await self._directory.cards(connection, people, viewer)
        # Holders come seniors first, so posts are ordered by the first of each.
        seniors = {post: at for at, post in enumerate(held)}

        def order(row: dict[str, Any]) -> tuple[bool, int, str]:
            post_id = row["post_id"]
            return not row["head"], seniors.get(post_id, len(seniors)), row["post_en"]

        return [
            wire.Post(
                post_id=row["post_id"],
                unit_id=row["unit_id"],
                names=names.read(row, "post"),
                roles=row["roles"].split(),
                head=row["head"],
                holders=[
                    wire.PostHolder(person=cards[one.person_id], charge=one.charge)
                    for one in shown.get(row["post_id"], [])
                ],
                held_by=len(held.get(row["post_id"], [])),
            )
            for row in sorted(rows, key=order)
        ]


def _has_regular(post: wire.Post) -> bool:
    return any(held.charge == "regular" for held in post.holders)
