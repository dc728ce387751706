"""A Delivery Service with orders, people in units, and officers whose devices sign."""

import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from obstore.store import MemoryStore
from sqlalchemy import Column, MetaData, Select, String, Table, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.attachments.blobs import Blobs
from copconnect.attachments.service import AttachmentService
from copconnect.auth_service.registration.sms import Handed
from copconnect.database.engine import Database, Transaction
from copconnect.delivery.live.feed import LiveFeed
from copconnect.delivery.live.readers import Readers
from copconnect.directory.names import english
from copconnect.ids import (
    AttachmentId,
    ClientId,
    ConversationId,
    MessageId,
    PersonId,
    PostId,
    Seq,
    UnitId,
    new_id,
)
from copconnect.leases import Leases
from copconnect.orders.dependencies import OrderDependencies
from copconnect.orders.rules import ISSUE
from copconnect.orders.service import OrderService
from copconnect.principals import Caller
from copconnect.rates import SharedRates
from copconnect.records.conversation.acknowledgement import Acknowledgement, Told, hash_of
from copconnect.records.conversation.message import SIGNED_HEADER_BYTES
from copconnect.records.primitives.fields import sha256
from copconnect.rights import HeldRights
from copconnect.settings import Settings
from copconnect.sockets.dispatch.fanout import Fanout
from copconnect.sockets.feed import SeenCursor
from tests.contract.chart import post_of
from tests.contract.delivery_world import World, issuing_by
from tests.contract.device import Device, Talk, name_alone, order_terms

# The units of these people, as a table: counts join it.
PLACED = Table(
    "placed_in_tests",
    MetaData(),
    Column("person_id", String(32), primary_key=True),
    Column("unit_id", String(64), nullable=False),
    Column("sort_key", String(64), nullable=False),
)


class Roll:
    """People's units, heads and rights."""

    def __init__(self) -> None:
        self.paths: dict[UnitId, str] = {}
        self.held: dict[PersonId, list[str]] = {}  # Unit paths of the right oversee_orders.
        self.issuing: dict[PersonId, dict[wire.Right, str]] = {}  # Paths of the rights to issue.
        self.heads_of: dict[UnitId, list[PersonId]] = {}

    def placed(self) -> Select[Any]:
        """See ports.OrderDirectory."""
        return select(PLACED)

    def posted_elsewhere(self, unit_ids: Collection[UnitId]) -> Select[Any]:
        """See ports.Postings."""
        return select(PLACED.c.person_id).where(PLACED.c.unit_id.not_in(unit_ids))

    def found_by(self, text: str) -> Select[Any]:
        """Return who is of the unit with this name: see ports.OrderDirectory."""
        return select(PLACED.c.person_id, PLACED.c.sort_key).where(PLACED.c.unit_id == text)

    def numbers(self) -> Select[Any]:
        """Return a number for each person: the id."""
        return select(PLACED.c.person_id, PLACED.c.person_id.label("number"))

    async def unit_paths(self, _: AsyncConnection) -> dict[UnitId, str]:
        """See ports.OrderDirectory."""
        return self.paths

    async def cards(
        self, _: AsyncConnection, person_ids: Collection[PersonId], _viewer: PersonId | None
    ) -> dict[PersonId, wire.Person]:
        """Return cards that say little."""
        return {
            one: wire.Person(
                person_id=one,
                names=english(one),
                number="",
                rank="PC",
                post_id=PostId("0" * 32),
                post=english(""),
                roles=[],
                unit_id=UnitId("TG"),
                charges=[],
                registered=True,
                status="active",
            )
            for one in person_ids
        }

    async def headed(self, _: AsyncConnection, person_id: PersonId) -> dict[UnitId, PostId]:
        """See ports.Postings."""
        return {
            unit: post_of(unit, head=True)
            for unit, heads in self.heads_of.items()
            if person_id in heads
        }

    async def people_by_unit(self, connection: AsyncConnection) -> dict[UnitId, int]:
        """See ports.Postings."""
        counts = select(PLACED.c.unit_id, func.count()).group_by(PLACED.c.unit_id)
        return {UnitId(row[0]): row[1] for row in await connection.execute(counts)}

    async def heads(
        self, _: AsyncConnection, unit_ids: Collection[UnitId]
    ) -> dict[UnitId, list[PersonId]]:
        """See ports.OrderDirectory."""
        return {one: self.heads_of[one] for one in unit_ids if one in self.heads_of}

    async def of(self, _: AsyncConnection, person_id: PersonId) -> HeldRights:
        """See ports.PersonRights."""
        rights: list[tuple[wire.Right, str]] = [
            *(("oversee_orders", path) for path in self.held.get(person_id, ())),
            *self.issuing.get(person_id, {}).items(),
        ]
        return HeldRights(
            tuple(
                wire.HeldRight(right=right, path=path, deep=True, heads=False)
                for right, path in rights
            )
        )

    def command(self, device: Device, path: str) -> None:
        """Give somebody all rights to issue orders over a part."""
        self.issuing[device.caller.person_id] = dict.fromkeys(ISSUE.values(), path)


