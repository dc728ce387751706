"""Changes of who belongs, by members.

Invariants: rows, head and the refusal of older keys are one transaction (D6); a change is made
once, by its id; a person who leaves may repeat the request for a minute and is answered how the
conversation is now. A change that takes nobody out of a conversation of more than 256 devices gives
its new members their places with the next batch (following.py).
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.database.engine import Transaction
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters import joining, name_locks, showing
from copconnect.delivery.rosters.change import RosterEdit, change_rosters
from copconnect.delivery.rosters.conversations import require_active, require_size
from copconnect.delivery.rosters.drawing import barred_of, difference
from copconnect.delivery.rules.history import history_from
from copconnect.delivery.rules.limits import JOIN_REQUEST_MS
from copconnect.delivery.rules.membership import MembershipPlan, plan_members
from copconnect.delivery.rules.roster_plan import LeafEdit
from copconnect.delivery.store import conversations, leaves, members, pending
from copconnect.delivery.store import joining as requests
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.delivery.store.members import KnownChange, NewMember
from copconnect.ids import ConversationId, PersonId
from copconnect.principals import Caller

_LEAVING_REPEATED_MS = 60_000


@dataclass(frozen=True, slots=True)
class _MembershipChange:
    """A request and what it really changes."""

    caller: Caller
    change_id: str
    plan: MembershipPlan


class Membership:
    """Changes members. Stateless."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps

    async def change(
        self, caller: Caller, conversation_id: ConversationId, body: wire.ChangeMembers
    ) -> wire.Conversation:
        """Change who belongs.

        Raises NotMember, NotAdmin, LastAdmin, NotFound, GroupTooLarge, RateLimited, BadRequest.
        """
        deps = self._deps
        add = [PersonId(one) for one in body.add]
        async with deps.database.transaction() as connection:
            await name_locks.share(connection, add)
            held = await conversations.hold_one(connection, conversation_id)
            known = await members.find_change(connection, conversation_id, body.change_id)
            if known is not None:
                return await self._repeated(connection, caller, conversation_id, known)
            people = await members.admins_by_person(connection, conversation_id)
            plan = plan_members(body, held.kind, people, caller.person_id)
            await require_active(connection, deps, plan.add)
            if plan.add:
                everybody = {*people, *plan.add}.difference(plan.remove)
                await require_size(connection, deps, caller.person_id, everybody)
            if not plan.empty:
                change = _MembershipChange(caller, body.change_id, plan)
                await self._apply(connection, held, change)
                # A request that is made at the same time waits, and finds its person a member.
                await requests.hold_listing(connection, conversation_id)
                since_ms = deps.clock.now_ms() - JOIN_REQUEST_MS
                asking = await requests.open_of(connection, conversation_id, plan.add, since_ms)
                if body.asked and set(asking) != set(plan.add):
                    raise errors.NotFound(conversation_id=conversation_id)
                await requests.drop(connection, conversation_id, plan.add)
                if asking:
                    admins = [one for one, admin in people.items() if admin]
                    joining.notify(connection, [*asking, *admins])
            return await showing.conversation(
                connection, deps, caller, conversation_id, even_if_left=True
            )

    async def _apply(
        self, connection: Transaction, held: ConversationRow, change: _MembershipChange
    ) -> None:
        deps, plan, c = self._deps, change.plan, held.conversation_id
        now_ms, caller = deps.clock.now_ms(), change.caller.person_id
        made = KnownChange(caller, now_ms, left=plan.remove == (caller,))
        limit = deps.options.limits.member_changes_per_hour
        await members.add_change(connection, c, change.change_id, made, limit)
        await members.remove(connection, {c: plan.remove}, now_ms, caller)
        returning = await members.former(connection, {c: plan.add})
        new = [
            NewMember(
                person,
                person in plan.make_admin,
                history_from(
                    held.kind, held.history_days, now_ms, returned=(c, person) in returning
                ),
            )
            for person in plan.add
        ]
        await members.add(connection, {c: new}, now_ms, caller)
        admins = dict.fromkeys(plan.make_admin, True) | dict.fromkeys(plan.revoke_admin, False)
        await members.set_admin(connection, {c: admins})
        concerned = {*plan.add, *plan.remove, *plan.make_admin, *plan.revoke_admin}
        edit = await self._edit(connection, held, concerned)
        if held.devices > wire.CELL_SIZE and not edit.drop:
            await pending.add(connection, [(c, person) for person in concerned], now_ms)
            edit = LeafEdit()
        grown = len(plan.add) - len(plan.remove)
        edits = {c: RosterEdit(edit, members=grown, info=True, people=concerned)}
        await change_rosters(connection, deps, [held], edits)

    async def _edit(
        self, connection: AsyncConnection, held: ConversationRow, people: set[PersonId]
    ) -> LeafEdit:
        c = held.conversation_id
        belonging = await members.members_at(connection, c, people)
        listed = await leaves.of_people(connection, people, [c])
        devices = await self._deps.devices.devices_of(connection, list(belonging))
        barred = await barred_of(connection, self._deps, list(belonging))
        return difference(held, belonging, devices, listed.get(c, []), barred)

    async def _repeated(
        self,
        connection: AsyncConnection,
        caller: Caller,
        conversation_id: ConversationId,
        known: KnownChange,
    ) -> wire.Conversation:
        """Answer a change that was made before. A person who no longer belongs is answered only
        about their own leaving, and only for a moment: it tells how the conversation is now."""
        if known.person_id != caller.person_id:
            raise errors.BadRequest(reason="change_id is taken")
        recently = self._deps.clock.now_ms() - known.changed_ms < _LEAVING_REPEATED_MS
        return await showing.conversation(
            connection,
            self._deps,
            caller,
            conversation_id,
            even_if_left=known.left and recently,
        )
