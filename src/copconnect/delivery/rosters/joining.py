"""Requests to join groups.

A group is invisible to people outside it unless an admin lists it: then people at or below one unit
find its listing, whose words the server reads. They ask with a reason that is sealed to the admins'
devices (F4). An admin who accepts adds the person (membership.py), which drops the request; a
refused person may ask again a day later, and one who withdrew an hour after the request.

Invariants: a person has one request for a group; a repeat while it is open changes the reason alone
and notifies nobody; withdrawn and refused requests count for the day's limit; a request that nobody
answers ends after 14 days; who asks and who answers is one transaction, and the other side's
devices hear of it after its commit.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from copconnect import errors, wire
from copconnect.bus import AccountWakeup
from copconnect.database.engine import Transaction
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rules.limits import DAY_MS, HOUR_MS, JOIN_REQUEST_MS
from copconnect.delivery.store import conversations, joining, members
from copconnect.ids import ConversationId, PersonId
from copconnect.principals import Caller
from copconnect.records.conversation.envelope import JOIN, parse_envelope
from copconnect.records.primitives.fields import Refused

_MOST_ADMINS = 32
_OPEN_REQUESTS = 20  # A person has no more, and asks no more groups in a day.
_OPEN_OF_GROUP = 100
_LISTINGS = 10  # That one admin has listed.


class Joining:
    """Lists groups, and takes requests to join them. Stateless."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps

    async def joining(self, caller: Caller) -> wire.Joining:
        """Return the groups that the caller may ask to join or has listed, with open requests."""
        organisation, me = self._deps.organisation, caller.person_id
        since_ms = self._deps.clock.now_ms() - JOIN_REQUEST_MS
        async with self._deps.database.reading() as connection:
            units = await organisation.units_above(connection, me)
            own = await joining.listed_by(connection, me)
            rows = [*own, *await joining.listed_to(connection, me, units, since_ms)]
            admins: dict[str, list[PersonId]] = defaultdict(list)
            for row in await joining.admins(connection, [one.conversation_id for one in rows]):
                admins[row.conversation_id].append(PersonId(row.person_id))
            mine = [ConversationId(one.conversation_id) for one in own]
            requests = await joining.open_requests(connection, mine, since_ms)
        groups = [
            wire.ListedGroup(
                conversation_id=ConversationId(row.conversation_id),
                listing=wire.GroupListing(
                    title=row.title, purpose=row.purpose, unit_id=row.unit_id
                ),
                members=row.members,
                admins=admins[row.conversation_id][:_MOST_ADMINS],
                mine=bool(row.admin),
                asked_ms=None if row.refused_ms else row.asked_ms,
                refused_ms=row.refused_ms,
            )
            for row in rows
        ]
        return wire.Joining(
            groups=groups,
            requests=[
                wire.JoinRequest(
                    conversation_id=ConversationId(row.conversation_id),
                    person_id=PersonId(row.person_id),
                    asked_ms=row.asked_ms,
                    sealed=row.sealed,
                )
                for row in requests
            ],
        )

    async def set_listing(
        self, caller: Caller, conversation_id: ConversationId, body: wire.SetListing
    ) -> None:
        """List a group to the people of a unit, or take it off the list. Raises NotMember,
        NotAdmin, NotFound for a unit that is neither the listing's nor the caller's or above it,
        RateLimited."""
        listing = body.listing
        async with self._deps.database.transaction() as connection:
            await self._require_admin(connection, caller, conversation_id)
            if listing is None:
                asking = await joining.unlist(connection, conversation_id)
                notify(connection, [*asking, *await self._admins(connection, conversation_id)])
                return
            units = await self._deps.organisation.units_above(connection, caller.person_id)
            # An admin of another unit may change the words and leave the unit.
            held = await joining.hold_listing(connection, conversation_id)
            if listing.unit_id not in (*units, held):
                raise errors.NotFound(unit_id=listing.unit_id)
            others = await joining.count_listings(connection, caller.person_id, conversation_id)
            if others >= _LISTINGS:
                raise errors.RateLimited(retry_after_ms=DAY_MS, limit="group_listings")
            await joining.list_group(connection, conversation_id, caller.person_id, listing)

    async def ask(
        self, caller: Caller, conversation_id: ConversationId, body: wire.AskToJoin
    ) -> None:
        """Ask to join a listed group, or give an open request another reason. Nothing changes
        for a member. Raises NotFound, JoinRefused, RateLimited, BadRequest."""
        deps, me, now_ms = self._deps, caller.person_id, self._deps.clock.now_ms()
        try:
            parse_envelope(JOIN, body.sealed)
        except Refused as refused:
            raise errors.BadRequest(reason=refused.message) from refused
        async with deps.database.transaction() as connection:
            # The listing's row alone: to lock the conversation would delay its posts.
            listed = await joining.hold_listing(connection, conversation_id)
            if await members.admins_by_person(connection, conversation_id, only=[me]):
                return
            units = await deps.organisation.units_above(connection, me)
            admins = await self._admins(connection, conversation_id)
            if listed not in units or not admins:
                raise errors.NotFound(conversation_id=conversation_id)
            known = await joining.own_request(connection, conversation_id, me)
            if await self._require_may_ask(connection, conversation_id, me, known):
                await joining.ask(connection, conversation_id, me, body.sealed, now_ms)
                notify(connection, admins)
            else:
                await joining.reseal(connection, conversation_id, me, body.sealed)

    async def _require_may_ask(
        self, connection: Transaction, conversation_id: ConversationId, me: PersonId, known: Any
    ) -> bool:
        """Check the limits of a new request; return False where the ``known`` one is open."""
        now_ms = self._deps.clock.now_ms()
        since_ms = now_ms - JOIN_REQUEST_MS
        if known is not None and known.refused_ms is not None:
            again_ms = known.refused_ms + DAY_MS
            if now_ms < again_ms:
                raise errors.JoinRefused(until_ms=again_ms)
        elif known is not None and known.withdrawn_ms is not None:
            wait_ms = known.asked_ms + HOUR_MS - now_ms
            if wait_ms > 0:
                raise errors.RateLimited(retry_after_ms=wait_ms, limit="join_requests")
        elif known is not None and known.asked_ms > since_ms:
            return False
        of_person = {"column": "person_id", "value": me}
        of_group = {"column": "conversation_id", "value": conversation_id}
        if (
            await joining.count_asked(connection, now_ms - DAY_MS, me) >= _OPEN_REQUESTS
            or await joining.count_open(connection, since_ms, **of_person) >= _OPEN_REQUESTS
            or await joining.count_open(connection, since_ms, **of_group) >= _OPEN_OF_GROUP
        ):
            raise errors.RateLimited(retry_after_ms=DAY_MS, limit="join_requests")
        return True

    async def withdraw(self, caller: Caller, conversation_id: ConversationId) -> None:
        """Take one's open request back; nothing changes where there is none."""
        async with self._deps.database.transaction() as connection:
            now_ms = self._deps.clock.now_ms()
            if await joining.withdraw(connection, conversation_id, caller.person_id, now_ms):
                notify(connection, await self._admins(connection, conversation_id))

    async def refuse(
        self, caller: Caller, conversation_id: ConversationId, body: wire.RefuseToJoin
    ) -> None:
        """Refuse a request to join; nothing changes where it is not open. Raises NotMember,
        NotAdmin."""
        now_ms, person_id = self._deps.clock.now_ms(), PersonId(body.person_id)
        async with self._deps.database.transaction() as connection:
            await self._require_admin(connection, caller, conversation_id)
            if await joining.refuse(connection, conversation_id, person_id, now_ms):
                admins = await self._admins(connection, conversation_id)
                notify(connection, [person_id, *admins])

    async def _require_admin(
        self, connection: Transaction, caller: Caller, conversation_id: ConversationId
    ) -> None:
        """Require that the caller administers a group."""
        me = caller.person_id
        admin = (await members.admins_by_person(connection, conversation_id, only=[me])).get(me)
        if admin is None:
            raise errors.NotMember
        (found,) = await conversations.read(connection, [conversation_id])
        if not admin or found.kind != "group":
            raise errors.NotAdmin

    async def _admins(
        self, connection: Transaction, conversation_id: ConversationId
    ) -> list[PersonId]:
        rows = await joining.admins(connection, [conversation_id])
        return [PersonId(row.person_id) for row in rows]


def notify(connection: Transaction, people: Collection[PersonId]) -> None:
    """Tell the devices of people, after the commit, to read what they may join again."""
    connection.after_commit(
        AccountWakeup(event="joining", person_ids=sorted(people), client_ids=[])
    )
