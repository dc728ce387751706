"""The devices that rosters may list, as other roles see them.

It depends on no other role, so that ``app.py`` can hand it to the roles that the Authentication
Service itself depends on. Every answer is read in the caller's transaction; values that never
change (a device's public key, a client's device) are remembered.
"""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.auth_service import store
from copconnect.auth_service.trust import device_store, record_store
from copconnect.auth_service.trust.verdicts.bundles import Bundles, as_wire
from copconnect.clock import Clock
from copconnect.ids import ClientId, PersonId
from copconnect.principals import DeviceKeyRow, ListedDevice
from copconnect.records.trust.incarnation import Incarnation

MOST_KNOWN = 1 << 18  # Devices of which key and client are remembered, about 200 bytes each.


class DeviceRegistry:
    """Looks up the devices of people (E2)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.bundles = Bundles()
        self._keys: dict[bytes, bytes] = {}
        self._devices: dict[ClientId, bytes] = {}

    async def devices_of(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[ListedDevice]:
        """Return the confirmed, unrevoked devices of these people whose certificate is valid.

        A person who is suspended or removed has none: that revoked their devices.
        """
        rows = await device_store.listed(connection, person_ids, self._clock.now_ms())
        return [
            ListedDevice(
                device=row.device,
                client_id=ClientId(row.client_id),
                person_id=PersonId(row.person_id),
            )
            for row in rows
        ]

    async def registered(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return which of these people have an unrevoked device, confirmed or not."""
        return await store.registered(connection, person_ids)

    async def ever_registered(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return which of these people have or had a device: the others have not registered yet."""
        return await store.ever_registered(connection, person_ids)

    async def device_keys(
        self, connection: AsyncConnection, devices: Collection[bytes]
    ) -> dict[bytes, list[DeviceKeyRow]]:
        """Return the DeviceKeys that a seal to these devices may name (D2, K1): the newest of each
        KEM first, then the one before it for an hour."""
        since_ms = self._clock.now_ms() - device_store.FORMER_KEY_MS
        found: dict[bytes, list[DeviceKeyRow]] = defaultdict(list)
        for row in await device_store.usable_keys(connection, devices, since_ms):
            found[row.device].append(
                DeviceKeyRow(kem=row.kem, key_id=row.key_id, record=row.record)
            )
        return dict(found)

    async def devices_of_keys(
        self, connection: AsyncConnection, key_ids: Collection[bytes]
    ) -> dict[bytes, bytes]:
        """Return the device of each of these key ids that a seal may name, as ``device_keys``
        does."""
        since_ms = self._clock.now_ms() - device_store.FORMER_KEY_MS
        return await device_store.devices_of_keys(connection, key_ids, since_ms)

    async def people_trust(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[wire.PersonTrust]:
        """Return all that is signed about these people, without DeviceKeys, and, transitively,
        about the people whom they rest on: for a Supplement. Not in a transaction that changed
        their records."""
        closure = await self.bundles.closure(connection, person_ids, writing=False)
        return [as_wire(one, bundle) for one, bundle in closure.items()]

    async def acting(self, connection: AsyncConnection, device: bytes) -> bytes | None:
        """Return the public key of a device that may act now: confirmed, not revoked, its
        certificate valid; else None."""
        return await device_store.acting_key(connection, device, self._clock.now_ms())

    async def incarnation(self, connection: AsyncConnection) -> Incarnation | None:
        """Return the newest Incarnation; None: no backup was ever restored."""
        return await record_store.newest_incarnation(connection)

    async def public_key(self, connection: AsyncConnection, device: bytes) -> bytes | None:
        """Return a device's Ed25519 key, also of a revoked device; None for an unknown one."""
        known = self._keys.get(device)
        if known is None:
            known = await device_store.public_key(connection, device)
            if known is None:
                return None
            if len(self._keys) >= MOST_KNOWN:
                self._keys.clear()
            self._keys[device] = known
        return known

    async def certificates_of(
        self, connection: AsyncConnection, devices: Collection[bytes]
    ) -> dict[bytes, bytes]:
        """Return a certificate of each of these devices, revoked or not. One statement for each
        500."""
        return await device_store.certificates_of(connection, devices)

    async def device_of(self, connection: AsyncConnection, client_id: ClientId) -> bytes | None:
        """Return a client's device, also of a revoked one; None for an unknown client."""
        known = self._devices.get(client_id)
        if known is None:
            row = await store.client(connection, client_id)
            if row is None:
                return None
            if len(self._devices) >= MOST_KNOWN:
                self._devices.clear()
            known = self._devices[client_id] = row.device
        return known
