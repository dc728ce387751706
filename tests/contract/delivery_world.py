"""A Delivery Service with everything around it, for tests: real rules, real stores, a clock that
stands still, a bus that records, a roster authority, and people whose devices are in memory.

The devices themselves, with their keys, are in :mod:`tests.contract.device`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Select, false, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.bus import AnyWakeup, LocalBus
from copconnect.database.engine import Database, Transaction
from copconnect.delivery.dependencies import DeliveryDependencies, Options
from copconnect.delivery.live.readers import Readers
from copconnect.delivery.service import DeliveryService
from copconnect.delivery.store.tables import MEMBERS
from copconnect.ids import AttachmentId, ConversationId, PersonId, PostId, Seq, UnitId, new_id
from copconnect.leases import Leases
from copconnect.orders.issuing import OrderIssuing
from copconnect.orders.ports import PersonRights, Postings
from copconnect.orders.rules import ISSUE
from copconnect.principals import Caller, DeviceKeyRow, ListedDevice
from copconnect.rates import SharedRates
from copconnect.records.conversation.roster import direct_id
from copconnect.records.primitives.kem import X25519
from copconnect.records.primitives.signed import RosterSigner
from copconnect.records.trust.incarnation import Incarnation
from copconnect.reports.registry import SanctionRegistry
from copconnect.rights import WHOLE, HeldRights
from copconnect.wakeup_log import BusAndLog, WakeupLog
from tests.contract.chart import Chart
from tests.contract.device import Device
from tests.harness.large_from import LargeFrom

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
HUNDRED = LargeFrom()


class StillClock:
    """Moves only when told."""

    def __init__(self, now_ms: int = 1_764_000_000_000) -> None:
        self.at = now_ms

    def now_ms(self) -> int:
        """Return the time."""
        return self.at


class PeopleAndRights(Postings, PersonRights, Protocol):
    """Posts and rights of people."""


def issuing_by(roll: PeopleAndRights) -> OrderIssuing:
    """Return the part of orders that the Delivery Service asks."""
    issuing = OrderIssuing(Readers(), roll)
    issuing.attach(roll)
    return issuing


class Calls:
    """Remembers who was called by which message."""

    def __init__(self) -> None:
        self.people: dict[int, set[PersonId]] = {}

    async def call(
        self,
        connection: Transaction,
        conversation_id: ConversationId,
        seq: int,
        people: Select[Any],
    ) -> int:
        """See ports.CallPushes."""
        assert conversation_id
        self.people[seq] = {row.person_id for row in await connection.execute(people)}
        return len(self.people[seq])


class Authority(RosterSigner):
    """A roster authority that counts its signatures."""

    def __init__(self) -> None:
        super().__init__(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
        self.signatures = 0

    def sign(self, data: bytes) -> bytes:
        """Sign."""
        self.signatures += 1
        return super().sign(data)


class Registry:
    """Everybody's devices, in memory: those in ``unconfirmed`` may not be listed."""

    def __init__(self, clock: StillClock, kem: int) -> None:
        self._clock = clock
        self._kem = kem
        self.devices: dict[bytes, Device] = {}
        self.unconfirmed: set[bytes] = set()
        self.inactive: set[PersonId] = set()
        self.ever: set[PersonId] = set()
        self.begun: Incarnation | None = None

    def register(self, person_id: str | None = None, *, client_id: str | None = None) -> Device:
        """Add a device of a person, a new one for None."""
        device = Device.new(
            PersonId(person_id or new_id()), client_id or new_id(), self._kem, self._clock.now_ms
        )
        self.devices[device.device] = device
        self.ever.add(device.caller.person_id)
        return device

    async def devices_of(
        self, _connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[ListedDevice]:
        """Return the confirmed ones of active people."""
        people = set(person_ids) - self.inactive
        return [
            ListedDevice(one.device, one.caller.client_id, one.caller.person_id)
            for one in self.devices.values()
            if one.caller.person_id in people and one.device not in self.unconfirmed
        ]

    async def device_keys(
        self, _connection: AsyncConnection, devices: Collection[bytes]
    ) -> Mapping[bytes, Sequence[DeviceKeyRow]]:
        """Return one for each device that has one."""
        return {
            device: [DeviceKeyRow(key.kem, key.key_id(), key.encode())]
            for device in devices
            if device in self.devices and (key := self.devices[device].key) is not None
        }

    async def devices_of_keys(
        self, _connection: AsyncConnection, key_ids: Collection[bytes]
    ) -> Mapping[bytes, bytes]:
        """Return the devices behind these key ids."""
        owners = {
            one.key.key_id(): device for device, one in self.devices.items() if one.key is not None
        }
        return {key_id: owners[key_id] for key_id in key_ids if key_id in owners}

    async def incarnation(self, _connection: AsyncConnection) -> Incarnation | None:
        """Return the one that a test began."""
        return self.begun

    async def people_trust(
        self, _connection: AsyncConnection, _person_ids: Collection[PersonId]
    ) -> list[wire.PersonTrust]:
        """No record is signed about anybody here."""
        return []

    async def ever_registered(
        self, _connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return who registered a device here."""
        return self.ever.intersection(person_ids)

    async def active_people(
        self, _connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Everybody is active but those set inactive."""
        return set(person_ids) - self.inactive


class NoAttachments:
    """Attachments of which only those in ``known`` are ready."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.dropped: list[tuple[ConversationId, Seq]] = []
        self.hidden: list[tuple[ConversationId, Seq]] = []  # For a legal hold.

    async def ready(
        self,
        _connection: AsyncConnection,
        attachment_ids: Collection[AttachmentId],
        _conversation_id: ConversationId,
        _seq: Seq,
    ) -> None:
        """Refuse unknown ones."""
        if not set(attachment_ids) <= self.known:
            raise errors.AttachmentIncomplete

    async def drop(
        self,
        _connection: AsyncConnection,
        conversation_id: ConversationId,
        seq: Seq,
        *,
        held: bool,
    ) -> None:
        """Note it."""
        (self.hidden if held else self.dropped).append((conversation_id, seq))


class Commanders:
    """Everybody may issue orders to everybody."""

    def posted_elsewhere(self, _unit_ids: Collection[UnitId]) -> Select[Any]:
        """Return nobody."""
        return select(MEMBERS.c.person_id).where(false())

    async def unit_paths(self, _: AsyncConnection) -> Mapping[UnitId, str]:
        """See orders' ports.Postings."""
        return {}

    async def headed(self, _: AsyncConnection, _person_id: PersonId) -> Mapping[UnitId, PostId]:
        """Return no unit."""
        return {}

    async def people_by_unit(self, _: AsyncConnection) -> Mapping[UnitId, int]:
        """Return no unit."""
        return {}

    async def of(self, _: AsyncConnection, _person_id: PersonId) -> HeldRights:
        """See orders' ports.PersonRights."""
        return HeldRights(
            tuple(
                wire.HeldRight(right=right, path=WHOLE, deep=True, heads=False)
                for right in ISSUE.values()
            )
        )


@dataclass
class World:
    """The service and what it depends on. X25519 unless a test asks for X-Wing: it is faster."""

    database: Database
    options: Options = field(default_factory=lambda: Options(kem=X25519))
    clock: StillClock = field(default_factory=StillClock)
    issuing: OrderIssuing = field(default_factory=lambda: issuing_by(Commanders()))

    def __post_init__(self) -> None:
        self.bus = LocalBus()
        self.wakeups: list[AnyWakeup] = []
        self.bus.subscribe(self._record)
        log = WakeupLog(self.database, self.clock, has_bus=True)
        self.database.announce_through(BusAndLog(self.bus, log))
        self.registry = Registry(self.clock, self.options.kem)
        self.chart = Chart()
        self.attachments = NoAttachments()
        self.authority = Authority()
        self.calls = Calls()
        self.sanctions = SanctionRegistry(self.clock, HUNDRED)
        self.service = self.node()

    def node(self) -> DeliveryService:
        """Return a Delivery Service on the same database: the first, or another node's."""
        deps = DeliveryDependencies(
            database=self.database,
            bus=self.bus,
            clock=self.clock,
            rates=SharedRates(self.bus, self.clock.now_ms),
            devices=self.registry,
            people=self.registry,
            organisation=self.chart,
            posts=self.chart,
            signer=self.authority,
            attachments=self.attachments,
            orders=self.issuing,
            pushes=self.calls,
            audit=Audit(self.database, self.clock),
            sanctions=self.sanctions,
            options=self.options,
        )
        return DeliveryService(deps, Leases(self.database, self.clock, alone=True))

    async def _record(self, wakeup: AnyWakeup) -> None:
        self.wakeups.append(wakeup)

    async def direct(self, one: Device, other: Device) -> wire.Conversation:
        """Create the direct conversation of two people."""
        people = one.caller.person_id, other.caller.person_id
        made = direct_id(*(bytes.fromhex(person) for person in people)).hex()
        return await self.service.conversations.create(
            one.caller, creating(made, "direct", [other.caller.person_id], history_days=None)
        )

    async def group(
        self,
        creator: Device,
        others: Sequence[Device],
        conversation_id: str | None = None,
        **more: Any,
    ) -> wire.Conversation:
        """Create a group."""
        people = sorted({one.caller.person_id for one in others})
        return await self.service.conversations.create(
            creator.caller, creating(conversation_id or new_id(), "group", people, **more)
        )

    async def unit(self, creator: Device, unit: str = "TG", **more: Any) -> wire.Conversation:
        """Create a conversation of everybody at or below a unit."""
        rule = wire.Audience(include=[wire.Clause(units=[UnitId(unit)], below=True)])
        body = creating(new_id(), "unit", [], history_days=30, audience=rule, **more)
        return await self.service.audiences.create(creator.caller, body)

    async def change(
        self,
        admin: Caller,
        conversation: wire.Conversation,
        add: Sequence[Device] = (),
        remove: Sequence[Device] = (),
        **more: Any,
    ) -> wire.Conversation:
        """Change members."""
        values: dict[str, Any] = {
            "change_id": new_id(),
            "add": sorted({one.caller.person_id for one in add}),
            "remove": sorted({one.caller.person_id for one in remove}),
            "make_admin": [],
            "revoke_admin": [],
        }
        body = wire.ChangeMembers(**(values | more))
        return await self.service.membership.change(admin, conversation.conversation_id, body)

    async def devices_changed(self, *devices: Device, urgent: bool = False) -> None:
        """Tell the service that these people's devices are others now."""
        people = [one.caller.person_id for one in devices]
        async with self.database.transaction() as connection:
            await self.service.devices_changed(connection, people, urgent=urgent)

    async def revoke(self, device: Device) -> None:
        """Revoke a device."""
        del self.registry.devices[device.device]
        await self.devices_changed(device, urgent=True)

    def told(self, kind: type[Any]) -> list[Any]:
        """Return the wake-ups of a kind so far, and forget all."""
        found = [one for one in self.wakeups if isinstance(one, kind)]
        self.wakeups.clear()
        return found


def creating(
    conversation_id: str, kind: wire.ConversationKind, people: Sequence[str], **more: Any
) -> wire.CreateConversation:
    """Return what creates a conversation."""
    values: dict[str, Any] = {
        "conversation_id": conversation_id,
        "kind": kind,
        "person_ids": list(people),
        "who_may_send": "everyone",
        "history_days": 0,
        "audience": None,
    }
    return wire.CreateConversation(**(values | more))
