"""Conversations: created by people, shown to them, their policy and their people's own settings.

A conversation's people may be anybody in the data bank, registered or not: a message waits for
them. Creating is idempotent by id; a direct conversation's id is that of its two people (R10), so
that both may create it at once. Row, members, leaves and first head are one transaction.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from msgspec.structs import replace as replace_wire
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.bus import ConversationWakeup
from copconnect.database.engine import Transaction
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters import name_locks, showing
from copconnect.delivery.rosters.change import RosterEdit, change_rosters
from copconnect.delivery.rosters.drawing import barred_of, difference, leaf_of
from copconnect.delivery.rules.history import history_from
from copconnect.delivery.rules.membership import others_of
from copconnect.delivery.rules.roster_plan import LeafEdit
from copconnect.delivery.store import audiences, conversations, leaves, members, views
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.delivery.store.members import NewMember
from copconnect.ids import ConversationId, PersonId
from copconnect.principals import Caller, ListedDevice
from copconnect.records.conversation.roster import direct_id

MEMBERS_PAGE = 200
_LATEST_MS = 2**53


class Conversations:
    """Creates and shows conversations. Stateless."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps

    # --- Creating -----------------------------------------------------------------------------

    async def create(self, caller: Caller, body: wire.CreateConversation) -> wire.Conversation:
        """Create a direct conversation or group, or answer the one that is already there.

        Raises BadRequest, NotFound, GroupTooLarge, RateLimited.
        """
        people = others_of(caller.person_id, body)
        if body.kind == "direct":
            other = people[0] if people else caller.person_id
            _check_direct_id(caller.person_id, other, body.conversation_id)
        deps = self._deps
        async with deps.database.transaction() as connection:
            await require_active(connection, deps, people)
            await require_size(connection, deps, caller.person_id, people)
            await name_locks.share(connection, [caller.person_id, *people])
            await self._create(connection, caller, body, people)
        return await self.conversation(caller, ConversationId(body.conversation_id))

    async def _create(
        self,
        connection: Transaction,
        caller: Caller,
        body: wire.CreateConversation,
        people: list[PersonId],
    ) -> None:
        deps, now_ms = self._deps, self._deps.clock.now_ms()
        direct = body.kind == "direct"
        held = ConversationRow.new(body, caller.person_id, deps.options.kem)
        everybody = sorted([caller.person_id, *people])
        pair = f"{everybody[0]}:{everybody[-1]}" if direct else None
        if not await conversations.add(connection, held, now_ms, pair):
            creator = await conversations.created_by(connection, held.conversation_id)
            if not direct and creator != caller.person_id:
                raise errors.BadRequest(reason="conversation_id is taken")
            return
        await conversations.require_not_too_many(
            connection, caller.person_id, deps.options.limits.conversations_per_hour, now_ms
        )
        new = [
            NewMember(
                person,
                admin=person == caller.person_id and not direct,
                history_from_ms=history_from(body.kind, body.history_days, now_ms, returned=False),
            )
            for person in everybody
        ]
        await found(connection, deps, {held: new}, caller.person_id)

    # --- Showing ------------------------------------------------------------------------------

    async def conversations(self, caller: Caller) -> wire.Conversations:
        """Return every conversation of the caller's person."""
        async with self._deps.database.reading() as connection:
            shown = await showing.conversations(connection, self._deps, caller)
        return wire.Conversations(conversations=shown)

    async def conversation(
        self, caller: Caller, conversation_id: ConversationId
    ) -> wire.Conversation:
        """Return one conversation. Raises NotMember."""
        async with self._deps.database.reading() as connection:
            return await showing.conversation(connection, self._deps, caller, conversation_id)

    async def members(
        self,
        caller: Caller,
        conversation_id: ConversationId,
        after: str = "",
        text: wire.SearchText = "",
    ) -> wire.Members:
        """Return a page of members whom a text finds, seniors first, for members.

        A member without a listed device has not registered yet, or has signed out."""
        by_text = self._deps.organisation.found_by(text)
        async with self._deps.database.reading() as connection:
            version = await views.receipts_version(connection, conversation_id, caller.person_id)
            if version is None:
                raise errors.NotMember
            page = await views.members_page(
                connection, conversation_id, by_text, after, MEMBERS_PAGE + 1
            )
            absent = [one.person_id for one in page if not one.devices]
            signed_out = await self._deps.devices.ever_registered(connection, absent)
        page = [
            replace_wire(one, registered=True) if one.person_id in signed_out else one
            for one in page
        ]
        more = len(page) > MEMBERS_PAGE
        page = page[:MEMBERS_PAGE]
        return wire.Members(
            members=page, next=page[-1].person_id if more else None, receipts_version=version
        )

    # --- Settings -----------------------------------------------------------------------------

    async def change_who_may_send(
        self, caller: Caller, conversation_id: ConversationId, body: wire.ChangeWhoMaySend
    ) -> wire.Conversation:
        """Change who may send, which every leaf signs; admins of a group only."""
        deps = self._deps
        async with deps.database.transaction() as connection:
            held = await conversations.hold_one(connection, conversation_id)
            mine = await members.members_at(connection, conversation_id, [caller.person_id])
            if caller.person_id not in mine:
                raise errors.NotMember
            if not mine[caller.person_id][0] or held.kind != "group":
                raise errors.NotAdmin
            if held.who_may_send != body.who_may_send:
                held = replace(held, who_may_send=body.who_may_send)
                await apply_who_may_send(connection, deps, held)
            return await showing.conversation(connection, deps, caller, conversation_id)

    async def set_preferences(
        self, caller: Caller, conversation_id: ConversationId, body: wire.SetPreferences
    ) -> wire.Conversation:
        """Store the caller's own settings and tell their other devices."""
        deps = self._deps
        if not -1 <= (body.muted_until_ms or 0) <= _LATEST_MS:
            raise errors.BadRequest(reason="muted_until_ms is out of range")
        async with deps.database.transaction() as connection:
            await members.set_preferences(connection, conversation_id, caller.person_id, body)
            mine = [caller.person_id]
            connection.after_commit(
                ConversationWakeup(conversation_id=conversation_id, person_ids=mine)
            )
            return await showing.conversation(connection, deps, caller, conversation_id)