class Woken:
    """Remembers who was woken."""

    def __init__(self) -> None:
        self.people: list[set[PersonId]] = []

    async def remind(
        self,
        connection: Transaction,
        conversation_id: ConversationId,
        seq: int,
        people: Select[Any],
    ) -> int:
        """See ports.OrderPushes."""
        assert conversation_id
        assert seq
        found = {row.person_id for row in await connection.execute(people)}
        self.people.append(found)
        return len(found)


@dataclass
class Gateway:
    """Keeps texts and returns ``answer``; ``also`` is called, and ``meanwhile`` awaited, before
    that."""

    answer: Handed = "taken"
    asked: list[str] = field(default_factory=list)
    said: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    also: Callable[[str], object] = lambda _: None
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def hand_over(self, number: str, text: str, more: Mapping[str, object]) -> Handed:
        """See ports.TextGateway."""
        self.asked.append(number)
        self.said.append((text, more))
        self.also(number)
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.answer


class Dashboards:
    """The frames that dashboards were sent."""

    def __init__(self) -> None:
        self.frames: list[tuple[ClientId, wire.OrderProgressFrame]] = []

    def push_to(self, client_id: ClientId, frame: wire.ServerFrame) -> bool:
        """See Fanout."""
        assert isinstance(frame, wire.OrderProgressFrame)
        self.frames.append((client_id, frame))
        return True


@dataclass
class Issued:
    """An order that was sent."""

    order_id: MessageId
    seq: Seq
    body: wire.SendMessage
    header_hash: bytes


def order_change(
    order: Issued | MessageId,
    change: Literal["corrected", "withdrawn"],
    *,
    asks_again: bool = False,
) -> wire.OrderChange:
    """Return what a message says that changes an order."""
    order_id = order.order_id if isinstance(order, Issued) else order
    return wire.OrderChange(order_id=order_id, change=change, asks_again=asks_again)


