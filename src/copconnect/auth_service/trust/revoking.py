"""Revocations (E4): by a person's own device, by an admin, by the roster authority.

Invariants: a revocation, the end of the token, the verdicts that it changes and the roster heads
without the device commit in one transaction (D6). The roster authority's revocation keeps all that
the device endorsed and granted before; a device's keeps what it lists. Repeating one is fine.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit.acts import DeviceRevoked
from copconnect.auth_service import store
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.ports import EndReason
from copconnect.auth_service.tables import revocations
from copconnect.auth_service.trust import device_store, record_store
from copconnect.auth_service.trust.cards import Cards
from copconnect.auth_service.trust.changes import Changes
from copconnect.auth_service.trust.verdicts.bundles import as_wire
from copconnect.auth_service.trust.verdicts.holding import covers, held_paths
from copconnect.auth_service.trust.verdicts.judged_records import check_sent, parsed
from copconnect.auth_service.trust.verdicts.judging import Judge
from copconnect.bus import AccountWakeup
from copconnect.database.engine import Transaction
from copconnect.ids import ClientId, DeviceId, PersonId
from copconnect.principals import Caller, Signer
from copconnect.records.trust.judging import revocation_counts
from copconnect.records.trust.revocation import BY_AUTHORITY, Revocation


class Revoking:
    """Revokes devices."""

    def __init__(
        self, deps: AuthDependencies, judge: Judge, cards: Cards, changes: Changes
    ) -> None:
        self._cards = cards
        self._deps = deps
        self._judge = judge
        self._changes = changes

    async def by_authority(
        self, connection: Transaction, reasons: Mapping[ClientId, EndReason]
    ) -> bool:
        """Revoke clients in the caller's transaction, for reasons that their holders learn.

        Clients that are revoked already stay as they are. Returns whether any was not.
        """
        now = self._deps.clock.now_ms()
        owners = await store.owners_of_open(connection, reasons)
        await record_store.touch(connection, set(owners.values()))
        revoked = await store.revoke(connection, reasons, now)
        for row in revoked:
            record = self._deps.authority.roster.signed(
                Revocation(
                    device=row.device, lost=now, created=now, signer=BY_AUTHORITY, standing=()
                )
            )
            await self.store(connection, record, PersonId(row.person_id), None)
        people = {PersonId(row.person_id) for row in revoked}
        fresh = {ClientId(row.client_id): reasons[ClientId(row.client_id)] for row in revoked}
        await self.ended(connection, fresh, people, set())
        return bool(revoked)

    async def by_device(self, caller: Caller, body: wire.SubmitRevocation) -> None:
        """Store a revocation of one of the caller's own devices by another, and carry it out.

        Raises RevocationInvalid.
        """
        record = parsed(Revocation, body.revocation, errors.RevocationInvalid)
        now = self._deps.clock.now_ms()
        async with self._deps.database.transaction() as connection:
            if await record_store.has(connection, revocations, record.hash()):
                return
            check_sent(record.signer, caller.device, record.created, now, errors.RevocationInvalid)
            client = await device_store.by_device(connection, record.device)
            if client is None or client.person_id != caller.person_id:
                raise errors.RevocationInvalid(rule="E4", reason="no device of one's own")
            await self._carry_out(connection, record, client, caller.person_id)

    async def by_admin(
        self, connection: Transaction, by: Signer, person_id: PersonId, data: bytes
    ) -> None:
        """Store a revocation of a person's device by an admin and carry it out, in the caller's
        transaction. The caller checked the admin's rights. Raises RevocationInvalid."""
        record = parsed(Revocation, data, errors.RevocationInvalid)
        now = self._deps.clock.now_ms()
        check_sent(record.signer, by.device, record.created, now, errors.RevocationInvalid)
        if await record_store.has(connection, revocations, record.hash()):
            raise errors.RevocationInvalid(rule="E4", reason="known already")
        client = await device_store.by_device(connection, record.device)
        if client is None or client.person_id != person_id or person_id == by.person_id:
            raise errors.RevocationInvalid(rule="E4", reason="no such device of another person")
        await self._carry_out(connection, record, client, by.person_id)
        act = DeviceRevoked(PersonId(client.person_id), ClientId(client.client_id))
        await self._deps.audit.record(connection, by, act)

    async def _carry_out(
        self, connection: Transaction, record: Revocation, client: Any, signer: PersonId
    ) -> None:
        owner, client_id = PersonId(client.person_id), ClientId(client.client_id)
        reached = await self._hold_reached(connection, record.device, {owner, signer})
        await self._cards.refresh(connection, [owner])
        trust = await self._judge.trust(connection, {owner, signer})
        trust.add_revocation(record)
        if not revocation_counts(trust, record):
            raise errors.RevocationInvalid(
                rule="E4", reason="not the signer's to make, reaches back too far, or forged"
            )
        await record_store.touch(connection, [owner])
        await self.store(connection, record, owner, signer)
        now = self._deps.clock.now_ms()
        fresh = await store.revoke(connection, {client_id: "device_removed"}, now)
        # A second revocation of a device may still undo what the first lets stand.
        await self.ended(
            connection,
            {client_id: "device_removed"} if fresh else {},
            {owner},
            reached,
        )

    async def _hold_reached(
        self, connection: AsyncConnection, device: bytes, people: set[PersonId]
    ) -> set[PersonId]:
        """Hold the rows of these people and of all whose verdicts may rest on what a device signed;
        return the latter. Rows that a transaction beside this one adds meanwhile are held too."""
        held: set[PersonId] = set()
        while True:
            reached = await self._judge.reached_by(connection, [device])
            if (wanted := reached | people) <= held:
                return reached
            await record_store.hold(connection, wanted)
            held |= wanted

    async def made(self, caller: Caller, device_id: DeviceId) -> wire.MadeRecords:
        """Return what a device endorsed and granted, for somebody who may revoke it.

        Raises NotFound, NotAllowed.
        """
        device = bytes.fromhex(device_id)
        now = self._deps.clock.now_ms()
        async with self._deps.database.reading() as connection:
            client = await device_store.by_device(connection, device)
            if client is None:
                raise errors.NotFound
            owner = PersonId(client.person_id)
            if owner != caller.person_id:
                paths = await held_paths(connection, caller.person_id, now)
                plates = await self._deps.people.plates(connection, [owner])
                if owner not in plates:
                    raise errors.NotFound
                if not covers(paths, plates[owner].path):
                    raise errors.NotAllowed(right="revoke_devices", path=plates[owner].path)
            endorsed, granted, about = await record_store.made_by(connection, device)
            closure = await self._judge.bundles.closure(connection, about, writing=False)
        return wire.MadeRecords(
            endorsements=endorsed,
            grants=granted,
            people=[as_wire(one, bundle) for one, bundle in closure.items()],
        )

    async def store(
        self,
        connection: AsyncConnection,
        record: Revocation,
        person_id: PersonId,
        signer: PersonId | None,
    ) -> bool:
        """Store a revocation of a person's device; return whether it is new."""
        return await record_store.add(
            connection,
            revocations,
            {
                "hash": record.hash(),
                "person_id": person_id,
                "device": record.device,
                "signer": record.signer,
                "signer_person_id": signer,
                "created_ms": record.created,
                "record": record.encode(),
            },
        )

    async def ended(
        self,
        connection: Transaction,
        reasons: Mapping[ClientId, EndReason],
        owners: set[PersonId],
        reached: set[PersonId],
    ) -> None:
        """Unlist the devices of clients that were revoked in this transaction, and sign them out.

        ``reached``: people whose verdicts may have rested on those devices.
        """
        if not reasons and not reached:
            return
        for reason in sorted(set(reasons.values())):
            clients = sorted(one for one, given in reasons.items() if given == reason)
            connection.after_commit(
                AccountWakeup(event="signed_out", person_ids=[], client_ids=clients, reason=reason)
            )
        await self._changes.judge(connection, reached, also=owners, urgent=True)
