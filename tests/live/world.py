"""The Delivery Service's parts over a database and rows, without its services."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.bus import Bus, LocalBus
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import DeliveryDependencies, Options
from copconnect.ids import PersonId
from copconnect.principals import Caller, DeviceKeyRow, ListedDevice
from copconnect.rates import SharedRates
from copconnect.records.primitives.kem import X25519
from copconnect.records.primitives.signed import RosterSigner
from copconnect.reports.registry import SanctionRegistry
from copconnect.wakeup_log import BusAndLog, WakeupLog
from tests.contract.device import name_alone
from tests.harness.large_from import LargeFrom

HUNDRED = LargeFrom()


class Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = 1_000_000_000

    def now_ms(self) -> int:
        """Return the time."""
        return self.at


class KnownDevices:
    """Devices with one DeviceKey each, whose key id is the start of the device's id."""

    def __init__(self) -> None:
        self.devices: dict[bytes, Caller] = {}

    def add(self, *callers: Caller) -> None:
        """Know these."""
        self.devices.update((one.device, one) for one in callers)

    async def devices_of(
        self, _: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[ListedDevice]:
        """See Devices."""
        return [
            ListedDevice(one.device, one.client_id, one.person_id)
            for one in self.devices.values()
            if one.person_id in person_ids
        ]

    async def device_keys(
        self, _: AsyncConnection, devices: Collection[bytes]
    ) -> Mapping[bytes, Sequence[DeviceKeyRow]]:
        """See Devices."""
        return {
            one: [DeviceKeyRow(X25519, one[:16], b"key of " + one)]
            for one in devices
            if one in self.devices
        }

    async def devices_of_keys(
        self, _: AsyncConnection, key_ids: Collection[bytes]
    ) -> Mapping[bytes, bytes]:
        """See Devices."""
        return {one[:16]: one for one in self.devices if one[:16] in key_ids}

    async def people_trust(
        self, _: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[wire.PersonTrust]:
        """See Devices."""
        return [name_alone(one) for one in person_ids]


class World:
    """The dependencies of live/; the ports that it does not use are not there."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Time()
        self.devices = KnownDevices()
        self._signer = RosterSigner(Ed25519PrivateKey.generate())
        bus = LocalBus()
        log = WakeupLog(database, self.clock, has_bus=True)
        database.announce_through(BusAndLog(bus, log))
        self.deps = self.deps_with(bus)

    def deps_with(self, bus: Bus) -> DeliveryDependencies:
        """Return the parts of one more process."""
        absent = cast(Any, None)
        return DeliveryDependencies(
            database=self.database,
            bus=bus,
            clock=self.clock,
            rates=SharedRates(bus, self.clock.now_ms),
            devices=cast(Any, self.devices),
            people=absent,
            organisation=absent,
            posts=absent,
            signer=self._signer,
            attachments=absent,
            orders=absent,
            pushes=absent,
            audit=absent,
            sanctions=SanctionRegistry(self.clock, HUNDRED),
            options=Options(kem=X25519),
        )