class Orders:
    """A group of an issuer and some officers, of units TG/HYD/PS1, PS2 and so on."""

    def __init__(self, world: World, roll: Roll, talk: Talk, issuer: Device, key_id: bytes) -> None:
        self.world = world
        self.talk = talk
        self.issuer = issuer
        self.key_id = key_id
        self.officers: list[Device] = []
        self.roll = roll
        self.woken = Woken()
        self.gateway = Gateway()
        self.connected = Dashboards()
        self.blobs = Blobs(MemoryStore())
        self.attachments = AttachmentService(
            database=world.database,
            clock=world.clock,
            blobs=self.blobs,
            conversations=lambda: world.service,
            cases=_NoCases,
            orders=lambda: self.service.reading,
            leases=Leases(world.database, world.clock, alone=True),
            quota_bytes_per_day=10_000_000,
            retention_days=30,
        )
        self.service = self.node()

    @classmethod
    async def of(cls, database: Database, officers: int = 3) -> "Orders":
        """Make the group."""
        async with database.transaction() as connection:
            await connection.run_sync(PLACED.metadata.create_all)
            await connection.execute(delete(PLACED))
        roll = Roll()
        world = World(database, issuing=issuing_by(roll))
        issuer, *others = (world.registry.register() for _ in range(officers + 1))
        made = await world.group(issuer, others)
        talk = Talk(world.service, made.conversation_id)
        found = cls(world, roll, talk, issuer, await talk.begin(issuer, others))
        found.officers = others
        await found.place(issuer, "TG/HYD")
        roll.command(issuer, "TG")
        for at, one in enumerate(others):
            await found.place(one, f"TG/HYD/PS{at % 2 + 1}")
        return found

    def node(self, fresh_s: float = 0.0, settings: Settings | None = None) -> OrderService:
        """Return one more process."""
        world = self.world
        deps = OrderDependencies(
            database=world.database,
            clock=world.clock,
            rates=SharedRates(world.bus, world.clock.now_ms),
            conversations=Readers(),
            people=self.roll,
            rights=self.roll,
            devices=_Trust(),
            pushes=self.woken,
            photos=self.attachments,
            log_days=(settings or Settings()).log_retention_days,
        )
        leases = Leases(world.database, world.clock, alone=True)
        made = OrderService(
            deps, world.issuing, self.gateway, leases, settings or Settings(), fresh_s
        )
        made.watching.attach(cast(Fanout, self.connected))
        world.bus.subscribe(made.watching.on_wakeup)
        return made

    @property
    def c(self) -> ConversationId:
        """The group."""
        return self.talk.conversation_id

    async def place(self, device: Device, path: str) -> None:
        """Post somebody to a unit."""
        units = path.split("/")
        for at in range(len(units)):
            self.roll.paths[UnitId(units[at])] = "/".join(units[: at + 1])
        person_id = device.caller.person_id
        async with self.world.database.transaction() as connection:
            await connection.execute(delete(PLACED).where(PLACED.c.person_id == person_id))
            await connection.execute(
                insert(PLACED).values(
                    person_id=person_id, unit_id=units[-1], sort_key=f"{units[-1]} {person_id}"
                )
            )

    async def post(
        self, said: wire.OrderTerms | wire.OrderChange, sender: Device | None = None
    ) -> Issued:
        """Send a message that says this."""
        by = sender or self.issuer
        body, accepted = await self.talk.post(by, self.key_id, order=said)
        message_id = body.message[1 + 16 : 1 + 32].hex()
        return Issued(
            MessageId(message_id), accepted.seq, body, sha256(body.message[:SIGNED_HEADER_BYTES])
        )

    async def issue(self, **terms: Any) -> Issued:
        """Issue an order."""
        return await self.post(order_terms(**terms))

    async def correct(self, order: Issued, *, asks_again: bool) -> bytes:
        """Correct one; return the hash by which acknowledgements name the new text."""
        await self.post(order_change(order, "corrected", asks_again=asks_again))
        found = await self.service.reading.order(self.issuer.caller, order.order_id)
        return found.texts[-1].header_hash

    async def withdraw(self, order: Issued) -> None:
        """Withdraw one."""
        await self.post(order_change(order, "withdrawn"))

    def record(
        self, order: Issued, signer: Device, about: Device | None = None, **other: Any
    ) -> wire.AcknowledgementItem:
        """Return a record by a device. ``other``: fields that are as a test wants them."""
        answer: bytes | None = other.pop("answer", None)
        photo: wire.SealedPhoto | None = other.pop("photo", None)
        values: dict[str, Any] = {
            "conversation_id": bytes.fromhex(self.c),
            "message_id": bytes.fromhex(order.order_id),
            "header_hash": order.header_hash,
            "text_hash": order.header_hash,
            "device": signer.device,
            "person_id": bytes.fromhex((about or signer).caller.person_id),
            "told": Told.OWN if about is None else Told.IN_PERSON,
            "choice": 0,
            "done": 0,
            "answer_hash": hash_of(answer),
            "photo_hash": hash_of(None if photo is None else photo.sealed),
            "created": self.world.clock.now_ms(),
        }
        made = Acknowledgement(**(values | other)).signed(signer.signer)
        return wire.AcknowledgementItem(record=made.encode(), answer=answer, photo=photo)

    async def send(
        self, order: Issued, sender: Device | Caller, *items: wire.AcknowledgementItem
    ) -> list[wire.AcknowledgementOutcome]:
        """Post records; return what became of them."""
        caller = sender.caller if isinstance(sender, Device) else sender
        body = wire.SubmitAcknowledgements(acknowledgements=list(items))
        found = await self.service.acknowledging.submit(caller, order.order_id, body)
        return found.outcomes

    async def upload(
        self, order: Issued, sender: Device, *, size: int = 100, filled: bool = True
    ) -> wire.SealedPhoto:
        """Upload a photo for an order; return it as a record hands it in."""
        attachment_id = AttachmentId(new_id())
        photo = wire.SealedPhoto(sealed=secrets.token_bytes(64), attachment_id=attachment_id)
        body = wire.BeginAttachment(
            attachment_id=photo.attachment_id,
            conversation_id=self.c,
            order_id=order.order_id,
            size=size,
        )
        await self.attachments.begin(sender.caller, body)
        if filled:
            data = secrets.token_bytes(size)
            await self.attachments.put_chunk(sender.caller, photo.attachment_id, 0, data)
        return photo

    async def acknowledge(self, order: Issued, signer: Device, **other: Any) -> str:
        """Let somebody acknowledge; return the outcome."""
        (outcome,) = await self.send(order, signer, self.record(order, signer, **other))
        return outcome

    async def reach(self, device: Device, delivered: int, read: int) -> None:
        """Move a device's cursor."""
        cursor = SeenCursor(
            self.c, device.caller.client_id, device.caller.person_id, Seq(delivered), Seq(read)
        )
        await LiveFeed(self.world.service.deps).store_cursors([cursor])

    async def progress(
        self, order: Issued, unit: str | None = None, viewer: Device | None = None
    ) -> tuple[list[int], dict[UnitId, list[int]]]:
        """Return the counts as somebody sees them."""
        found = await self.service.reading.progress(
            (viewer or self.issuer).caller,
            order.order_id,
            None if unit is None else UnitId(unit),
        )
        return found.total, found.units

    async def records(self, order: Issued) -> dict[PersonId, Acknowledgement]:
        """Return the records that count, by the person they are about."""
        page = await self.service.reading.records(
            self.issuer.caller, order.order_id, answered=False, after=""
        )
        parsed = [Acknowledgement.parse(one.record) for one in page.records]
        return {PersonId(one.person_id.hex()): one for one in parsed}


