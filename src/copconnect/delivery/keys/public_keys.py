"""Devices' Ed25519 public keys in memory, so that a message's signature costs no statement.

Invariant: a device's id binds its key (docs/keys.md), so what is kept here never changes.
"""

from collections import OrderedDict

from copconnect.database.engine import Database
from copconnect.delivery.ports import Devices

_MOST = 200_000


class PublicKeys:
    """The keys that were used last. Used from one event loop."""

    def __init__(self, database: Database, devices: Devices) -> None:
        self._database = database
        self._devices = devices
        self._known: OrderedDict[bytes, bytes] = OrderedDict()

    async def of(self, device: bytes) -> bytes | None:
        """Return a device's public key, None for an unknown device."""
        known = self._known.get(device)
        if known is not None:
            return known
        async with self._database.reading() as connection:
            found = await self._devices.public_key(connection, device)
        if found is not None:
            self._known[device] = found
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return found
