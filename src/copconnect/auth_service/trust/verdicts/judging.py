"""Judges devices by E0 on the server, and keeps the verdicts with the devices.

A verdict is derived from the records of the device's person and of everybody in their closure
(:class:`~copconnect.auth_service.trust.verdicts.bundles.Bundles`) by
:mod:`copconnect.records.trust.confirmed`, as devices do it. It is kept in the client's row,
because it changes only with a record:
:meth:`Judge.judge` runs in the transaction of each change, for all devices that the change may
reach. Nodes therefore agree without telling each other, and reading who is confirmed costs no
signature. One thing differs from what a device may come to think: a device that was revoked here
stays out, also where its revocation later turns out void; its person registers it again.
"""

from collections.abc import Collection, Iterable
from functools import lru_cache

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.auth_service.keys.authority import CertificateAuthority
from copconnect.auth_service.trust import device_store, record_store
from copconnect.auth_service.trust.verdicts.bundles import Bundle, Bundles
from copconnect.clock import Clock
from copconnect.ids import PersonId
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.confirmed import How, confirmed
from copconnect.records.trust.department import Department
from copconnect.records.trust.device import Certificate
from copconnect.records.trust.endorsement import Endorsement
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.person_card import PersonCard
from copconnect.records.trust.person_devices import PersonDevices
from copconnect.records.trust.revocation import Revocation
from copconnect.records.trust.trust import Trust

HOW: dict[How, wire.Confirmed] = {
    How.ROOT_ADMIN: "root_admin",
    How.OWN_DEVICE: "own_device",
    How.ADMIN: "admin",
    How.NOT_APPROVED: "first",
}

# The bytes were checked when they were stored; the issuing CAs of a process do not change.
_certificate = lru_cache(maxsize=1 << 14)(Certificate.parse)
log = structlog.get_logger()


class Judge:
    """Says who is confirmed. Used from one event loop."""

    def __init__(self, clock: Clock, authority: CertificateAuthority, bundles: Bundles) -> None:
        self._clock = clock
        self._root_key = authority.root_key
        self._issuing_keys = tuple(authority.issuing_keys)
        self.bundles = bundles

    async def trust(
        self, connection: AsyncConnection, person_ids: Collection[PersonId], *, writing: bool = True
    ) -> Trust:
        """Return what E0 needs to judge these people's devices, read in this transaction."""
        records = await record_store.department_records(connection)
        trust = Trust(self._root_key, [Department.parse(one) for one in records])
        closure = await self.bundles.closure(connection, person_ids, writing=writing)
        for bundle in closure.values():
            self._add(trust, bundle)
        return trust

    def _add(self, trust: Trust, bundle: Bundle) -> None:
        records = bundle.records
        for der in records.certificates:
            try:
                trust.add_certificate(_certificate(der, self._issuing_keys))
            except Refused as error:
                # Another node issues by a CA whose certificate this node has not been given yet.
                # Judging without it would unlist devices that are confirmed.
                log.error("issuing_ca_unknown", remedy="copy the keys folder to every node")
                raise errors.Overloaded(retry_after_ms=60_000) from error
        for data in records.devices[-1:]:
            trust.add_person_devices(PersonDevices.parse(data), already_verified=True)
        for data in records.cards:
            trust.add_card(PersonCard.parse(data), already_verified=True)
        for data in records.endorsements:
            trust.add_endorsement(Endorsement.parse(data), already_verified=True)
        for data in records.grants:
            trust.add_grant(Grant.parse(data), already_verified=True)
        for data in records.revocations:
            trust.add_revocation(Revocation.parse(data), already_verified=True)

    def verdict(self, trust: Trust, device: bytes) -> wire.Confirmed:
        """Return what E0 says of a device now."""
        try:
            return HOW[confirmed(trust, device, self._clock.now_ms()).how]
        except Refused:
            return "no"

    async def judge(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Judge the unrevoked devices of these people again and keep the verdicts, in the
        transaction that changed a record. Returns whose verdicts are others than before."""
        rows = await device_store.open_devices(connection, person_ids)
        if not rows:
            return set()
        trust = await self.trust(connection, {PersonId(row.person_id) for row in rows})
        changed = {
            row.device: (PersonId(row.person_id), verdict)
            for row in rows
            if (verdict := self.verdict(trust, row.device)) != row.confirmed
        }
        await device_store.set_confirmed(
            connection, {device: verdict for device, (_, verdict) in changed.items()}
        )
        return {person_id for person_id, _ in changed.values()}

    async def reached_by(
        self, connection: AsyncConnection, devices: Iterable[bytes]
    ) -> set[PersonId]:
        """Return whose verdicts may rest on what these devices signed, directly or onward."""
        reached: set[PersonId] = set()
        signers, seen = set(devices), set[bytes]()
        while signers:
            seen |= signers
            endorsed = await record_store.endorsed_by(connection, signers)
            granted = await record_store.granted_by(connection, signers)
            reached |= {person_id for _, person_id in endorsed} | granted
            following = {device for device, _ in endorsed}
            following |= {row.device for row in await device_store.devices_of(connection, granted)}
            signers = following - seen
        return reached
