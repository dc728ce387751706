"""Key packages: clients upload them, members claim them to add clients to a cell."""

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.delivery import key_package_store, leaf_store, store
from copconnect.delivery.parts import Parts
from copconnect.delivery.suites import SUITES
from copconnect.ids import ClientId, ConversationId
from copconnect.principals import Caller

REPEAT_MS = 60_000  # A repeated claim answers the same packages for this long.


class KeyPackages:
    """Keeps and hands out key packages."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def upload(self, caller: Caller, body: wire.UploadKeyPackages) -> wire.KeyPackageCounts:
        """Store packages of the caller; uploading the same bytes again changes nothing."""
        if body.suite not in SUITES:
            raise errors.BadRequest(reason="a cipher suite that no conversation has")
        async with self._parts.database.transaction() as connection:
            await key_package_store.add(
                connection, caller.client_id, body.suite, body.one_time, body.last_resort
            )
            return await self._counts(connection, caller)

    async def count(self, caller: Caller) -> wire.KeyPackageCounts:
        """Return how many packages the caller has left, of each suite that they should have."""
        async with self._parts.database.reading() as connection:
            return await self._counts(connection, caller)

    async def _counts(self, connection: AsyncConnection, caller: Caller) -> wire.KeyPackageCounts:
        due = await key_package_store.suites_in_use(connection, caller.person_id)
        due.add(self._parts.suite.number)
        return wire.KeyPackageCounts(
            counts=await key_package_store.count(connection, caller.client_id, due)
        )

    async def claim(self, caller: Caller, body: wire.ClaimKeyPackages) -> wire.ClaimedKeyPackages:
        """Hand out one package for each asked client that is in the conversation's roster."""
        parts = self._parts
        conversation_id = ConversationId(body.conversation_id)
        now_ms = parts.clock.now_ms()
        async with parts.database.transaction() as connection:
            held = await store.hold(connection, [conversation_id])
            asked = {ClientId(one) for one in body.client_ids}
            leaves = await leaf_store.leaves_named(
                connection, [conversation_id], {caller.client_id, *asked}
            )
            person = {leaf.client_id: leaf.person_id for leaf in leaves.get(conversation_id, [])}
            if caller.client_id not in person:
                raise errors.NotMember
            asked &= person.keys()
            claims = await key_package_store.claimed_before(
                connection, conversation_id, caller.client_id, asked, now_ms - REPEAT_MS
            )
            asked -= {claim.client_id for claim in claims}
            suite = held[0].suite
            taken = await key_package_store.take_one_time(connection, suite, asked) if asked else {}
            missing = asked - taken.keys()
            if missing:
                taken |= await key_package_store.last_resorts(connection, suite, missing)
            new = [
                wire.ClaimedKeyPackage(
                    client_id=client, person_id=person[client], key_package=package
                )
                for client, package in taken.items()
            ]
            if new:
                await key_package_store.remember_claims(
                    connection, conversation_id, caller.client_id, new, now_ms
                )
        return wire.ClaimedKeyPackages(
            key_packages=sorted([*claims, *new], key=lambda one: one.client_id)
        )
