"""Conversations and who belongs to them; what the department does to clients."""

from collections.abc import Collection
from typing import Literal

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.bus import AnyWakeup, ConversationWakeup
from copconnect.database import chunks
from copconnect.delivery import (
    audience_store,
    cell_store,
    key_package_store,
    leaf_store,
    log_store,
    member_store,
    name_locks,
    rules,
    store,
    view_store,
)
from copconnect.delivery.parts import Parts
from copconnect.delivery.ports import Organisation, Registrations
from copconnect.delivery.roster_change import Reason, RosterEdit, edit_rosters
from copconnect.delivery.roster_plan import LeafEdit
from copconnect.delivery.standing import Held, KnownEntry
from copconnect.ids import CellId, ClientId, ConversationId, EntryId, PersonId
from copconnect.principals import Caller, RegisteredClient
from copconnect.wakeup_log import WakeupLog

MEMBERS_PAGE = 200
_LATEST_MS = 2**53
_LEAVING_REPEATED_MS = 60_000
_CHANGE = msgspec.msgpack.Decoder(wire.RosterChange)


class Membership:
    """Creates conversations and changes rosters. Holds no state of its own."""

    def __init__(self, parts: Parts, organisation: Organisation, wakeup_log: WakeupLog) -> None:
        self._parts = parts
        self._organisation = organisation
        self._log = wakeup_log

    # --- What members ask -------------------------------------------------------------------

    async def create(self, caller: Caller, body: wire.CreateConversation) -> wire.Conversation:
        """Create a conversation, or answer the one that is already there."""
        people = _others(caller, body)
        parts = self._parts
        async with parts.database.transaction() as connection:
            active = await parts.registrations.active_people(connection, people)
            missing = set(people) - active
            if missing:
                raise errors.NotFound(person_id=min(missing))
            await name_locks.share(connection, "people", [caller.person_id, *people])
            conversation_id, wakeups = await self._create(connection, caller, body, people)
        await parts.bus.publish(wakeups)
        return await self.conversation(caller, conversation_id)

    async def _create(
        self,
        connection: AsyncConnection,
        caller: Caller,
        body: wire.CreateConversation,
        people: list[PersonId],
    ) -> tuple[ConversationId, list[AnyWakeup]]:
        parts = self._parts
        conversation_id = ConversationId(body.conversation_id)
        now_ms = parts.clock.now_ms()
        direct = body.kind == "direct"
        key = rules.direct_key(caller.person_id, people[0]) if direct else None
        held = Held.new(body, parts.suite.number)
        added = await store.add_conversation(connection, held, caller.person_id, now_ms, key)
        if not added:
            existing = await store.find_direct(connection, key) if key else None
            if existing is not None:
                return existing, []
            if await store.created_by(connection, conversation_id) != caller.person_id:
                raise errors.BadRequest(reason="conversation_id is taken")
            return conversation_id, []
        await store.require_not_too_many(
            connection, caller.person_id, parts.conversations_per_hour, now_ms
        )
        cell_id = CellId(body.cell_id)
        if await cell_store.cell_taken(connection, cell_id):
            raise errors.BadRequest(reason="cell_id is taken")
        everybody = [caller.person_id, *people]
        admins = [] if direct else [caller.person_id]
        clients = await valid_clients(connection, parts.registrations, everybody)
        await member_store.add_members(
            connection, conversation_id, [(p, p in admins) for p in everybody], now_ms
        )
        edit = RosterEdit(
            reason="created",
            by=caller.person_id,
            sender=caller.client_id,
            leaves=LeafEdit(add=clients, first_cell=cell_id),
            added_people=everybody,
            made_admin=admins,
            even_if_same=True,
        )
        return conversation_id, await edit_rosters(
            connection, parts, [held], {conversation_id: edit}
        )

    async def change_members(
        self, caller: Caller, conversation_id: ConversationId, body: wire.ChangeMembers
    ) -> wire.Conversation:
        """Change who belongs. A leaver is answered too, with the conversation as it is now, and a
        minute long if they ask again."""
        parts = self._parts
        add = [PersonId(one) for one in body.add]
        async with parts.database.transaction() as connection:
            if add:
                await name_locks.share(connection, "people", add)
            clients = await valid_clients(connection, parts.registrations, add)
            held = await self._hold(connection, conversation_id)
            known = await log_store.find_entry(connection, conversation_id, EntryId(body.change_id))
            if known is not None and known.sender != caller.client_id:
                raise errors.BadRequest(reason="change_id is taken")
            if known is not None:
                return await self._repeated(connection, caller, conversation_id, known)
            members = await member_store.member_flags(connection, conversation_id)
            plan = rules.plan_members(body, held.kind, members, caller.person_id)
            missing = set(plan.add) - await parts.registrations.active_people(connection, plan.add)
            if missing:
                raise errors.NotFound(person_id=min(missing))
            if plan.empty:
                return await self._even_if_left(connection, caller, conversation_id)
            await self._apply(connection, conversation_id, plan)
            leaving = plan.remove == (caller.person_id,)
            edit = RosterEdit(
                reason="left" if leaving else "members",
                by=caller.person_id,
                sender=caller.client_id,
                entry_id=EntryId(body.change_id),
                leaves=LeafEdit(
                    add=[one for one in clients if one.person_id in plan.add],
                    drop_people=plan.remove,
                ),
                added_people=plan.add,
                removed_people=plan.remove,
                made_admin=plan.make_admin,
                revoked_admin=plan.revoke_admin,
                even_if_same=True,
            )
            wakeups = await edit_rosters(connection, parts, [held], {conversation_id: edit})
            after = await self._even_if_left(connection, caller, conversation_id)
        await parts.bus.publish(wakeups)
        return after

    async def _apply(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        plan: rules.MembershipPlan,
    ) -> None:
        if plan.remove:
            await member_store.remove_members(connection, conversation_id, plan.remove)
        now_ms = self._parts.clock.now_ms()
        await member_store.add_members(
            connection,
            conversation_id,
            [(person, person in plan.make_admin) for person in plan.add],
            now_ms,
        )
        if plan.make_admin:
            await member_store.set_admin(connection, conversation_id, plan.make_admin, True)
        if plan.revoke_admin:
            await member_store.set_admin(connection, conversation_id, plan.revoke_admin, False)

    async def change_policy(
        self, caller: Caller, conversation_id: ConversationId, body: wire.ChangePolicy
    ) -> wire.Conversation:
        """Change who may post; admins of a group only."""
        parts = self._parts
        async with parts.database.transaction() as connection:
            held = await self._hold(connection, conversation_id)
            members = await member_store.member_flags(connection, conversation_id)
            if caller.person_id not in members:
                raise errors.NotMember
            if not members[caller.person_id] or held.kind != "group":
                raise errors.NotAdmin
            await store.change_conversations(
                connection, [{"id": conversation_id, "who_may_post": body.who_may_post}]
            )
            wakeups = [ConversationWakeup(conversation_id=conversation_id, person_ids=[])]
            await self._log.record(connection, wakeups)
            after = await view_store.conversations_of(connection, caller, conversation_id)
        await parts.bus.publish(wakeups)
        return _one(after)

    async def set_preferences(
        self, caller: Caller, conversation_id: ConversationId, body: wire.SetPreferences
    ) -> wire.Conversation:
        """Store the caller's own settings and tell their other clients."""
        parts = self._parts
        if not -1 <= (body.muted_until_ms or 0) <= _LATEST_MS:
            raise errors.BadRequest(reason="muted_until_ms is no time")
        async with parts.database.transaction() as connection:
            await member_store.set_preferences(connection, conversation_id, caller.person_id, body)
            after = await view_store.conversations_of(connection, caller, conversation_id)
            found = _one(after)
            mine = [caller.person_id]
            wakeups = [ConversationWakeup(conversation_id=conversation_id, person_ids=mine)]
            await self._log.record(connection, wakeups)
        await parts.bus.publish(wakeups)
        return found

    async def conversations(self, caller: Caller) -> wire.Conversations:
        """Return every conversation of the caller's person."""
        async with self._parts.database.reading() as connection:
            found = await view_store.conversations_of(connection, caller)
        return wire.Conversations(conversations=found)

    async def conversation(
        self, caller: Caller, conversation_id: ConversationId
    ) -> wire.Conversation:
        """Return one conversation. Raises NotMember."""
        async with self._parts.database.reading() as connection:
            return _one(await view_store.conversations_of(connection, caller, conversation_id))

    async def members(
        self, caller: Caller, conversation_id: ConversationId, after: str, text: str = ""
    ) -> wire.Members:
        """Return a page of members whom a text finds, seniors first, for members."""
        found = self._organisation.found_by(text)
        async with self._parts.database.reading() as connection:
            version = await view_store.receipts_version(
                connection, conversation_id, caller.person_id
            )
            if version is None:
                raise errors.NotMember
            page = await view_store.members_page(
                connection, conversation_id, found, after, MEMBERS_PAGE + 1
            )
        more = len(page) > MEMBERS_PAGE
        page = page[:MEMBERS_PAGE]
        return wire.Members(
            members=page,
            next=page[-1].person_id if more else None,
            receipts_version=version,
        )

    # --- What the department does (the other roles' Memberships protocol) -------------------

    async def client_added(
        self, connection: AsyncConnection, client: RegisteredClient
    ) -> list[AnyWakeup]:
        """A person has a new client: name it in every conversation of theirs."""
        return await self._name(connection, client, "device_added")

    async def certificate_renewed(
        self, connection: AsyncConnection, client: RegisteredClient
    ) -> list[AnyWakeup]:
        """A client has a new certificate: rosters name both until its leaf was replaced, and its
        key packages serve until it has uploaded others. Without any, who begins a conversation with
        it now would found the cell alone."""
        return await self._name(connection, client, "renewed")

    async def _name(
        self, connection: AsyncConnection, client: RegisteredClient, reason: Reason
    ) -> list[AnyWakeup]:
        await name_locks.claim(connection, "people", [client.person_id])
        # Rosters of audiences are large: they take up many clients at once (audiences.py).
        await audience_store.mark(connection, client.person_id)
        found = await member_store.conversations_with_person(connection, client.person_id)
        found = await audience_store.without_audience(connection, found)
        held = await store.hold(connection, found)
        # Again: the person may have left one while its row was awaited.
        still = set(await member_store.conversations_with_person(connection, client.person_id))
        held = [one for one in held if one.conversation_id in still]
        if not held:
            return []
        edit = {
            one.conversation_id: RosterEdit(
                reason=reason,
                by=client.person_id,
                leaves=LeafEdit(add=[client], leave_out_if_full=True),
            )
            for one in held
        }
        return await edit_rosters(connection, self._parts, held, edit)

    async def clients_removed(
        self,
        connection: AsyncConnection,
        client_ids: Collection[ClientId],
        reason: Literal["device_removed", "department"],
    ) -> list[AnyWakeup]:
        """Clients were revoked: they lose their place everywhere, their key packages and
        Welcomes. A data bank that lost many people makes these tens of thousands."""
        if not client_ids:
            return []
        await name_locks.claim(connection, "clients", client_ids)
        found = await leaf_store.conversations_with_clients(connection, client_ids)
        wakeups: list[AnyWakeup] = []
        for some in chunks(sorted(found)):  # Held in ascending order, as all at once would be.
            held = await store.hold(connection, some)
            edits = {
                one.conversation_id: RosterEdit(
                    reason=reason,
                    by=None,
                    leaves=LeafEdit(drop_clients=found[one.conversation_id]),
                )
                for one in held
            }
            wakeups += await edit_rosters(connection, self._parts, held, edits)
        # After the conversations, as whoever adds these clients to one does: each would wait for
        # the other.
        for part in chunks(client_ids):
            await key_package_store.forget(connection, part)
            await cell_store.drop_welcomes(connection, part)
        return wakeups

    # --- Inside -----------------------------------------------------------------------------

    async def _repeated(
        self,
        connection: AsyncConnection,
        caller: Caller,
        conversation_id: ConversationId,
        known: KnownEntry,
    ) -> wire.Conversation:
        """Answer a change that was made before. Who no longer belongs gets an answer only to their
        own leaving and only for a moment: it tells how the conversation is now."""
        found = await view_store.conversations_of(connection, caller, conversation_id)
        if found or self._parts.clock.now_ms() - known.sent_ms >= _LEAVING_REPEATED_MS:
            return _one(found)
        entry = await log_store.entry_at(connection, conversation_id, known.seq)
        if (
            entry is None
            or known.kind != "roster"
            or _CHANGE.decode(entry.payload).reason != "left"
        ):
            raise errors.NotMember
        return await self._even_if_left(connection, caller, conversation_id)

    async def _even_if_left(
        self, connection: AsyncConnection, caller: Caller, conversation_id: ConversationId
    ) -> wire.Conversation:
        return _one(
            await view_store.conversations_of(
                connection, caller, conversation_id, even_if_left=True
            )
        )

    async def _hold(self, connection: AsyncConnection, conversation_id: ConversationId) -> Held:
        held = await store.hold(connection, [conversation_id])
        if not held:
            raise errors.NotMember
        return held[0]


async def valid_clients(
    connection: AsyncConnection, registrations: Registrations, people: Collection[PersonId]
) -> list[RegisteredClient]:
    """Return the people's clients, such that none is revoked unnoticed meanwhile."""
    clients = await registrations.clients_of(connection, people) if people else []
    ids = [one.client_id for one in clients]
    if ids and await name_locks.share(connection, "clients", ids):
        clients = await registrations.clients_of(connection, people)
    return clients


def _others(caller: Caller, body: wire.CreateConversation) -> list[PersonId]:
    if body.kind not in ("direct", "group") or body.audience is not None or not body.person_ids:
        raise errors.BadRequest(reason=f"a {body.kind} conversation needs people")
    people = sorted({PersonId(one) for one in body.person_ids})
    if caller.person_id in people:
        raise errors.BadRequest(reason="person_ids includes the caller")
    if body.kind == "direct" and len(people) != 1:
        raise errors.BadRequest(reason="a direct conversation has one other person")
    return people


def _one(found: list[wire.Conversation]) -> wire.Conversation:
    if not found:
        raise errors.NotMember
    return found[0]
