"""Rounds that bring rosters up to date: audiences after the data bank, and changes that wait.

One process does them: where a node has several, one that serves no sockets. A round follows each
commit that it is about (HeadsDueWakeup), and comes once a second, because a wake-up may be lost
and batches become due. Changes that another process made in the data bank are
found by a number that the directory raises, and the people whom they concern are compared with all
rules at once; changes of devices and members are found by pending people, who are written in the
transaction of the change. Every ten minutes everybody is compared, and when a process begins to do
rounds unless the data bank is as the last round left it.

Invariants: the next round's first transaction cuts off a person who loses their place, and a head
of that round removes them, however large the conversation. The next round also applies changes that
remove nobody. A conversation of more than 256 devices that got ``immediate_heads`` heads within an
hour delays such changes until its newest head, or the oldest change, is ``roster_batch_ms`` old, or
until it gets a head for another reason, so that it gets few heads. A pending person is forgotten
only after the change has committed, and only if there is none newer; applying one twice changes
nothing. A conversation that is shut has a pending person, so that the next round opens it after a
crash.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.bus import AnyWakeup, HeadsDueWakeup
from copconnect.database.engine import chunks
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters import standing
from copconnect.delivery.rosters.updating import PeopleByConversation, update_people, wanted_people
from copconnect.delivery.rules.limits import HOUR_MS
from copconnect.delivery.rules.rights import issuing
from copconnect.delivery.store import audiences, conversations, leaves, members, pending
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.ids import ConversationId, PersonId
from copconnect.leases import Leases

ROUND_S = 1.0
_ALL_ANEW_MS = 600_000
TOGETHER = 2_000  # People of one transaction, which holds the conversations meanwhile.
# As above where a conversation is shut: nobody sends there, and each head rekeys the same cells.
_SHUT_TOGETHER = 10_000
_COMPARED_TOGETHER = 500  # People; between two such parts other work runs.
_SMALL_TOGETHER = 100  # Conversations of one transaction,
_LARGE_TOGETHER = 20  # and those of many cells, to which somebody may be sending.
_LEASE, _LEASE_S = "rosters", 30.0
_TELL_MS = 1_000


@dataclass(slots=True)
class _Difference:
    """People of one conversation: members who lose a place, and people whose membership or devices
    differ otherwise."""

    losing: set[PersonId] = field(default_factory=set)
    others: set[PersonId] = field(default_factory=set)


_Differences = dict[ConversationId, _Difference]
_Wanted = dict[ConversationId, dict[PersonId, bool]]


class Following:
    """Does the rounds."""

    def __init__(self, deps: DeliveryDependencies, leases: Leases) -> None:
        self._deps = deps
        self._draws = True
        self._people_version: int | None = None
        self._groups = standing.KnownGroups(deps)
        self._later = deps.database.later()
        self._compared_ms = 0
        self._told_ms = 0
        self._leases = leases
        self._rounds = leases.periodic(_LEASE, self.round, ROUND_S, _LEASE_S)

    def leave_heads(self) -> None:
        """Do no rounds, and leave heads of conversations of several cells to the process that does:
        this one serves sockets."""
        self._draws = False

    async def start(self) -> None:
        """Begin."""
        if self._draws:
            await self._rounds.start()

    async def on_wakeup(self, wakeup: AnyWakeup) -> None:
        """Do a round for a commit; subscribe this to the bus."""
        if isinstance(wakeup, HeadsDueWakeup):
            self._rounds.hurry()

    async def close(self) -> None:
        """Stop, and let another process begin at once."""
        await self._rounds.close()
        if self._draws:
            await self._leases.release(_LEASE)

    async def round(self) -> None:
        """Apply the changes since the last round that are due."""
        deps, now_ms = self._deps, self._deps.clock.now_ms()
        await self._follow_data_bank(now_ms)
        async with deps.database.reading() as connection:
            waiting = await pending.waiting(connection, deps.options.immediate_heads)
        due_ms = now_ms - deps.options.roster_batch_ms
        for one in waiting:
            at_once = one.shut or one.devices <= wire.CELL_SIZE
            at_once = at_once or (one.nth_head_ms or 0) < now_ms - HOUR_MS
            if at_once or min(one.since_ms, one.head_ms) <= due_ms:
                together = _SHUT_TOGETHER if one.shut else TOGETHER
                await self.update_pending(one.conversation_id, together)

    # --- The data bank ------------------------------------------------------------------------

    async def _follow_data_bank(self, now_ms: int) -> None:
        deps = self._deps
        async with deps.database.reading() as connection:
            version = await deps.organisation.people_version(connection)
            if self._people_version is None and await pending.followed(connection) == version:
                # Nothing changed while no process did rounds: tens of thousands come back now.
                self._people_version, self._compared_ms = version, now_ms
            former = self._people_version
            anew = former is None or now_ms - self._compared_ms >= _ALL_ANEW_MS
            if version == former and not anew:
                return
            since = -1 if anew or former is None else former
            changed = await deps.organisation.changed_since(connection, since)
            groups = await self._groups.read(connection)
        if groups.changed or groups.sending:
            await standing.write_changed(deps, self._later, groups)
        found, new = await self._compare_people(groups, changed)
        # A rule that changed may concern people who did not.
        for c in groups.changed:
            found[c] = await self._compare_conversation(c)
        await self._compare_issuers(None if anew else changed, found)
        await self._begin(groups, new, whole=anew)
        await self._apply(found)
        async with deps.database.transaction() as connection:
            await pending.set_followed(connection, version)
        self._people_version = version
        if anew:
            self._compared_ms = now_ms

    async def _compare_people(
        self, groups: standing.Groups, people: Iterable[PersonId]
    ) -> tuple[_Differences, _Wanted]:
        """Return what differs for these people, and which of them belong to the groups that are not
        there yet."""
        found: _Differences = {}
        new: _Wanted = {}
        rules = groups.all_rules
        async with self._deps.database.reading() as connection:
            belonging = await self._deps.organisation.belonging(connection, rules)
        for some in chunks(people, _COMPARED_TOGETHER):
            async with self._deps.database.reading() as connection:
                wanted = await wanted_people(
                    connection, self._deps, rules, belonging, groups.creators, some
                )
                for c in wanted.keys() & groups.new.keys():
                    new.setdefault(c, {}).update(wanted.pop(c))
                following = groups.creators.keys() | await self._of_posts(connection, some, wanted)
                places = await members.places_of(connection, some)
                there = {
                    place: admin for place, (admin, _) in places.items() if place[0] in following
                }
                await self._differ(connection, wanted, there, following, found, some)
        return found, new

    async def _compare_issuers(
        self, people: Collection[PersonId] | None, found: _Differences
    ) -> None:
        """Add to ``found`` whose leaves may issue other orders than the person may, in the
        conversations of these people; None: in all."""
        async with self._deps.database.reading() as connection:
            listed = await leaves.issuers_among(connection, people)
        for (c, person), rights in listed.items():
            async with self._deps.database.reading() as connection:
                may = await self._deps.orders.issuable(connection, c, person)
            if issuing(rights, may) != rights:
                found.setdefault(c, _Difference()).others.add(person)

    async def _of_posts(
        self, connection: AsyncConnection, people: Collection[PersonId], wanted: _Wanted
    ) -> Collection[ConversationId]:
        """Add the conversations with posts to which these people belong; return those to which they
        belong or belonged. Three statements more where there are any, however many."""
        organisation = self._deps.organisation
        posts = await organisation.posts_of(connection, people)
        rules = await audiences.with_posts(connection, posts, people)
        if rules:
            belonging = await organisation.belonging(connection, rules)
            wanted |= await belonging.of(connection, people)
        return rules.keys()

    async def _differ(
        self,
        connection: AsyncConnection,
        wanted: _Wanted,
        there: Mapping[tuple[ConversationId, PersonId], bool],
        following: Collection[ConversationId],
        found: _Differences,
        people: Collection[PersonId],
    ) -> None:
        """Add to ``found`` how the membership and devices of these people differ in the
        conversations that follow the data bank."""
        devices: dict[PersonId, set[bytes]] = {}
        for one in await self._deps.devices.devices_of(connection, people):
            devices.setdefault(one.person_id, set()).add(one.device)
        listed: dict[tuple[ConversationId, PersonId], set[bytes]] = {}
        for c, own in (await leaves.of_people(connection, people)).items():
            for leaf in own if c in following else ():
                listed.setdefault((c, leaf.leaf.person_id), set()).add(leaf.leaf.device)
        belonging = {(c, p): admin for c, own in wanted.items() for p, admin in own.items()}
        for place in (there.keys() | listed.keys()) - belonging.keys():
            found.setdefault(place[0], _Difference()).losing.add(place[1])
        for place, admin in belonging.items():
            c, person = place
            mine, now = devices.get(person, set()), listed.get(place, set())
            if now - mine:
                found.setdefault(c, _Difference()).losing.add(person)
            elif there.get(place) != admin or mine != now:
                found.setdefault(c, _Difference()).others.add(person)

    async def _begin(self, groups: standing.Groups, new: _Wanted, *, whole: bool) -> None:
        """Make the groups that have people now. ``whole``: ``new`` names all of them."""
        if not whole:
            async with self._deps.database.reading() as connection:
                new = {
                    c: await self._deps.organisation.audience(connection, groups.new[c].rule)
                    for c, some in new.items()
                    if some
                }
        await standing.begin(self._deps, self._later, groups.new, new)
        await self._later.publish()

    async def _apply(self, found: _Differences) -> None:
        """Bring conversations up to date. The first transaction cuts off everybody who left. Heads
        and wake-ups follow, because thousands of devices answer a new roster."""
        deps = self._deps
        self._told_ms = deps.clock.now_ms()
        async with deps.database.reading() as connection:
            held = await _read_all(connection, found)
        large = {c for c, one in held.items() if one.devices > wire.CELL_SIZE}
        losing = {c: one.losing for c, one in found.items() if one.losing}
        waiting = [(c, p) for c in large for p in found[c].others - found[c].losing]
        # A pending person makes the next round draw the head of a conversation that is shut: after
        # a crash, or in another process.
        left = {} if self._draws else {c: losing.pop(c) for c in large & losing.keys()}
        shut = [(c, min(people)) for c, people in losing.items()]
        shut += [(c, person) for c, people in left.items() for person in people]
        async with deps.database.transaction() as connection:
            for some in chunks(sorted(losing.keys() | left.keys())):
                await conversations.shut(connection, some)
            await pending.add(connection, [*waiting, *shut], deps.clock.now_ms())
        small = {c: {*one.losing, *one.others} for c, one in found.items() if c not in large}
        for batch in _batches(small, _SMALL_TOGETHER):
            await self._update_pending(batch)
            await self._tell_in_time()
        removed = {c: losing[c] for c in large & losing.keys()}
        for batch in _batches(removed, _LARGE_TOGETHER, _SHUT_TOGETHER):
            await self._update_pending(batch, _SHUT_TOGETHER)
            await self._tell_in_time()
        await self._later.publish()

    async def _tell_in_time(self) -> None:
        if self._deps.clock.now_ms() - self._told_ms >= _TELL_MS:
            await self._later.publish()
            self._told_ms = self._deps.clock.now_ms()

    # --- One conversation ---------------------------------------------------------------------

    async def compare(self, conversation_id: ConversationId) -> None:
        """Compare the people of an audience with the data bank. In a large one people who come wait
        for the next batch, unless a head is made anyway for others who go."""
        found = await self._compare_conversation(conversation_id)
        await self._apply({conversation_id: found})

    async def _compare_conversation(self, c: ConversationId) -> _Difference:
        found: _Differences = {}
        async with self._deps.database.reading() as connection:
            held = await _read_all(connection, [c])
            rules = await audiences.rules_of(connection, [c])
            if not held or not rules:
                return _Difference()
            there = await members.admins_by_person(connection, c)
            audience = await self._deps.organisation.audience(connection, rules[c])
            creators = {c: held[c].created_by}
            people = {*audience, *there, *filter(None, creators.values())}
            belonging = await self._deps.organisation.belonging(connection, rules)
            for some in chunks(sorted(people), _COMPARED_TOGETHER):
                wanted = await wanted_people(
                    connection, self._deps, rules, belonging, creators, some
                )
                mine = {(c, one): there[one] for one in some if one in there}
                await self._differ(connection, wanted, mine, [c], found, some)
        return found.get(c, _Difference())

    # --- Pending people -----------------------------------------------------------------------

    async def update_pending(
        self, conversation_id: ConversationId, together: int = TOGETHER
    ) -> None:
        """Apply every pending change of a conversation. ``together``: the most people of one
        transaction."""
        await self._update_pending({conversation_id: []}, together)
        await self._later.publish()

    async def update_people(self, people: PeopleByConversation) -> None:
        """Bring these people up to date in these conversations, in one transaction."""
        await update_people(self._deps, self._later, people)

    async def _update_pending(
        self, people: Mapping[ConversationId, Sequence[PersonId]], together: int = TOGETHER
    ) -> None:
        """Update these people, and apply every pending change of these conversations."""
        more: PeopleByConversation = people
        while True:
            async with self._deps.database.reading() as connection:
                found = await pending.people(connection, people, together)
            batch = {c: {*more.get(c, ()), *found.get(c, ())} for c in more.keys() | found.keys()}
            batch = {c: own for c, own in batch.items() if own}
            if not batch:
                return
            await self.update_people(batch)
            more = {}
            async with self._deps.database.transaction() as connection:
                await pending.forget(connection, found)


async def _read_all(
    connection: AsyncConnection, conversation_ids: Iterable[ConversationId]
) -> dict[ConversationId, ConversationRow]:
    found: dict[ConversationId, ConversationRow] = {}
    for some in chunks(sorted(conversation_ids)):
        found |= {one.conversation_id: one for one in await conversations.read(connection, some)}
    return found


def _batches(
    people: Mapping[ConversationId, Collection[PersonId]], most: int, together: int = TOGETHER
) -> Iterator[dict[ConversationId, list[PersonId]]]:
    """Yield conversations with their people, at most so many that a transaction stays short."""
    batch: dict[ConversationId, list[PersonId]] = {}
    size = 0
    for c, everybody in sorted(people.items()):
        for own in chunks(sorted(everybody), together):
            full = len(batch) == most or size + len(own) > together
            if batch and (full or c in batch):
                yield batch
                batch, size = {}, 0
            batch[c] = own
            size += len(own)
    if batch:
        yield batch
