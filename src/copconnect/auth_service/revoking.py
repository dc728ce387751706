"""Revocations (E4): by a person's own device, by an admin, by the roster authority.

Invariants: a revocation, the end of the token, the verdicts that it changes and the roster heads
without the device commit in one transaction (D6). The roster authority's revocation keeps all that
the device endorsed and granted before; a device's keeps what it lists. Repeating one is fine.
"""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.auth_service import store, trust_store
from copconnect.auth_service.changes import Changes
from copconnect.auth_service.judging import Judge
from copconnect.auth_service.parts import Parts
from copconnect.auth_service.ports import EndReason
from copconnect.auth_service.tables import revocations
from copconnect.bus import AccountWakeup, AnyWakeup
from copconnect.ids import ClientId, PersonId
from copconnect.records.revocation import BY_AUTHORITY, Revocation


class Revoking:
    """Revokes devices."""

    def __init__(self, parts: Parts, judge: Judge, changes: Changes) -> None:
        self._parts = parts
        self._judge = judge
        self._changes = changes

    async def by_authority(
        self, connection: AsyncConnection, reasons: Mapping[ClientId, EndReason]
    ) -> list[AnyWakeup]:
        """Revoke clients in the caller's transaction, for reasons that their holders are told.

        Publish the wake-ups after it commits. Clients that are revoked already stay as they are.
        """
        now = self._parts.clock.now_ms()
        owners = await store.owners_of_open(connection, reasons)
        await trust_store.touch(connection, set(owners.values()))
        revoked = await store.revoke(connection, reasons, now)
        for row in revoked:
            record = self._parts.authority.roster.signed(
                Revocation(
                    device=row.device, lost=now, created=now, signer=BY_AUTHORITY, standing=()
                )
            )
            await self.store(connection, record, PersonId(row.person_id), None)
        people = {PersonId(row.person_id) for row in revoked}
        fresh = {ClientId(row.client_id): reasons[ClientId(row.client_id)] for row in revoked}
        return await self.ended(connection, fresh, people, set())

    async def store(
        self,
        connection: AsyncConnection,
        record: Revocation,
        person_id: PersonId,
        signer: PersonId | None,
    ) -> bool:
        """Store a revocation of a person's device; return whether it is new."""
        return await trust_store.add(
            connection,
            revocations,
            {
                "hash": record.hash(),
                "person_id": person_id,
                "device": record.device,
                "signer_person_id": signer,
                "created_ms": record.created,
                "record": record.encode(),
            },
        )

    async def ended(
        self,
        connection: AsyncConnection,
        reasons: Mapping[ClientId, EndReason],
        owners: set[PersonId],
        reached: set[PersonId],
    ) -> list[AnyWakeup]:
        """Unlist the devices of clients that were revoked in this transaction, and sign them out.

        ``reached``: people whose verdicts may have rested on those devices.
        """
        if not reasons:
            return []
        wakeups: list[AnyWakeup] = []
        for reason in sorted(set(reasons.values())):
            clients = sorted(one for one, given in reasons.items() if given == reason)
            wakeups.append(
                AccountWakeup(event="signed_out", person_ids=[], client_ids=clients, reason=reason)
            )
        await self._changes.record(connection, wakeups)
        return [
            *wakeups,
            *await self._changes.judge(connection, reached, also=owners, urgent=True),
        ]
