"""Legal holds: set and lifted by acts of two admins.

While a conversation is held, the server deletes nothing of its log: no message after the retention
time, and no key, head, leaf, certificate or order that proves or opens what is left. A deletion
(M3) moves body, edits and files to rows that no request reads: to a device it is a
deletion like any other, and no answer to a device names the hold. Invariants: a hold keeps what
there is when it begins and restores nothing; its row is never deleted; the same act again changes
nothing.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit.hold_acts import HoldLifted, MessagesHeld
from copconnect.database.engine import Transaction
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rules.limits import DAY_MS
from copconnect.delivery.store import conversations, holds
from copconnect.ids import ConversationId, PersonId
from copconnect.principals import Signer

_LISTED = 1_000


class LegalHolds:
    """Sets, lifts and lists them. Stateless."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps

    async def check(self, connection: AsyncConnection, act: wire.HoldMessages) -> int:
        """Return how many people belong to the conversation that an act would hold; 1 for a
        person. Raises ActInvalid, NotFound."""
        if (act.conversation_id is None) == (act.person_id is None):
            raise errors.ActInvalid(reason="a hold is on a conversation or on a person")
        if act.until_ms is not None and act.until_ms <= self._deps.clock.now_ms():
            raise errors.ActInvalid(reason="until_ms is over")
        if act.conversation_id is None:
            return 1
        found = await conversations.read(connection, [ConversationId(act.conversation_id)])
        if not found:
            raise errors.NotFound
        return found[0].members

    async def begin(
        self, connection: Transaction, by: Signer, second: PersonId | None, act: wire.HoldMessages
    ) -> None:
        """Hold. Raises ActInvalid, NotFound."""
        await self.check(connection, act)
        now_ms = self._deps.clock.now_ms()
        row = {
            "hold_id": act.hold_id,
            "conversation_id": act.conversation_id,
            "person_id": act.person_id,
            "case_number": act.case_number,
            "reason": act.reason,
            "from_ms": now_ms,
            "until_ms": act.until_ms,
            # Somebody who was removed or transferred before the hold wrote what the log still has.
            "members_from_ms": now_ms - self._deps.options.log_days * DAY_MS,
            "set_by": by.person_id,
            "second_by": second,
        }
        if not await holds.add(connection, row):
            raise errors.ActInvalid(reason="hold_id is taken")
        held = MessagesHeld(
            act.hold_id,
            act.conversation_id,
            act.person_id,
            act.case_number,
            act.reason,
            act.until_ms,
        )
        await self._deps.audit.record(connection, by, held)

    async def of(self, connection: AsyncConnection, act: wire.LiftHold) -> Row[Any]:
        """Return the hold that an act would lift. Raises NotFound."""
        row = await holds.find(connection, act.hold_id)
        if row is None:
            raise errors.NotFound
        return row

    async def lift(self, connection: Transaction, by: Signer, act: wire.LiftHold) -> None:
        """End a hold. Raises ActInvalid for one that is over, NotFound."""
        row = await self.of(connection, act)
        if not await holds.lift(
            connection, act.hold_id, self._deps.clock.now_ms(), PersonId(by.person_id)
        ):
            raise errors.ActInvalid(reason="the hold is over")
        lifted = HoldLifted(
            act.hold_id, row.conversation_id, row.person_id, row.case_number, act.reason
        )
        await self._deps.audit.record(connection, by, lifted)

    async def listed(self, connection: AsyncConnection) -> Sequence[Row[Any]]:
        """Return holds, the newest first."""
        return await holds.newest(connection, _LISTED)