# --- For everything that makes rosters --------------------------------------------------------


async def found(
    connection: Transaction,
    deps: DeliveryDependencies,
    new: Mapping[ConversationRow, Collection[NewMember]],
    added_by: PersonId | None,
) -> None:
    """Store the first members of new conversations and their first heads. As many statements for
    many conversations as for one."""
    people = {held.conversation_id: own for held, own in new.items()}
    await members.add(connection, people, deps.clock.now_ms(), added_by)
    everybody = {one.person_id for own in new.values() for one in own}
    devices: dict[PersonId, list[ListedDevice]] = {}
    for device in await deps.devices.devices_of(connection, everybody):
        devices.setdefault(device.person_id, []).append(device)
    barred = await barred_of(connection, deps, everybody)
    edits: dict[ConversationId, RosterEdit] = {}
    for held, own in new.items():
        grown = replace(held, members=len(own))
        leaves_there = [
            leaf_of(grown, device, (one.admin, one.history_from_ms), barred)
            for one in own
            for device in devices.get(one.person_id, ())
        ]
        added = sorted(leaves_there, key=lambda leaf: leaf.device)
        edits[held.conversation_id] = RosterEdit(LeafEdit(add=added), len(own), info=True)
    await change_rosters(connection, deps, list(new), edits)


async def apply_who_may_send(
    connection: Transaction, deps: DeliveryDependencies, held: ConversationRow
) -> None:
    """Write who may send in a conversation that the caller holds, and sign it in every leaf.
    ``held``: as it shall be."""
    c = held.conversation_id
    await conversations.change(
        connection, [{"conversation_id": c, "who_may_send": held.who_may_send}]
    )
    await audiences.touch(connection, c)
    listed = await leaves.all_current(connection, c)
    people = await members.members_at(connection, c, {one.leaf.person_id for one in listed})
    again = [leaves.device_of(one) for one in listed]
    barred = await barred_of(connection, deps, list(people))
    edit = difference(held, people, again, listed, barred)
    edits = {c: RosterEdit(LeafEdit(alter=edit.alter), info=True, people=people.keys())}
    await change_rosters(connection, deps, [held], edits)


async def require_active(
    connection: AsyncConnection, deps: DeliveryDependencies, people: Collection[PersonId]
) -> None:
    """Raise NotFound unless all these people are in the data bank and active."""
    missing = set(people) - await deps.people.active_people(connection, people)
    if missing:
        raise errors.NotFound(person_id=min(missing))


async def require_size(
    connection: AsyncConnection,
    deps: DeliveryDependencies,
    person_id: PersonId,
    people: Collection[PersonId],
) -> None:
    """Raise GroupTooLarge for a person with so many others, unless the person manages groups over
    the units of all of them."""
    limit, others = deps.options.limits.group_people, set(people) - {person_id}
    if len(others) >= limit and not await deps.organisation.manages_people(
        connection, person_id, others
    ):
        raise errors.GroupTooLarge(limit=limit)


def _check_direct_id(one: PersonId, other: PersonId, conversation_id: str) -> None:
    if direct_id(bytes.fromhex(one), bytes.fromhex(other)).hex() != conversation_id:
        raise errors.BadRequest(reason="conversation_id is not that of these two people (R10)")
