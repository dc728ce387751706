"""Rounds that bring rosters up to date: audiences after the data bank, and changes that wait.

One node does them, about once a second. Changes that another process made in the data bank are
found by a number that the directory raises, and the people whom they concern are compared; changes
of devices and members are found by marks that are set in the transaction that makes them. Every ten
minutes all people of all audiences are compared.

Invariants: a person who loses their place is taken out with the next round, however large the
conversation; changes that take nobody out of a conversation of more than 256 devices wait until its
newest head, or the oldest of them, is ``roster_batch_ms`` old, or until a head is made anyway, so
that it gets few heads. A mark is forgotten only after its change has committed, and only if it is
not newer; taking one up twice changes nothing.
"""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.background import Periodic
from copconnect.database.engine import chunks
from copconnect.delivery.dependencies import Dependencies
from copconnect.delivery.rosters import name_locks
from copconnect.delivery.rosters.change import RosterEdit, change_rosters
from copconnect.delivery.rosters.drawing import difference
from copconnect.delivery.rules.history import history_from
from copconnect.delivery.store import audiences, conversations, leaves, marks, members
from copconnect.delivery.store.conversations import Held
from copconnect.delivery.store.members import NewMember
from copconnect.ids import ConversationId, PersonId
from copconnect.leases import Leases

_ROUND_S = 1.0
_ALL_ANEW_MS = 600_000
_TOGETHER = 2_000  # People of one transaction, which holds the conversation meanwhile.
_LEASE_S = 30.0
_TELL_MS = 1_000


