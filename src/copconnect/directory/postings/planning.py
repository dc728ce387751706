"""Answers of the Directory before an admin transfers people or makes a group."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, phone_number, wire
from copconnect.database.among import among
from copconnect.directory import names, places, policies, rules, store
from copconnect.directory.audiences import AudienceIndex, Facts, PlacedPost, Speakers
from copconnect.directory.postings import counting, policy_changes, post_store, posting_store
from copconnect.directory.postings.transfers import known_post, own_posting, posting
from copconnect.ids import PersonId, PostId, UnitId

NOBODY_SPEAKS = Speakers((), ())  # The right to write does not matter here.
K = TypeVar("K", bound=Hashable)


class Planning:
    """Remembers the newest census, and nothing else."""

    def __init__(self) -> None:
        self._census: counting.Census | None = None

    async def find(
        self, connection: AsyncConnection, given: Collection[str], *, removed: bool = False
    ) -> dict[str, PersonId]:
        """Return the people who are not removed, by their identifiers: an employee number or a
        phone number, as people type them; ``removed``: people who are, too, by employee number
        alone, because a phone number may be another person's by now. Two statements."""
        by_id = {rules.person_id(one.strip()): one for one in given}
        numbers = {number: one for one in given if (number := _number(one)) is not None}
        found: dict[str, PersonId] = {}
        columns = store.people.c
        for column, wanted in ((columns.person_id, by_id), (columns.number, numbers)):
            query = select(columns.person_id, column).where(among(column, wanted))
            if not removed or column is columns.number:
                query = query.where(columns.status != "removed")
            for person_id, key in await connection.execute(query):
                found.setdefault(wanted[key], PersonId(person_id))
        return found

    async def history(
        self, connection: AsyncConnection, person_id: PersonId, at_ms: int | None
    ) -> list[wire.Posting]:
        """Return the post of a person, their charges and former posts, the newest first; ``at_ms``:
        the posts that they held then. Raises NotFound."""
        rows = await store.by_id(connection, [person_id])
        if not rows:
            raise errors.NotFound
        former = await posting_store.history(connection, person_id, at_ms)
        there = [posting(one) for one in former]
        row = rows[0]
        if row.status != "removed" and (at_ms is None or row.posted_ms <= at_ms):
            there.insert(0, own_posting(row))
        return there

    async def moved(
        self,
        connection: AsyncConnection,
        audiences: Mapping[K, wire.Audience],
        person_ids: Sequence[PersonId],
        place: PostId | wire.NewPlace,
        rank: str | None,
    ) -> dict[PersonId, tuple[set[K], set[K]]]:
        """Return to which audiences people belong, and to which they would with this post and rank.
        Somebody who is suspended belongs to none. Raises PlaceInvalid."""
        new = await self._place(connection, place)
        compiled = AudienceIndex.compile(
            audiences, await store.unit_paths(connection), NOBODY_SPEAKS
        )
        found: dict[PersonId, tuple[set[K], set[K]]] = {}
        for facts in await places.facts(connection, person_ids):
            # The post of the row comes first, then charges.
            after = Facts(facts.person_id, rank or facts.rank, (new, *facts.places[1:]))
            before = {*compiled.of(facts)}
            found[facts.person_id] = before, {*compiled.of(after)}
        return found

    async def _place(
        self, connection: AsyncConnection, place: PostId | wire.NewPlace
    ) -> PlacedPost:
        if isinstance(place, str):
            row = await known_post(connection, place)
            made = PlacedPost(
                post_id=place,
                unit_id=UnitId(row["unit_id"]),
                path="",
                level="",
                roles=frozenset(row["roles"].split()),
                head=row["head"],
            )
        else:
            made = PlacedPost(
                post_id=PostId(""),
                unit_id=place.unit_id,
                path="",
                level="",
                roles=frozenset(place.roles),
                head=place.head,
            )
        units = store.units
        query = select(units.c.path, units.c.level).where(units.c.unit_id == made.unit_id)
        unit = (await connection.execute(query)).first()
        if unit is None:
            raise errors.PlaceInvalid(reason="no such unit", unit_id=made.unit_id)
        return replace(made, path=unit.path, level=unit.level)

    async def count(self, connection: AsyncConnection, rule: wire.Audience) -> int:
        """Return how many active people an audience takes."""
        return await counting.count(connection, await self._newest_census(connection), rule)

    async def count_within(
        self, connection: AsyncConnection, rule: wire.Audience, within: Select[tuple[PersonId]]
    ) -> int:
        """Return how many of these people an audience takes. One statement."""
        return await counting.count_within(connection, rule, within)

    async def policy_changes(
        self, connection: AsyncConnection, policy: Sequence[wire.GroupPolicy]
    ) -> tuple[list[wire.PolicyChange], int]:
        """Return what another policy of groups makes, ends and changes, and how many people that
        touches. Raises ActInvalid."""
        organisation = await store.organisation(connection)
        policies.check(policy, organisation)
        units = [
            wire.Unit(
                unit_id=row.unit_id,
                parent_id=row.parent_id,
                level=row.level,
                names=names.of(row),
            )
            for row in organisation["units"]
        ]
        paths = {UnitId(row.unit_id): row.path for row in organisation["units"]}
        before = await policies.read(connection)
        census = await self._newest_census(connection)
        return policy_changes.changes(before, policy, units, paths, census)

    async def _newest_census(self, connection: AsyncConnection) -> counting.Census:
        version = await store.people_version(connection)
        if self._census is None or self._census.version != version:
            self._census = await counting.census(connection, version)
        return self._census

    async def sample(
        self, connection: AsyncConnection, rule: wire.Audience, limit: int
    ) -> list[PersonId]:
        """Return some of them, seniors first."""
        return await counting.sample(connection, rule, limit)

    async def paths_of(self, connection: AsyncConnection, rule: wire.Audience) -> frozenset[str]:
        """Return the units over which a rule takes people, as unit paths; "" for a clause that
        names no unit and no post, and for a unit that is not there."""
        stored = await store.unit_paths(connection)
        units: set[str] = set()
        for clause in rule.include:
            posts = await post_store.by_id(connection, clause.posts) if clause.posts else []
            named = {*clause.units, *(row["unit_id"] for row in posts)}
            units |= named or {""}
        paths = {stored.get(UnitId(unit), "").strip("/") for unit in units}
        people = await store.rights_bases(connection, rule.people) if rule.people else []
        return frozenset(paths | {row.path.strip("/") for row in people})


def _number(text: str) -> str | None:
    try:
        return phone_number.normalise(text)
    except errors.NumberInvalid:
        return None
