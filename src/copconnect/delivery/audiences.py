"""Conversations whose people follow the data bank: everyone, or units with those below.

Invariants: suspensions and revocations take effect at once, in the transaction that makes them, as
everywhere; everything else (people who come, go or are promoted, new and renewed devices) is taken
up here, by one node, within a second or two, with one change of roster for each conversation and
round. What another process changed is found by a number that the roster raises, and clients by
marks that are set in the transaction that changes them. Every ten minutes all is compared anew.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.background import Periodic
from copconnect.bus import AnyWakeup
from copconnect.delivery import (
    audience_store,
    cell_store,
    leaf_store,
    member_store,
    name_locks,
    store,
    view_store,
)
from copconnect.delivery.membership import valid_clients
from copconnect.delivery.parts import Parts
from copconnect.delivery.ports import Organisation
from copconnect.delivery.roster_change import RosterEdit, edit_rosters
from copconnect.delivery.roster_plan import LeafEdit
from copconnect.delivery.standing import Held
from copconnect.ids import CellId, ClientId, ConversationId, PersonId
from copconnect.leases import Leases
from copconnect.principals import Caller, RegisteredClient

_ROUND_S = 1.0
_ALL_ANEW_MS = 600_000
_TOGETHER = 500  # People looked at in one transaction, which holds the conversation meanwhile.
_LEASE_S = 30.0
_KINDS: Collection[wire.ConversationKind] = ("unit", "announcement")


@dataclass(frozen=True, slots=True)
class _Changes:
    """What a round changes in one conversation."""

    add_people: Mapping[PersonId, bool]  # With whether they are admins.
    remove_people: Collection[PersonId]
    make_admin: Collection[PersonId]
    revoke_admin: Collection[PersonId]
    leaves: LeafEdit

    @property
    def of_people(self) -> bool:
        """Whether people come, go or change."""
        return bool(self.add_people or self.remove_people or self.make_admin or self.revoke_admin)


class Audiences:
    """Creates such conversations and keeps them up to date."""

    def __init__(self, parts: Parts, organisation: Organisation, leases: Leases) -> None:
        self._parts = parts
        self._organisation = organisation
        self._people_version: int | None = None
        self._compared_ms = 0
        rounds = leases.in_turn("audiences", self.round, _LEASE_S)
        self._rounds = Periodic("audiences", rounds, _ROUND_S)

    async def start(self) -> None:
        """Begin to follow the data bank."""
        await self._rounds.start()

    async def close(self) -> None:
        """Stop."""
        await self._rounds.close()

    # --- Creating -----------------------------------------------------------------------------

    async def create(self, caller: Caller, body: wire.CreateConversation) -> wire.Conversation:
        """Create a conversation for an audience that the caller administers.

        Raises BadRequest, NotFound, NotUnitAdmin.
        """
        rule = _rule_of(body)
        async with self._parts.database.reading() as connection:
            if not await self._organisation.administers(connection, caller.person_id, rule):
                raise errors.NotUnitAdmin
        await self.create_for(caller.person_id, body, caller.client_id)
        async with self._parts.database.reading() as connection:
            found = await view_store.conversations_of(
                connection, caller, ConversationId(body.conversation_id), even_if_left=True
            )
        return found[0]

    async def create_for(
        self,
        creator: PersonId,
        body: wire.CreateConversation,
        client_id: ClientId | None = None,
    ) -> tuple[int, int]:
        """Create a conversation in the name of ``creator``, who belongs to it as an admin while
        they administer the audience. All its cells are opened at once.

        Returns how many people and cells it has.
        """
        rule = _rule_of(body)
        parts = self._parts
        conversation_id, now_ms = ConversationId(body.conversation_id), parts.clock.now_ms()
        async with parts.database.transaction() as connection:
            held = Held.new(body, parts.suite.number)
            if not await store.add_conversation(connection, held, creator, now_ms):
                if await store.created_by(connection, conversation_id) != creator:
                    raise errors.BadRequest(reason="conversation_id is taken")
                return await self._size(connection, conversation_id)
            if client_id is not None:  # The department's own command is not limited.
                await store.require_not_too_many(
                    connection, creator, parts.conversations_per_hour, now_ms
                )
            if await cell_store.cell_taken(connection, CellId(body.cell_id)):
                raise errors.BadRequest(reason="cell_id is taken")
            await audience_store.add(connection, conversation_id, rule)
            wanted = await self._wanted(connection, rule, creator, None)
            clients = await parts.registrations.clients_of(connection, wanted.keys())
            await member_store.add_members(connection, conversation_id, wanted.items(), now_ms)
            edit = RosterEdit(
                reason="created",
                by=creator,
                sender=client_id,
                leaves=LeafEdit(add=clients, first_cell=CellId(body.cell_id)),
                added_people=sorted(wanted),
                made_admin=sorted(person for person, admin in wanted.items() if admin),
                even_if_same=True,
            )
            wakeups = await edit_rosters(connection, parts, [held], {conversation_id: edit})
        await parts.bus.publish(wakeups)
        # Who was revoked or came while so many were read is found by looking again.
        await self.compare(conversation_id)
        async with parts.database.reading() as connection:
            return await self._size(connection, conversation_id)

    async def _size(
        self, connection: AsyncConnection, conversation_id: ConversationId
    ) -> tuple[int, int]:
        (held,) = await store.read(connection, [conversation_id])
        return held.members, held.cells

    async def rules(self) -> list[wire.Audience]:
        """Return the rules of all conversations that have one."""
        async with self._parts.database.reading() as connection:
            return list((await audience_store.rules(connection)).values())

    # --- Following ----------------------------------------------------------------------------

    async def round(self) -> None:
        """Take up what has changed since the last round."""
        parts, now_ms = self._parts, self._parts.clock.now_ms()
        async with parts.database.reading() as connection:
            followed = await audience_store.rules(connection)
            if not followed:
                return
            version = await self._organisation.people_version(connection)
            marks = await audience_store.marked(connection, _TOGETHER)
        if version != self._people_version or now_ms - self._compared_ms >= _ALL_ANEW_MS:
            for conversation_id in followed:
                await self.compare(conversation_id)
            self._people_version, self._compared_ms = version, now_ms
        if marks:
            # Who is to belong and does not yet is found by comparing: these have other clients.
            async with parts.database.reading() as connection:
                concerned = await audience_store.concerned(connection, marks.keys())
            for conversation_id, people in concerned.items():
                await self._follow(conversation_id, people)
            async with parts.database.transaction() as connection:
                await audience_store.forget(connection, marks)

    async def compare(self, conversation_id: ConversationId) -> None:
        """Compare everybody, and take up what differs."""
        differing = sorted(await self._differing(conversation_id))
        for at in range(0, len(differing), _TOGETHER):
            await self._follow(conversation_id, differing[at : at + _TOGETHER])

    async def _differing(self, conversation_id: ConversationId) -> set[PersonId]:
        """Return the people whose membership or clients are not as they should be."""
        parts = self._parts
        async with parts.database.reading() as connection:
            found = await self._audience_of(connection, conversation_id)
            if found is None:
                return set()
            wanted = await self._wanted(connection, *found, None)
            members = await member_store.member_flags(connection, conversation_id)
            placed = await leaf_store.owners_in(connection, conversation_id)
            # Of a station's conversation that is some tens of people, and there are a thousand.
            people = {*wanted, *members, *(person for _, person in placed.values())}
            valid = await parts.registrations.certificates(connection, people)
        differing = {
            person
            for person in wanted.keys() | members.keys()
            if wanted.get(person) != members.get(person)
        }
        newest = {client_id: (one, person) for one, (client_id, person) in valid.items()}
        differing |= {
            person
            for certificate_hash, person in newest.values()
            if person in wanted and certificate_hash not in placed
        }
        return differing | {
            person
            for certificate_hash, (client_id, person) in placed.items()
            if client_id not in newest
            or (certificate_hash not in valid and newest[client_id][0] in placed)
        }

    async def _follow(self, conversation_id: ConversationId, people: Collection[PersonId]) -> None:
        """Bring the membership and clients of these people up to date, in one roster change."""
        parts = self._parts
        async with parts.database.transaction() as connection:
            await name_locks.share(connection, "people", people)
            clients = await valid_clients(connection, parts.registrations, people)
            held = await store.hold(connection, [conversation_id])
            found = await self._audience_of(connection, conversation_id)
            if not held or found is None:
                return
            wanted = await self._wanted(connection, *found, people)
            changes = await self._changes(connection, held[0], wanted, people, clients)
            wakeups = await self._apply(connection, held[0], changes)
        await parts.bus.publish(wakeups)

    async def _changes(
        self,
        connection: AsyncConnection,
        held: Held,
        wanted: Mapping[PersonId, bool],
        people: Collection[PersonId],
        clients: Collection[RegisteredClient],
    ) -> _Changes:
        conversation_id = held.conversation_id
        members = await member_store.member_flags(connection, conversation_id, people)
        named = await leaf_store.leaves_named(connection, [conversation_id], (), people)
        leaves = [leaf for leaf in named.get(conversation_id, []) if leaf.person_id in people]
        there = {leaf.certificate_hash for leaf in leaves}
        newest = {one.client_id: one.certificate_hash for one in clients}
        expired = await _expired(connection, leaves, clients)
        return _Changes(
            add_people={p: admin for p, admin in wanted.items() if p not in members},
            remove_people=members.keys() - wanted.keys(),
            make_admin=[p for p, admin in wanted.items() if admin and not members.get(p, True)],
            revoke_admin=[p for p, admin in wanted.items() if not admin and members.get(p)],
            leaves=LeafEdit(
                add=[
                    one
                    for one in clients
                    if one.person_id in wanted
                    and one.certificate_hash not in there
                    # A renewed one that was dropped (commits.py) is not named again.
                    and newest[one.client_id] not in there
                ],
                drop_people=members.keys() - wanted.keys(),
                drop_clients={leaf.client_id for leaf in leaves} - newest.keys(),
                drop_certificates=expired,
            ),
        )

    async def _apply(
        self, connection: AsyncConnection, held: Held, changes: _Changes
    ) -> list[AnyWakeup]:
        conversation_id = held.conversation_id
        if changes.remove_people:
            await member_store.remove_members(connection, conversation_id, changes.remove_people)
        now_ms = self._parts.clock.now_ms()
        await member_store.add_members(
            connection, conversation_id, changes.add_people.items(), now_ms
        )
        if changes.make_admin:
            await member_store.set_admin(connection, conversation_id, changes.make_admin, True)
        if changes.revoke_admin:
            await member_store.set_admin(connection, conversation_id, changes.revoke_admin, False)
        new_admins = [person for person, admin in changes.add_people.items() if admin]
        edit = RosterEdit(
            reason="department",
            by=None,
            leaves=changes.leaves,
            added_people=sorted(changes.add_people),
            removed_people=sorted(changes.remove_people),
            made_admin=sorted([*new_admins, *changes.make_admin]),
            revoked_admin=sorted(changes.revoke_admin),
            even_if_same=changes.of_people,
        )
        return await edit_rosters(connection, self._parts, [held], {conversation_id: edit})

    async def _audience_of(
        self, connection: AsyncConnection, conversation_id: ConversationId
    ) -> tuple[wire.Audience, PersonId] | None:
        """Return a conversation's rule and who created it."""
        rule = (await audience_store.rules(connection, conversation_id)).get(conversation_id)
        creator = await store.created_by(connection, conversation_id)
        return None if rule is None or creator is None else (rule, PersonId(creator))

    async def _wanted(
        self,
        connection: AsyncConnection,
        rule: wire.Audience,
        creator: PersonId,
        only: Collection[PersonId] | None,
    ) -> dict[PersonId, bool]:
        """Return who belongs, with whether they are admins: the audience, and its creator for as
        long as they administer it."""
        wanted = await self._organisation.audience(connection, rule, only)
        asked = (only is None or creator in only) and not wanted.get(creator)
        if asked and await self._organisation.administers(connection, creator, rule):
            wanted[creator] = True
        return wanted


