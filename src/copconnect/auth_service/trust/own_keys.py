"""DeviceKeys: a device's HPKE keys, renewed weekly (docs/keys.md), and the time (T1).

Invariants: generations of one device and KEM only grow; one generation has one record; the former
one may be named by seals for an hour, which the registry tells the Delivery Service.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.trust import device_store, record_store
from copconnect.bus import TrustWakeup
from copconnect.ids import PersonId
from copconnect.principals import Caller
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.device_key import DeviceKey
from copconnect.records.trust.time_record import TimeRecord


class OwnKeys:
    """Takes DeviceKeys and tells the time."""

    def __init__(self, deps: AuthDependencies) -> None:
        self._deps = deps

    async def put(self, caller: Caller, body: wire.PutDeviceKeys) -> None:
        """Store DeviceKeys of the calling device; the same bytes again are fine.

        Raises RecordInvalid (rules D3, H2, S3).
        """
        now = self._deps.clock.now_ms()
        async with self._deps.database.transaction() as connection:
            client = await device_store.by_device(connection, caller.device)
            if client is None:
                raise errors.Unauthenticated
            # Two at once would each wait for rows that the other has read: a deadlock.
            await record_store.hold(connection, [caller.person_id])
            newest = await device_store.newest_keys(connection, caller.device)
            changed = False
            for data in body.keys:
                former = (
                    DeviceKey.parse(newest[kem].record) if (kem := _kem(data)) in newest else None
                )
                record = _checked(data, caller.device, client.public_key, now, former)
                if former == record:
                    continue
                if not changed:
                    await record_store.touch(connection, [caller.person_id], keys=True)
                    connection.after_commit(TrustWakeup(person_ids=[caller.person_id]))
                    changed = True
                await device_store.add_key(
                    connection,
                    {
                        "device": caller.device,
                        "kem": record.kem,
                        "generation": record.generation,
                        "person_id": PersonId(caller.person_id),
                        "key_id": record.key_id(),
                        "record": data,
                    },
                    now,
                )
                newest = await device_store.newest_keys(connection, caller.device)

    async def time(self, body: wire.AskTime) -> wire.TimeAnswer:
        """Sign the time and the head of the audit log for the nonce of a device."""
        async with self._deps.database.reading() as connection:
            record = await self.signed_time(connection, bytes.fromhex(body.nonce))
        return wire.TimeAnswer(time=record)

    async def signed_time(self, connection: AsyncConnection, nonce: bytes) -> bytes:
        """Return the Time record of now, with the audit log's head as the connection reads it."""
        size, root = await self._deps.audit.tree_head(connection)
        record = TimeRecord(
            nonce=nonce, time=self._deps.clock.now_ms(), log_size=size, log_root=root
        )
        return self._deps.authority.roster.signed(record).encode()

    def department(self) -> bytes:
        """Return the newest department record."""
        return self._deps.authority.departments[-1].encode()

    async def log_consistency(self, first: int = 0, second: int = 0) -> wire.LogConsistency:
        """Return the proof that the audit log continues from a smaller one that a device has seen.
        Raises BadRequest for sizes that are none of this log."""
        async with self._deps.database.reading() as connection:
            size, _ = await self._deps.audit.tree_head(connection)
            if not 1 <= first <= second <= size:
                raise errors.BadRequest(reason="size")
            proof = await self._deps.audit.consistency(connection, first, second)
        return wire.LogConsistency(proof=proof)


def _kem(data: bytes) -> int:
    return int.from_bytes(data[1:3], "big")


def _checked(
    data: bytes, device: bytes, public_key: bytes, now_ms: int, former: DeviceKey | None
) -> DeviceKey:
    try:
        record = DeviceKey.parse(data)
        record.check(device, public_key, record.kem)
        record.check_usable(now_ms, former)
    except Refused as error:
        raise errors.RecordInvalid(rule=error.rule, reason=error.message) from error
    return record
