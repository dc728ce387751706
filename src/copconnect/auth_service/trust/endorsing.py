"""Endorsements: a device says that another belongs to its person, or an admin does (E0, E4).

Invariants: an endorsement is stored only if it alone confirms the device, judged with its whole
chain and the person's current card, and takes no other device's confirmation away; the device is
listed in the same transaction. The rows of both people are held meanwhile, so that a revocation of
the endorser comes before or after it. Repeating the same bytes is fine. An admin's endorsement
brings the admin's revocations of former devices that only the roster authority revoked (E4).
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit.acts import DeviceConfirmed
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.tables import endorsements
from copconnect.auth_service.trust import device_store, record_store
from copconnect.auth_service.trust.cards import Cards
from copconnect.auth_service.trust.changes import Changes
from copconnect.auth_service.trust.revoking import Revoking
from copconnect.auth_service.trust.verdicts.judged_records import check_sent, parsed
from copconnect.auth_service.trust.verdicts.judging import Judge
from copconnect.ids import PersonId
from copconnect.principals import Caller, Signer
from copconnect.records.primitives.fields import Refused, sha256
from copconnect.records.trust.confirmed import confirmed
from copconnect.records.trust.endorsement import Endorsement, EndorsementKind
from copconnect.records.trust.judging import revocation_counts
from copconnect.records.trust.revocation import Revocation


class Endorsing:
    """Takes endorsements."""

    def __init__(
        self,
        deps: AuthDependencies,
        judge: Judge,
        cards: Cards,
        changes: Changes,
        revoking: Revoking,
    ) -> None:
        self._deps = deps
        self._revoking = revoking
        self._judge = judge
        self._cards = cards
        self._changes = changes

    async def endorse(self, caller: Caller, body: wire.SubmitEndorsement) -> None:
        """Store an endorsement by the calling device and list what it confirms.

        Raises EndorsementInvalid.
        """
        record = parsed(Endorsement, body.endorsement, errors.EndorsementInvalid)
        now = self._deps.clock.now_ms()
        async with self._deps.database.transaction() as connection:
            if await record_store.has(connection, endorsements, record.hash()):
                return
            check_sent(
                record.endorser, caller.device, record.created, now, errors.EndorsementInvalid
            )
            client = await device_store.by_device(connection, record.endorsed)
            if client is None or client.ended_reason is not None:
                raise errors.EndorsementInvalid(rule="E0", reason="no such device")
            person_id = PersonId(client.person_id)
            await record_store.hold(connection, {person_id, caller.person_id})
            await self._cards.refresh(connection, [person_id])
            revocations = [
                await self._former(connection, data, person_id, caller) for data in body.revocations
            ]
            await self._check(connection, record, person_id, caller, revocations)
            await record_store.touch(connection, [person_id])
            for one in revocations:
                await self._revoking.store(connection, one, person_id, caller.person_id)
            await record_store.add(
                connection,
                endorsements,
                {
                    "hash": record.hash(),
                    "person_id": person_id,
                    "endorsed": record.endorsed,
                    "endorser": record.endorser,
                    "endorser_person_id": caller.person_id,
                    "created_ms": record.created,
                    "record": body.endorsement,
                },
            )
            await self._changes.judge(connection, [person_id], also=[person_id])
            await self._changes.tell_confirmers(connection, person_id)
            if person_id != caller.person_id:
                plates = await self._deps.people.plates(connection, [person_id])
                by = Signer(
                    caller.person_id,
                    caller.device,
                    "endorsement",
                    body.endorsement,
                    plates[person_id].path,
                )
                act = DeviceConfirmed(person_id, record.endorsed.hex())
                await self._deps.audit.record(connection, by, act)

    async def _former(
        self, connection: AsyncConnection, data: bytes, person_id: PersonId, caller: Caller
    ) -> Revocation:
        """Return a revocation of a device of the person that is out already, which undoes nothing
        that the device made. Raises EndorsementInvalid."""
        record = parsed(Revocation, data, errors.EndorsementInvalid)
        now = self._deps.clock.now_ms()
        check_sent(record.signer, caller.device, record.created, now, errors.EndorsementInvalid)
        client = await device_store.by_device(connection, record.device)
        if client is None or client.person_id != person_id or client.revoked_ms is None:
            reason = "no former device of this person"
            raise errors.EndorsementInvalid(rule="E4", reason=reason)
        endorsed, granted, _ = await record_store.made_by(connection, record.device)
        if not {sha256(one) for one in (*endorsed, *granted)} <= set(record.standing):
            reason = "it undoes what the former device made"
            raise errors.EndorsementInvalid(rule="E4", reason=reason)
        return record

    async def _check(
        self,
        connection: AsyncConnection,
        record: Endorsement,
        person_id: PersonId,
        caller: Caller,
        revocations: Sequence[Revocation],
    ) -> None:
        """Check that the endorsement alone confirms the device, and unseats no other. Raises
        EndorsementInvalid."""
        trust = await self._judge.trust(connection, {person_id, caller.person_id})
        # Others that were made of this device do not matter: this one must count.
        trust.endorsements.pop(record.endorsed, None)
        for one in revocations:
            trust.add_revocation(one)
            if not revocation_counts(trust, one):
                reason = "a former device is not the signer's to revoke"
                raise errors.EndorsementInvalid(rule="E4", reason=reason)
        trust.add_endorsement(record)
        try:
            found = confirmed(trust, record.endorsed, self._deps.clock.now_ms())
        except Refused as error:
            reason = error.message
        else:
            if found.by == record.endorser:
                await self._check_others_stand(connection, record, person_id, caller, revocations)
                return
            reason = "the device needs no endorsement, or the endorser may not give it"
        rule = "E0"
        if record.kind == EndorsementKind.ADMIN:
            if await self._has_others(connection, record, person_id):
                rule, reason = "E4", "the person has another confirmed device: revoke it first"
            elif len(trust.devices_of(bytes.fromhex(person_id))) > 1:
                rule, reason = "E4", f"{reason}; a former device may lack an admin's revocation"
        raise errors.EndorsementInvalid(rule=rule, reason=reason)

    async def _check_others_stand(
        self,
        connection: AsyncConnection,
        record: Endorsement,
        person_id: PersonId,
        caller: Caller,
        revocations: Sequence[Revocation],
    ) -> None:
        """Check that the person's other devices are confirmed as before. Raises EndorsementInvalid.

        The earlier of two endorsements by admins counts (E4), and a record may be dated 10 min
        back: an admin could put a device of theirs in place of one confirmed just now.
        """
        rows = await device_store.open_devices(connection, [person_id])
        others = [row.device for row in rows if row.device != record.endorsed]
        if not others:
            return
        # Judged again, because here the device's other endorsements do matter.
        trust = await self._judge.trust(connection, {person_id, caller.person_id})
        refused = device_store.NOT_CONFIRMED
        standing = [one for one in others if self._judge.verdict(trust, one) != refused]
        for one in revocations:
            trust.add_revocation(one)
        trust.add_endorsement(record)
        if any(self._judge.verdict(trust, one) == refused for one in standing):
            reason = "dated before a confirmed device of the person: revoke that first"
            raise errors.EndorsementInvalid(rule="E4", reason=reason)

    async def _has_others(
        self, connection: AsyncConnection, record: Endorsement, person_id: PersonId
    ) -> bool:
        rows = await device_store.open_devices(connection, [person_id])
        return any(
            row.device != record.endorsed and row.confirmed != device_store.NOT_CONFIRMED
            for row in rows
        )
