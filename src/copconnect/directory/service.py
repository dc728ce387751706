"""Answers who is in the department: the directory, people, and what other roles ask about them.

Invariants: people who were removed are found by id only, never by search or number; a person's
status is read in the caller's transaction, so that a suspension and a registration cannot cross.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, or_
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.directory import (
    audiences,
    places,
    policies,
    rules,
    standing,
    store,
)
from copconnect.directory.audiences import AudienceIndex
from copconnect.directory.finding import statements, words
from copconnect.directory.ports import ImportRights, RegisteredPeople
from copconnect.directory.postings import post_store, posting_store
from copconnect.directory.showing import cards, numbers, organisation
from copconnect.directory.showing.reading import ReadQuota
from copconnect.ids import PersonId, PostId, UnitId
from copconnect.principals import (
    Caller,
    HeldPlace,
    Holder,
    Plate,
    RightsBasis,
    StandingGroup,
)
from copconnect.rights import WHOLE

MAX_PAGE = 200
NEAR = 5  # People of the own unit who come before others in a search.
MOST_BY_DIGITS = 2_000
EVERYBODY = wire.Audience(include=[wire.Clause(everyone=True)])
K = TypeVar("K", bound=Hashable)


class DirectoryService:
    """The read side of the Directory."""

    def __init__(
        self,
        database: Database,
        registered: RegisteredPeople,
        clock: Clock,
        audit: Audit,
        names_per_hour: int,
    ) -> None:
        """``names_per_hour``: how many people somebody may read beyond the own right
        ``read_directory``."""
        self._database = database
        self._registered = registered
        self._reading = ReadQuota(database, audit, names_per_hour, clock.now_ms)
        self._paths: tuple[str, dict[UnitId, str]] | None = None
        self._directory = wire.Directory(version="", units=[], levels=[], ranks=[], roles=[])
        self._clock = clock
        self._rights: ImportRights
        self._viewers: numbers.Viewers

    def attach(self, rights: ImportRights) -> None:
        """Take the rights by which numbers are shown and group conversations managed, before any
        question. They are made after this, because they rest on the places of people."""
        self._rights = rights
        self._viewers = numbers.Viewers(rights, self._clock.now_ms)

    # --- For people -----------------------------------------------------------------------

    async def version(self) -> str:
        """Return the directory's version."""
        async with self._database.reading_once() as connection:
            return await self.version_in(connection)

    async def version_in(self, connection: AsyncConnection) -> str:
        """Return the directory's version, in the caller's transaction."""
        return await store.directory_version(connection)

    async def directory(self) -> wire.Directory:
        """Return the organisation without its people."""
        async with self._database.reading() as connection:
            return await self._read_directory(connection)

    async def _read_directory(self, connection: AsyncConnection) -> wire.Directory:
        """Return the organisation, read again when it has changed."""
        version = await store.directory_version(connection)
        if self._directory.version == version:
            return self._directory
        rows = await store.organisation(connection)
        self._directory = organisation.as_wire(version, rows)
        return self._directory

    async def people(
        self,
        caller: Caller | None,
        *,
        text: wire.SearchText = "",
        unit: str | None = None,
        deep: bool = False,
        rank: str | None = None,
        role: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> wire.People:
        """Search; a person whose name is exactly the text comes first, then ``NEAR`` people of the
        caller's own unit, then people whose name is spelled so, then people whose
        name sounds so, each time seniors first, then by name. Without words, people who hold a
        charge in the unit count as its people. The caller is None for an operator, who reads
        without a limit.

        Raises BadRequest for a page token that was not ours, RateLimited.
        """
        limit = max(1, min(limit, MAX_PAGE))
        filters = statements.Filters(unit, deep, rank, role, charges=True)
        wanted = words.search(text)
        if caller is not None and wanted is not None and wanted.number:
            async with self._database.reading() as connection:
                held = await self._viewers.held(connection, caller.person_id)
            await self._reading.number(caller, held)
        async with self._database.reading() as connection:
            viewer = None if caller is None else caller.person_id
            near = None
            if viewer is not None and wanted is not None:
                near = await statements.near(connection, filters, viewer)
            found = await self.page(connection, text, filters, after, limit, viewer, near)
        if caller is not None:
            await self.count_names(caller, found.people)
        return found

    async def page(
        self,
        connection: AsyncConnection,
        text: str,
        filters: statements.Filters,
        after: str | None,
        limit: int,
        viewer: PersonId | None,
        near: statements.Filters | None = None,
    ) -> wire.People:
        """Return a page of the people whom a text and filters find, as the viewer is shown them;
        None: an operator. ``near``: the first people whom these find are on the first page alone,
        before all but exact names, and beyond its limit. Raises BadRequest."""
        try:
            place = rules.page_place(after) if after else None
        except ValueError as error:
            raise errors.BadRequest(reason="after") from error
        wanted = words.search(text)
        if wanted is not None and wanted.digits and viewer is not None:
            known = await self._by_digits(connection, viewer, wanted)
            filters = filters._replace(narrowing=[*filters.narrowing, known])
            near = near and near._replace(narrowing=[*near.narrowing, known])
        rows, total = await statements.page(
            connection, wanted, filters, after=place, limit=limit + 1
        )
        page = rows[:limit]
        last = page[-1] if len(rows) > limit else None
        if near is not None:
            first, _ = await statements.page(connection, wanted, near, after=None, limit=NEAR)
            known_near = {row.person_id for row in first}
            page = [row for row in page if row.person_id not in known_near]
            if place is None:
                page = sorted([*first, *page], key=lambda row: row.tier > 0)
        ids = [PersonId(row.person_id) for row in page]
        cards = await self.cards(connection, ids, viewer)
        if wanted is not None and wanted.number:
            whole = (await self.cards(connection, ids, None)).values()
            cards |= {one.person_id: one for one in whole if one.number.endswith(wanted.number)}
        return wire.People(
            people=[cards[PersonId(row.person_id)] for row in page],
            next=None if last is None else rules.page_token(last.tier, last.sort_key),
            total=total,
        )

    async def person(self, caller: Caller, person_id: PersonId) -> wire.Person:
        """Return one person's card. Raises NotFound, RateLimited."""
        async with self._database.reading() as connection:
            cards = await self.cards(connection, [person_id], caller.person_id)
        card = cards.get(person_id)
        await self.count_names(caller, cards.values(), unknown=1 - len(cards))
        if card is None:
            raise errors.NotFound
        return card

    async def count_names(
        self, caller: Caller, cards: Collection[wire.Person], unknown: int = 0
    ) -> None:
        """Count names that a caller reads, and unknown ids, towards the limit, which keeps a person
        from copying all names of the force. Raises RateLimited before any name is answered. The
        caller of this method holds no connection."""
        async with self._database.reading() as connection:
            held = await self._viewers.held(connection, caller.person_id)
            stored = await self.stored_paths(connection)
        paths = [stored.get(one.unit_id, WHOLE).strip("/") for one in cards] + [WHOLE] * unknown
        await self._reading.names(caller, held, paths)

    async def _by_digits(
        self, connection: AsyncConnection, viewer: PersonId, wanted: words.SearchTerms
    ) -> ColumnElement[bool]:
        """Return the condition of people whom a part of a number may find: the viewer, people
        whose numbers the viewer is shown, of the first 2,000, and people whose codes begin so."""
        held = await self._viewers.held(connection, viewer)
        found = await statements.first_found(connection, wanted, MOST_BY_DIGITS)
        seen = await places.holding(connection, numbers.clauses(held), found)
        coded = store.people.c.code.startswith(wanted.digits, autoescape=True)
        return or_(coded, store.people.c.person_id.in_({viewer, *seen}))

    # --- For other roles, in their transactions -------------------------------------------

    async def active_people(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return which of these people are in the data bank and active."""
        return await store.active(connection, person_ids)

    async def lock_active(self, connection: AsyncConnection, person_id: PersonId) -> bool:
        """Return whether a person is active, and keep it so until the transaction ends."""
        return await store.lock_active(connection, person_id)

    async def active_by_number(self, connection: AsyncConnection, number: str) -> PersonId | None:
        """Return the active person with this number (E.164)."""
        row = await store.by_number(connection, number)
        return None if row is None else PersonId(row.person_id)

    async def card(self, connection: AsyncConnection, person_id: PersonId) -> wire.Person | None:
        """Return one person's card, as they are shown it themselves."""
        return (await self.cards(connection, [person_id], None)).get(person_id)

    async def cards(
        self,
        connection: AsyncConnection,
        person_ids: Collection[PersonId],
        viewer: PersonId | None,
    ) -> dict[PersonId, wire.Person]:
        """Return cards by id, as the viewer is shown them; None: an operator."""
        rows = await store.by_id(connection, person_ids)
        found = await cards.made_of(connection, rows, self._registered)
        if viewer is not None:
            held = await self._viewers.held(connection, viewer)
            places_held = cards.places(rows, found, await self.stored_paths(connection))
            found = numbers.shown(found, places_held, viewer, held)
        return {card.person_id: card for card in found}

    async def heads_own_unit(self, connection: AsyncConnection, person_id: PersonId) -> bool:
        """Return whether a person heads their own unit."""
        rows = await store.by_id(connection, [person_id])
        return any(row.head and row.status == "active" for row in rows)

    async def plates(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, Plate]:
        """Return what the cards of these people must say."""
        rows = await store.plates(connection, person_ids)
        return {PersonId(row.person_id): rules.plate(row) for row in rows}

    async def changed_since(self, connection: AsyncConnection, version: int) -> list[PersonId]:
        """Return the people whom changes after a version may concern; all where units changed."""
        return await store.changed_since(connection, version)

    def people_below(self, paths: Sequence[str]) -> Select[tuple[PersonId]]:
        """Return a statement of everybody at or below these unit paths (as cards write them)."""
        return store.people_at_or_below([rules.stored_path(path) for path in paths])

    async def rights_bases(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, RightsBasis]:
        """Return what rights over these people rest on, so far as they are in the data bank."""
        charged: dict[PersonId, set[str]] = defaultdict(set)
        for row in await posting_store.charged_paths(connection, person_ids):
            charged[PersonId(row.person_id)].add(row.path.strip("/"))
        return {
            person_id: RightsBasis(row.status, row.path.strip("/"), frozenset(charged[person_id]))
            for row in await store.rights_bases(connection, person_ids)
            for person_id in [PersonId(row.person_id)]
        }

    async def units_above(self, connection: AsyncConnection, person_id: PersonId) -> list[UnitId]:
        """Return the unit of a person's post and those above it, from the top."""
        base = (await self.rights_bases(connection, [person_id])).get(person_id)
        return [] if base is None else [UnitId(one) for one in base.path.split("/")]

    async def holders(
        self, connection: AsyncConnection, person_ids: Collection[PersonId] | None
    ) -> dict[PersonId, Holder]:
        """Return what the rights of these people rest on, of active ones alone; None: of all."""
        if person_ids is None:
            person_ids = await places.audience(connection, EVERYBODY)
        found = {
            one.person_id: Holder(
                one.rank,
                tuple(
                    HeldPlace(place.path.strip("/"), place.level, place.roles, place.head)
                    for place in one.places
                ),
            )
            for one in await places.facts(connection, person_ids)
        }
        missing = set(person_ids) - found.keys()
        if missing:
            placeless = await store.active(connection, missing)
            found |= dict.fromkeys(placeless, Holder("", ()))
        return found

    async def seniorities(self, connection: AsyncConnection) -> dict[str, int]:
        """Return the position of each rank; higher is more senior."""
        ranks = (await self._read_directory(connection)).ranks
        return {one.code: one.order for one in ranks}

    async def vocabulary(self, connection: AsyncConnection) -> tuple[set[str], set[str]]:
        """Return the codes of levels and of roles."""
        directory = await self._read_directory(connection)
        return {one.code for one in directory.levels}, {one.code for one in directory.roles}

    async def path_of(self, connection: AsyncConnection, unit_id: UnitId) -> str | None:
        """Return a unit's path, as cards write it; None for an unknown unit."""
        path = (await self.stored_paths(connection)).get(unit_id)
        return None if path is None else path.strip("/")

    async def has_unit(self, connection: AsyncConnection, path: str) -> bool:
        """Return whether there is a unit with this path (as cards write it)."""
        return await store.has_path(connection, rules.stored_path(path))

    async def count_people(
        self, connection: AsyncConnection, paths: Collection[str] | None = None
    ) -> int:
        """Return how many people who are not removed are at or below these unit paths (as cards
        write them); None: in all."""
        stored = None if paths is None else [rules.stored_path(path) for path in paths]
        return await store.count_people(connection, stored)

    async def people_version(self, connection: AsyncConnection) -> int:
        """Return a number that grows with every change of people or units."""
        return await store.people_version(connection)

    def found_by(self, text: str) -> Select[tuple[str, str]]:
        """Return a statement of who is found by a text, everybody by none: person ids, and sort
        keys that list seniors first, then by name."""
        dialect = "sqlite" if self._database.is_sqlite else "postgresql"
        return statements.found_by(dialect, words.search(text))

    async def audience(
        self, connection: AsyncConnection, rule: wire.Audience
    ) -> dict[PersonId, bool]:
        """Return the active people of an audience, with whether each is an admin of its
        conversation."""
        paths = await self.stored_paths(connection)
        leading = audiences.leading(rule, paths, await self._speakers(connection))
        people = await places.audience(connection, rule)
        leaders = await places.audience(connection, wire.Audience(include=list(leading)))
        return {person: person in leaders for person in people}

    async def _speakers(self, connection: AsyncConnection) -> audiences.Speakers:
        """Return who may write to large groups (``send_large``), by the rights table."""
        table = await self._rights.table(connection)
        return audiences.speakers(table, await self.seniorities(connection))

    async def posts_of(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PostId]:
        """Return the posts that these people hold. One statement."""
        return await places.posts_of(connection, person_ids)

    async def belonging(
        self, connection: AsyncConnection, rules: Mapping[K, wire.Audience]
    ) -> places.Belonging[K]:
        """Return many audiences, ready to be asked about people."""
        paths = await self.stored_paths(connection)
        return places.Belonging(
            AudienceIndex.compile(rules, paths, await self._speakers(connection))
        )

    async def group_policy(self, connection: AsyncConnection) -> list[wire.GroupPolicy]:
        """Return the policy of standing groups."""
        return await policies.read(connection)

    async def standing_groups(self, connection: AsyncConnection) -> list[StandingGroup]:
        """Return the groups that the policy makes of the units that there are."""
        policy = await policies.read(connection)
        if not policy:
            return []
        return standing.expand(policy, (await self._read_directory(connection)).units)

    async def manages_audience(
        self, connection: AsyncConnection, person_id: PersonId, rule: wire.Audience
    ) -> bool:
        """Return whether a person may make a conversation of an audience: manages groups over
        every unit of its clauses, over the top for a clause without units, and over the units of
        the people whom it names."""
        touched = audiences.touched(rule, await self.stored_paths(connection))
        if touched is None:
            return False
        named = await self.rights_bases(connection, rule.people)
        touched += [one.path for one in named.values()]
        held = await self._rights.of(connection, person_id)
        return bool(touched) and held.lacking("manage_groups", touched) is None

    async def manages_people(
        self, connection: AsyncConnection, person_id: PersonId, people: Collection[PersonId]
    ) -> bool:
        """Return whether a person manages groups over the units of all these people."""
        bases = await self.rights_bases(connection, people)
        held = await self._rights.of(connection, person_id)
        return held.lacking("manage_groups", {one.path for one in bases.values()}) is None

    async def require_valid(self, connection: AsyncConnection, rule: wire.Audience) -> None:
        """Raise AudienceInvalid for a rule that asks for nothing, or for a unit or a post
        that is not there."""
        reason = audiences.problem(rule)
        if reason is not None:
            raise errors.AudienceInvalid(reason=reason)
        paths = await self.stored_paths(connection)
        for clause in (*rule.include, *rule.exclude):
            for unit in clause.units:
                if unit not in paths:
                    raise errors.AudienceInvalid(reason="no such unit", unit_id=unit)
            known = {row["post_id"] for row in await post_store.by_id(connection, clause.posts)}
            for post_id in clause.posts:
                if post_id not in known:
                    raise errors.AudienceInvalid(reason="no such post", post_id=post_id)

    async def stored_paths(self, connection: AsyncConnection) -> dict[UnitId, str]:
        """Return the paths of all units, read again when the organisation has changed."""
        version = await store.directory_version(connection)
        if self._paths is None or self._paths[0] != version:
            self._paths = version, await store.unit_paths(connection)
        return self._paths[1]