class _NoCases:
    """The rights of moderators, of whom there are none here (attachments.service.CaseReaders)."""

    async def reads_case_in(self, *_: Any) -> bool:
        """Say no."""
        return False


class _Trust:
    """The records about people, which name them alone."""

    async def people_trust(
        self, _: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[wire.PersonTrust]:
        """Return trust that names people alone: see ports.SigningDevices."""
        return [name_alone(one) for one in sorted(person_ids)]


async def of_unit(database: Database) -> tuple[Orders, Device, Device]:
    """Return orders of the head of a unit in its conversation, somebody who belongs to it, and
    somebody who is not posted there yet."""
    orders = await Orders.of(database, 1)
    world, chief = orders.world, orders.issuer
    world.chart.post(chief.caller.person_id, "TG", admin=True)
    early, late = world.registry.register(), world.registry.register()
    world.chart.post(early.caller.person_id, "TG")
    made = await world.unit(chief)
    orders.talk.conversation_id = made.conversation_id
    orders.key_id = await orders.talk.begin(chief, [early])
    for one in (early, late):
        await orders.place(one, "TG")
    return orders, early, late


def nobody() -> MessageId:
    """Return the id of no order."""
    return MessageId(secrets.token_hex(16))


def people(*devices: Device) -> set[PersonId]:
    """Return whose these are."""
    return {one.caller.person_id for one in devices}