class Following:
    """Does the rounds."""

    def __init__(self, deps: Dependencies, leases: Leases) -> None:
        self._deps = deps
        self._people_version: int | None = None
        self._later = deps.database.later()
        self._compared_ms = 0
        rounds = leases.in_turn("rosters", self.round, _LEASE_S)
        self._rounds = Periodic("rosters", rounds, _ROUND_S)

    async def start(self) -> None:
        """Begin."""
        await self._rounds.start()

    async def close(self) -> None:
        """Stop."""
        await self._rounds.close()

    async def round(self) -> None:
        """Take up what has changed since the last round, as far as it is due."""
        deps, now_ms = self._deps, self._deps.clock.now_ms()
        async with deps.database.reading() as connection:
            followed = await audiences.all_rules(connection)
            waiting = await marks.waiting(connection)
        if followed:
            await self._follow_data_bank(followed, now_ms)
        due_ms = now_ms - deps.options.roster_batch_ms
        for one in waiting:
            small = one.devices <= wire.CELL_SIZE
            if small or min(one.since_ms, one.head_ms) <= due_ms:
                await self.take_up_marked(one.conversation_id)

    async def _follow_data_bank(self, followed: Collection[ConversationId], now_ms: int) -> None:
        deps, former = self._deps, self._people_version
        changed: Collection[PersonId] | None = None
        async with deps.database.reading() as connection:
            version = await deps.organisation.people_version(connection)
            anew = former is None or now_ms - self._compared_ms >= _ALL_ANEW_MS
            if former is not None and not anew:
                if version == former:
                    return
                changed = await deps.organisation.changed_since(connection, former)
        # Everybody is cut off before anybody is told: thousands of devices answer a new roster.
        told_ms = now_ms
        for conversation_id in followed:
            await self._compare(conversation_id, changed)
            if deps.clock.now_ms() - told_ms >= _TELL_MS:
                await self._later.publish()
                told_ms = deps.clock.now_ms()
        await self._later.publish()
        self._people_version = version
        if anew:
            self._compared_ms = now_ms

    async def take_up_marked(
        self, conversation_id: ConversationId, also: Collection[PersonId] = ()
    ) -> None:
        """Take up every change that waits in a conversation. ``also``: these people's, first."""
        await self._take_up_marked(conversation_id, also)
        await self._later.publish()

    async def _take_up_marked(
        self, conversation_id: ConversationId, also: Collection[PersonId]
    ) -> None:
        more = sorted(also)
        while True:
            async with self._deps.database.reading() as connection:
                found = await marks.marked(connection, conversation_id, _TOGETHER)
            people = sorted({*more[:_TOGETHER], *found})
            if not people:
                return
            await self.take_up(conversation_id, people)
            more = more[_TOGETHER:]
            async with self._deps.database.transaction() as connection:
                await marks.forget(connection, conversation_id, found)

    async def compare(
        self, conversation_id: ConversationId, only: Collection[PersonId] | None = None
    ) -> None:
        """Compare the people of an audience with the data bank; ``only``: these people. In a large
        one people who come wait for the next batch, unless a head is made anyway for others who
        go."""
        await self._compare(conversation_id, only)
        await self._later.publish()

    async def _compare(
        self, conversation_id: ConversationId, only: Collection[PersonId] | None
    ) -> None:
        deps = self._deps
        async with deps.database.reading() as connection:
            losing, others, large = await self._differing(connection, conversation_id, only)
        if not large:
            for some in chunks(sorted(losing | others), _TOGETHER):
                await self.take_up(conversation_id, some)
            return
        async with deps.database.transaction() as connection:
            waiting = [(conversation_id, person) for person in others]
            await marks.add(connection, waiting, deps.clock.now_ms())
        if losing:
            await self._take_up_marked(conversation_id, losing)

    async def _differing(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        only: Collection[PersonId] | None,
    ) -> tuple[set[PersonId], set[PersonId], bool]:
        """Return who loses a place, whose membership or devices differ otherwise, and whether the
        conversation is large."""
        held = await conversations.read(connection, [conversation_id])
        rule = await audiences.rule_of(connection, conversation_id)
        if not held or rule is None:
            return set(), set(), False
        wanted = await wanted_people(connection, self._deps, rule, held[0].created_by, only)
        there = await members.admins_by_person(connection, conversation_id, only)
        listed = await leaves.owners(connection, conversation_id, only)
        devices = {
            one.device: one.person_id
            for one in await self._deps.devices.devices_of(connection, list(wanted))
        }
        losing = {person for person in there if person not in wanted}
        losing |= {listed[one] for one in listed.keys() - devices.keys()}
        others = {person for person, admin in wanted.items() if there.get(person) != admin}
        others |= {devices[one] for one in devices.keys() - listed.keys()}
        return losing, others - losing, held[0].devices > wire.CELL_SIZE

    async def take_up(self, conversation_id: ConversationId, people: Collection[PersonId]) -> None:
        """Bring membership and devices of these people up to date, with one head."""
        deps = self._deps
        async with deps.database.transaction(self._later) as connection:
            await name_locks.share(connection, people)
            held = await conversations.hold(connection, [conversation_id])
            if not held:
                return
            rule = await audiences.rule_of(connection, conversation_id)
            edit = RosterEdit()
            if rule is not None:
                edit = await self._follow(connection, held[0], rule, people)
            belonging = await members.members_at(connection, conversation_id, people)
            devices = await deps.devices.devices_of(connection, list(belonging))
            listed = await leaves.of_people(connection, people, conversation_id)
            found = difference(held[0], belonging, devices, listed.get(conversation_id, []))
            whole = RosterEdit(found, edit.members, edit.info, edit.people)
            if not found.empty or edit.info:
                await change_rosters(connection, deps, held, {conversation_id: whole})

    async def _follow(
        self,
        connection: AsyncConnection,
        held: Held,
        rule: wire.Audience,
        people: Collection[PersonId],
    ) -> RosterEdit:
        """Write who of these people belongs by the data bank."""
        c, now_ms = held.conversation_id, self._deps.clock.now_ms()
        wanted = await wanted_people(connection, self._deps, rule, held.created_by, people)
        there = await members.admins_by_person(connection, c, people)
        add = sorted(wanted.keys() - there.keys())
        remove = sorted(there.keys() - wanted.keys())
        admins = {person: wanted[person] for person in wanted.keys() & there.keys()}
        promoted = sorted(one for one, admin in admins.items() if admin and not there[one])
        demoted = sorted(one for one, admin in admins.items() if not admin and there[one])
        await members.remove(connection, c, remove, now_ms)
        returning = await members.former(connection, c, add)
        new = [
            NewMember(
                one,
                wanted[one],
                history_from(held.kind, held.history_days, now_ms, returned=one in returning),
            )
            for one in add
        ]
        await members.add(connection, c, new, now_ms)
        await members.set_admin(connection, c, promoted, admin=True)
        await members.set_admin(connection, c, demoted, admin=False)
        changed = {*add, *remove, *promoted, *demoted}
        return RosterEdit(members=len(add) - len(remove), info=bool(changed), people=changed)


async def wanted_people(
    connection: AsyncConnection,
    deps: Dependencies,
    rule: wire.Audience,
    creator: PersonId,
    only: Collection[PersonId] | None,
) -> dict[PersonId, bool]:
    """Return who belongs, with whether they are admins: the audience, and its creator for as long
    as they administer it."""
    wanted = await deps.organisation.audience(connection, rule, only)
    asked = (only is None or creator in only) and not wanted.get(creator)
    if asked and await deps.organisation.administers(connection, creator, rule):
        wanted[creator] = True
    return wanted
