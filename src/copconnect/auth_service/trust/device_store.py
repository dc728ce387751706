"""Statements about devices: who is listed, what E0 says of them, DeviceKeys, expiry."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Select, and_, bindparam, delete, func, insert, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.auth_service.ports import EndReason
from copconnect.auth_service.tables import (
    certificates,
    clients,
    device_keys,
    endorsements,
    grants,
    revocations,
)
from copconnect.database.among import among
from copconnect.database.engine import padded
from copconnect.ids import ClientId, PersonId

FORMER_KEY_MS = 3_600_000  # How long seals to the DeviceKey before the newest are taken (K1).
NOT_CONFIRMED = "no"  # As in wire.Confirmed.
LOCKED: EndReason = "locked"


async def listed(
    connection: AsyncConnection, person_ids: Collection[PersonId], now_ms: int
) -> list[Any]:
    """Return (device, client_id, person_id) of the devices that may be listed (E2)."""
    return list(
        await connection.execute(
            select(clients.c.device, clients.c.client_id, clients.c.person_id)
            .where(
                among(clients.c.person_id, person_ids),
                clients.c.ended_reason.is_(None),
                clients.c.confirmed != NOT_CONFIRMED,
                clients.c.expires_ms > now_ms,
            )
            .order_by(clients.c.created_ms, clients.c.client_id)
        )
    )


async def public_key(connection: AsyncConnection, device: bytes) -> bytes | None:
    """Return the public key of a device."""
    found: bytes | None = await connection.scalar(
        select(clients.c.public_key).where(clients.c.device == device)
    )
    return found


async def certificates_of(
    connection: AsyncConnection, devices: Collection[bytes]
) -> dict[bytes, bytes]:
    """Return a certificate of each of these devices. One statement for each 500."""
    found: dict[bytes, bytes] = {}
    for part in padded(devices):
        rows = await connection.execute(
            select(clients.c.device, certificates.c.certificate)
            .join(clients, clients.c.client_id == certificates.c.client_id)
            .where(clients.c.device.in_(part))
        )
        found |= {row.device: row.certificate for row in rows}
    return found


async def acting_key(connection: AsyncConnection, device: bytes, now_ms: int) -> bytes | None:
    """Return the public key of a device that may be listed."""
    found: bytes | None = await connection.scalar(
        select(clients.c.public_key).where(
            clients.c.device == device,
            clients.c.ended_reason.is_(None),
            clients.c.confirmed != NOT_CONFIRMED,
            clients.c.expires_ms > now_ms,
        )
    )
    return found


async def by_device(connection: AsyncConnection, device: bytes) -> Any | None:
    """Return the client that a device is."""
    return (await connection.execute(select(clients).where(clients.c.device == device))).first()


async def open_devices(connection: AsyncConnection, person_ids: Collection[PersonId]) -> list[Any]:
    """Return the unrevoked clients of these people, expired ones too."""
    return list(
        await connection.execute(
            select(clients).where(
                among(clients.c.person_id, person_ids), clients.c.revoked_ms.is_(None)
            )
        )
    )


async def set_confirmed(connection: AsyncConnection, verdicts: Mapping[bytes, str]) -> None:
    """Store what E0 says of devices."""
    if verdicts:
        await connection.execute(
            update(clients)
            .where(clients.c.device == bindparam("p_device"))
            .values(confirmed=bindparam("p_confirmed")),
            [
                {"p_device": device, "p_confirmed": verdict}
                for device, verdict in sorted(verdicts.items())
            ],
        )


async def unconfirmed(
    connection: AsyncConnection,
    now_ms: int,
    of: Select[tuple[PersonId]] | Collection[PersonId],
    limit: int,
) -> list[Any]:
    """Return unconfirmed devices of these people that may act, the newest first."""
    found = await connection.execute(
        select(clients)
        .where(
            clients.c.confirmed == NOT_CONFIRMED,
            clients.c.ended_reason.is_(None),
            clients.c.expires_ms > now_ms,
            clients.c.person_id.in_(of),
        )
        .order_by(clients.c.created_ms.desc(), clients.c.client_id)
        .limit(limit)
    )
    return list(found)


# --- Locks --------------------------------------------------------------------------------------


async def lock(
    connection: AsyncConnection, person_id: PersonId, by: PersonId, now_ms: int
) -> list[ClientId]:
    """Lock all devices of a person that may act; return which."""
    found = await connection.scalars(
        update(clients)
        .where(clients.c.person_id == person_id, clients.c.ended_reason.is_(None))
        .values(ended_reason=LOCKED, locked_ms=now_ms, locked_by=by)
        .returning(clients.c.client_id)
    )
    return sorted(found)


async def unlock(
    connection: AsyncConnection, person_id: PersonId, by: PersonId | None
) -> list[ClientId]:
    """Unlock the locked devices of a person and return their ids. ``by``: only devices that this
    person locked."""
    locked = and_(clients.c.person_id == person_id, clients.c.ended_reason == LOCKED)
    found = await connection.scalars(
        update(clients)
        .where(locked if by is None else and_(locked, clients.c.locked_by == by))
        .values(ended_reason=None, locked_ms=None, locked_by=None)
        .returning(clients.c.client_id)
    )
    return sorted(found)


async def locked(connection: AsyncConnection, person_id: PersonId) -> Any | None:
    """Return (locked_ms, locked_by) of the newest lock of a person's devices."""
    found = await connection.execute(
        select(clients.c.locked_ms, clients.c.locked_by)
        .where(clients.c.person_id == person_id, clients.c.ended_reason == LOCKED)
        .order_by(clients.c.locked_ms.desc())
        .limit(1)
    )
    return found.first()