async def _expired(
    connection: AsyncConnection,
    leaves: Collection[wire.RosterLeaf],
    clients: Collection[RegisteredClient],
) -> dict[str, ClientId]:
    """Return the certificates, with whose they are, that have expired beside a newer one of their
    client in the same cell. One that the cell's tree carries stays until its client replaces it
    (commits.py): a Remove would put the client out."""
    valid = {one.certificate_hash for one in clients}
    newest = {one.client_id: one.certificate_hash for one in clients}
    there = {(leaf.cell_id, leaf.certificate_hash) for leaf in leaves}
    expired = [
        leaf
        for leaf in leaves
        if leaf.certificate_hash not in valid
        and (leaf.cell_id, newest.get(leaf.client_id)) in there
    ]
    if not expired:
        return {}
    trees = await cell_store.trees_of(connection, {leaf.cell_id for leaf in expired})
    carried = {one.certificate_hash for tree in trees.values() for one in tree}
    return {
        leaf.certificate_hash: leaf.client_id
        for leaf in expired
        if leaf.certificate_hash not in carried
    }


def _rule_of(body: wire.CreateConversation) -> wire.Audience:
    rule = body.audience
    if rule is None or body.kind not in _KINDS:
        raise errors.BadRequest(reason=f"an audience and a {body.kind} conversation do not go")
    if body.person_ids:
        raise errors.BadRequest(reason="an audience names its people")
    if rule.everyone == bool(rule.unit_ids):
        raise errors.BadRequest(reason="everyone, or some units")
    return rule
