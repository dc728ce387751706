"""A Delivery Service with everything around it, for tests: real rules, real stores, a clock that
stands still, a bus that records, and clients whose MLS bytes come from spec/mls_messages.json."""

import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.bus import AnyWakeup, LocalBus
from copconnect.database import Database
from copconnect.delivery import cell_store, suites
from copconnect.delivery.mls.codec import vector
from copconnect.delivery.service import DeliveryService
from copconnect.delivery.tables import MEMBERS
from copconnect.ids import (
    AttachmentId,
    CellId,
    ClientId,
    ConversationId,
    Epoch,
    PersonId,
    new_id,
)
from copconnect.leases import Leases
from copconnect.principals import Caller, RegisteredClient
from copconnect.wakeup_log import WakeupLog

SPEC = Path(__file__).parents[2] / "spec"


class StillClock:
    """Moves only when told."""

    def __init__(self, now_ms: int = 1_764_000_000_000) -> None:
        self.at = now_ms

    def now_ms(self) -> int:
        """Return the time."""
        return self.at


class Authority:
    """The roster authority of the vectors, with its private key."""

    def __init__(self) -> None:
        known = json.loads((SPEC / "external_remove.json").read_text())["authority"]
        self._key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(known["privateKey"]))
        self.public_key = bytes.fromhex(known["publicKey"])
        self.certificate = bytes.fromhex(known["certificate"])

    def sign(self, data: bytes) -> bytes:
        """Sign."""
        return self._key.sign(data)


