"""PersonDevices: the signed chain of a person's devices (docs/keys.md).

Devices stand in the order of their registration and stay there when they are revoked: E0 tells by
it which was the first. The caller holds the person's row (:func:`record_store.touch`), so that each
record follows the one before.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors
from copconnect.auth_service.tables import person_devices
from copconnect.auth_service.trust import record_store
from copconnect.ids import PersonId
from copconnect.records.primitives.signed import RosterSigner
from copconnect.records.trust.incarnation import beginning
from copconnect.records.trust.person_devices import PersonDevices

MOST_EVER = 255  # The record counts devices in one byte.


async def add_device(
    connection: AsyncConnection,
    signer: RosterSigner,
    person_id: PersonId,
    device: bytes,
    now_ms: int,
) -> None:
    """Sign the record that adds a device. Raises TooManyDevices."""
    stored = await record_store.newest(connection, person_devices, [person_id])
    former = PersonDevices.parse(stored[person_id]) if person_id in stored else None
    first = beginning(await record_store.newest_incarnation(connection))
    if former is not None and len(former.devices) >= MOST_EVER:
        raise errors.TooManyDevices(limit=MOST_EVER)
    record = signer.signed(
        PersonDevices(
            person_id=bytes.fromhex(person_id),
            number=former.number + 1 if former else first.number,
            previous=former.hash() if former else first.previous,
            created=max(now_ms, former.created) if former else now_ms,
            devices=(*former.devices, device) if former else (device,),
        )
    )
    row = (person_id, record.number, record.encode())
    await record_store.add_numbered(connection, person_devices, [row])