# --- Expiry -----------------------------------------------------------------------------------


async def set_expiry(connection: AsyncConnection, client_id: ClientId, expires_ms: int) -> None:
    """Record how long the newest certificate of a client is valid."""
    await connection.execute(
        update(clients)
        .where(clients.c.client_id == client_id)
        .values(expires_ms=expires_ms, lapsed=0)
    )


async def lapse(connection: AsyncConnection, now_ms: int, limit: int) -> list[Any]:
    """Mark some of the devices whose certificate has expired; return (person_id, revoked_ms) of
    the devices that were not marked before."""
    some = (
        select(clients.c.client_id)
        .where(clients.c.lapsed == 0, clients.c.expires_ms <= now_ms)
        .order_by(clients.c.client_id)
        .limit(limit)
    )
    found = await connection.execute(
        update(clients)
        .where(clients.c.client_id.in_(some))
        .values(lapsed=1)
        .returning(clients.c.person_id, clients.c.revoked_ms)
    )
    return list(found)


_SIGNERS = union(
    select(endorsements.c.endorser), select(grants.c.grantor), select(revocations.c.signer)
)


async def forget_certificates(
    connection: AsyncConnection, before_ms: int, acted: Select[tuple[bytes]]
) -> None:
    """Delete the certificates that expired before a time, except each device's first, before which
    no endorsement of the device counts (E4), and those of devices that endorsed, granted or
    revoked: their records are judged at their date for ever. So are signatures in the audit log, of
    the devices ``acted``."""
    earlier = certificates.alias()
    first = select(func.min(earlier.c.issued_ms)).where(
        earlier.c.client_id == certificates.c.client_id
    )
    signers = select(clients.c.client_id).where(
        or_(clients.c.device.in_(_SIGNERS), clients.c.device.in_(acted))
    )
    await connection.execute(
        delete(certificates).where(
            certificates.c.expires_ms < before_ms,
            certificates.c.client_id.not_in(signers),
            certificates.c.issued_ms > first.scalar_subquery(),
        )
    )


# --- DeviceKeys -------------------------------------------------------------------------------


async def newest_keys(connection: AsyncConnection, device: bytes) -> dict[int, Any]:
    """Return a device's newest DeviceKey row of each KEM. A caller that writes one holds the
    person's row."""
    found = await connection.execute(
        select(device_keys).where(
            device_keys.c.device == device, device_keys.c.replaced_ms.is_(None)
        )
    )
    return {row.kem: row for row in found}


async def add_key(connection: AsyncConnection, values: Mapping[str, Any], now_ms: int) -> None:
    """Store a DeviceKey; the one before it is replaced from now on."""
    await connection.execute(
        update(device_keys)
        .where(
            device_keys.c.device == values["device"],
            device_keys.c.kem == values["kem"],
            device_keys.c.replaced_ms.is_(None),
        )
        .values(replaced_ms=now_ms)
    )
    await connection.execute(insert(device_keys).values(**values, stored_ms=now_ms))


async def usable_keys(
    connection: AsyncConnection, devices: Collection[bytes], since_ms: int
) -> list[Any]:
    """Return the DeviceKeys of these devices that were not replaced before a time, newest first."""
    rows: list[Any] = []
    for part in padded(devices):
        rows += await connection.execute(
            select(device_keys)
            .where(
                device_keys.c.device.in_(part),
                device_keys.c.replaced_ms.is_(None) | (device_keys.c.replaced_ms > since_ms),
            )
            .order_by(device_keys.c.device, device_keys.c.kem, device_keys.c.generation.desc())
        )
    return rows


async def devices_of_keys(
    connection: AsyncConnection, key_ids: Collection[bytes], since_ms: int
) -> dict[bytes, bytes]:
    """Return the devices of those of these key ids that were not replaced before a time."""
    found: dict[bytes, bytes] = {}
    for part in padded(key_ids):
        rows = await connection.execute(
            select(device_keys.c.key_id, device_keys.c.device).where(
                device_keys.c.key_id.in_(part),
                device_keys.c.replaced_ms.is_(None) | (device_keys.c.replaced_ms > since_ms),
            )
        )
        found |= {row.key_id: row.device for row in rows}
    return found


async def newest_keys_of(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> list[Any]:
    """Return the newest DeviceKey of each KEM of the devices of these people that may act."""
    rows = await connection.execute(
        select(device_keys.c.person_id, device_keys.c.record)
        .join(clients, clients.c.device == device_keys.c.device)
        .where(
            among(device_keys.c.person_id, person_ids),
            device_keys.c.replaced_ms.is_(None),
            clients.c.ended_reason.is_(None),
        )
        .order_by(device_keys.c.device, device_keys.c.kem)
    )
    return list(rows)


async def forget_keys(connection: AsyncConnection, before_ms: int) -> None:
    """Delete the DeviceKeys that were replaced before a time."""
    await connection.execute(delete(device_keys).where(device_keys.c.replaced_ms < before_ms))


async def devices_of(connection: AsyncConnection, person_ids: Collection[PersonId]) -> list[Any]:
    """Return (device, person_id) of all devices of these people, revoked ones too."""
    return list(
        await connection.execute(
            select(clients.c.device, clients.c.person_id).where(
                among(clients.c.person_id, person_ids)
            )
        )
    )