class Registry:
    """Registered clients, in memory."""

    def __init__(self) -> None:
        self.clients: list[RegisteredClient] = []
        self.inactive: set[PersonId] = set()

    async def clients_of(
        self, _connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[RegisteredClient]:
        """Return them."""
        return [one for one in self.clients if one.person_id in person_ids]

    async def active_people(
        self, _connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Everybody is active but those set inactive."""
        return set(person_ids) - self.inactive

    async def certificates(
        self, _connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[str, tuple[ClientId, PersonId]]:
        """Return theirs."""
        return {
            one.certificate_hash: (one.client_id, one.person_id)
            for one in self.clients
            if one.person_id in person_ids
        }

    def register(
        self,
        person_id: str | None = None,
        client_id: str | None = None,
        certificate: bytes | None = None,
    ) -> Caller:
        """Add a client; return it as a caller."""
        der = certificate or bytes.fromhex(new_id() * 8)
        client = RegisteredClient(
            client_id=ClientId(client_id or new_id()),
            person_id=PersonId(person_id or new_id()),
            certificate_hash=hashlib.sha256(der).hexdigest(),
            certificate=der,
        )
        self.clients.append(client)
        return Caller(client.person_id, client.client_id, conduct_accepted=True)


class Chart:
    """People in units such as "TG/HYD"; an admin of a unit is one of those below too."""

    def __init__(self) -> None:
        self.posts: dict[PersonId, tuple[str, bool]] = {}
        self.version = 1

    def post(self, person_id: PersonId, unit: str, *, admin: bool = False) -> None:
        """Transfer somebody, or take them in."""
        self.posts[person_id] = unit, admin
        self.version += 1

    def leave(self, person_id: PersonId) -> None:
        """Let somebody go."""
        del self.posts[person_id]
        self.version += 1

    def found_by(self, text: str) -> Select[tuple[str, str]]:
        """Find members by what their ids begin with; listed by id."""
        person = MEMBERS.c.person_id
        return select(person, person.label("sort_key")).where(person.startswith(text)).distinct()

    async def people_version(self, _connection: AsyncConnection) -> int:
        """Return it."""
        return self.version

    async def audience(
        self,
        _connection: AsyncConnection,
        rule: wire.Audience,
        only: Collection[PersonId] | None = None,
    ) -> dict[PersonId, bool]:
        """Return who belongs, and who leads."""
        units = ["TG"] if rule.everyone else rule.unit_ids
        deep = rule.everyone or rule.deep
        return {
            person: admin and any(_within(one, unit) for one in units)
            for person, (unit, admin) in self.posts.items()
            if (only is None or person in only)
            and any(unit == one or (deep and _within(unit, one)) for one in units)
        }

    async def administers(
        self, _connection: AsyncConnection, person_id: PersonId, rule: wire.Audience
    ) -> bool:
        """Return whether they lead all of it."""
        unit, admin = self.posts.get(person_id, ("", False))
        units = ["TG"] if rule.everyone else rule.unit_ids
        return admin and all(_within(one, unit) for one in units)


def _within(unit: str, above: str) -> bool:
    return unit == above or unit.startswith(f"{above}/")


class NoAttachments:
    """Attachments of which only those in ``known`` are ready."""

    def __init__(self) -> None:
        self.known: set[str] = set()

    async def ready(
        self,
        _connection: AsyncConnection,
        attachment_ids: Collection[AttachmentId],
        _conversation_id: ConversationId,
    ) -> None:
        """Refuse unknown ones."""
        if not set(attachment_ids) <= self.known:
            raise errors.AttachmentIncomplete


class World:
    """The service and what it stands on."""

    def __init__(
        self,
        database: Database,
        *,
        suite: suites.Name = "x25519",
        cell_size: int = wire.CELL_SIZE,
        bus: LocalBus | None = None,
        registry: Registry | None = None,
        conversations_per_hour: int = 100,
    ) -> None:
        self.database = database
        self.bus = bus or LocalBus()
        self.wakeups: list[AnyWakeup] = []
        self.bus.subscribe(self._record)
        self.clock = StillClock()
        self.registry = registry or Registry()
        self.chart = Chart()
        self.attachments = NoAttachments()
        self.authority = Authority()
        self.leases = Leases(database, self.clock, alone=True)
        self.service = DeliveryService(
            database=database,
            bus=self.bus,
            clock=self.clock,
            registrations=self.registry,
            organisation=self.chart,
            authority=self.authority,
            attachments=self.attachments,
            leases=self.leases,
            wakeup_log=WakeupLog(database, self.clock, has_bus=True),
            suite=suite,
            cell_size=cell_size,
            conversations_per_hour=conversations_per_hour,
        )

    async def _record(self, wakeup: AnyWakeup) -> None:
        self.wakeups.append(wakeup)

    async def group(
        self,
        creator: Caller,
        others: Sequence[Caller],
        conversation_id: str | None = None,
        cell_id: str | None = None,
    ) -> wire.Conversation:
        """Create a group."""
        return await self.service.membership.create(
            creator,
            wire.CreateConversation(
                conversation_id=conversation_id or new_id(),
                kind="group",
                cell_id=cell_id or new_id(),
                person_ids=sorted({one.person_id for one in others}),
                who_may_post="everyone",
            ),
        )

    async def founded(self, creator: Caller, others: Sequence[Caller]) -> wire.Conversation:
        """Create a group whose cell is at epoch 1, without its members' MLS."""
        made = await self.group(creator, others)
        await self.set_epoch(made, 1)
        return made

    async def set_epoch(self, conversation: wire.Conversation, epoch: int) -> None:
        """Put a cell at an epoch behind the rules' back."""
        async with self.database.transaction() as connection:
            cell_id, seq = conversation.cells[0].cell_id, conversation.last_seq
            await cell_store.set_epoch(connection, cell_id, Epoch(epoch), seq)

    async def post(
        self, caller: Caller, conversation: wire.Conversation, epoch: int = 1, **more: Any
    ) -> wire.Accepted:
        """Post a message to the conversation's first cell."""
        cell_id = conversation.cells[0].cell_id
        return await self.service.posting.post(
            caller,
            conversation.conversation_id,
            message(conversation.conversation_id, cell_id, epoch, **more),
        )


def private_message(conversation_id: str, cell_id: str, epoch: int, text: bytes = b"x") -> bytes:
    """Return the framing of an MLSMessage(PrivateMessage) around any ciphertext."""
    return (
        b"\0\1\0\2"
        + vector(bytes.fromhex(conversation_id + cell_id))
        + epoch.to_bytes(8, "big")
        + b"\1"
        + vector(b"")
        + vector(b"sender data")
        + vector(text)
    )


def message(
    conversation_id: ConversationId,
    cell_id: CellId,
    epoch: int,
    entry_id: str | None = None,
    text: bytes = b"x",
    attachment_ids: Sequence[str] = (),
) -> wire.PostMessage:
    """Return a PostMessage."""
    return wire.PostMessage(
        entry_id=entry_id or new_id(),
        cell_id=cell_id,
        epoch=Epoch(epoch),
        payload=private_message(conversation_id, cell_id, epoch, text),
        attachment_ids=list(attachment_ids),
    )


class Vectors:
    """The recorded life of one cell: alice founds it, adds bob, carol joins, carol is removed."""

    def __init__(self) -> None:
        self.data = json.loads((SPEC / "mls_messages.json").read_text())
        self.conversation_id = ConversationId(self.data["conversationId"])
        self.cell_id = CellId(self.data["cellId"])

    def register(self, registry: Registry, name: str) -> Caller:
        """Register alice, bob or carol with the certificate of their leaf."""
        one = self.data["clients"][name]
        return registry.register(
            one["personId"], one["clientId"], bytes.fromhex(one["certificate"])
        )

    def message(self, name: str) -> bytes:
        """Return a recorded message."""
        found: str = next(m["bytes"] for m in self.data["messages"] if m["name"] == name)
        return bytes.fromhex(found)

    def commit(
        self, name: str, epoch: int, *, welcomes: Sequence[Caller] = (), founding: bool = False
    ) -> wire.UploadCommit:
        """Return the upload of a recorded commit."""
        info: str = next(
            g["bytes"] for g in self.data["groupInfos"] if g["name"] == f"after {name}"
        )
        return wire.UploadCommit(
            entry_id=new_id(),
            epoch=Epoch(epoch),
            founding=founding,
            commit=self.message(name),
            group_info=bytes.fromhex(info),
            welcome=bytes.fromhex(self.data["welcome"]) if welcomes else None,
            welcome_clients=[one.client_id for one in welcomes],
            key_record=None,
            signer_proof=None,
        )

    def post(self, name: str, epoch: int) -> wire.PostMessage:
        """Return the post of a recorded message."""
        return wire.PostMessage(
            entry_id=new_id(),
            cell_id=self.cell_id,
            epoch=Epoch(epoch),
            payload=self.message(name),
            attachment_ids=[],
        )
