"""A device as tests need it: real records, real seals and signatures (``copconnect.sealing``).

It holds nothing of a conversation but its keys and its own chain, and fetches heads and keys from
the service as a client does; it opens messages by the rules of a receiver.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect import errors, wire
from copconnect.ids import AttachmentId, ClientId, ConversationId, DeviceId, PersonId
from copconnect.principals import NOTHING, Caller
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.message import MessageHeader, parse_message
from copconnect.records.conversation.roster import Leaf, RosterHead, check_proof
from copconnect.records.conversation.seals import join_seals, parse_seal
from copconnect.records.primitives.ed25519 import public_bytes
from copconnect.records.primitives.fields import ZEROS
from copconnect.records.primitives.signed import SealableRecord
from copconnect.records.trust.device import device_id
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing import hpke
from copconnect.sealing.keys import (
    make_conversation_key,
    make_device_key,
    new_secret,
    open_conversation_key,
    seal_secret,
)
from copconnect.sealing.messages import body_key, open_body, seal_message


@dataclass
class Device:
    """One device of one person."""

    caller: Caller
    signer: Ed25519PrivateKey
    seed: bytes
    key: DeviceKey | None
    kem: int
    now_ms: Callable[[], int]
    secrets: dict[bytes, bytes] = field(default_factory=dict)  # S by key id.
    chains: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # Seq and hash.

    @classmethod
    def new(
        cls, person_id: PersonId, client_id: str, kem: int, now_ms: Callable[[], int]
    ) -> "Device":
        """Return a device with new keys."""
        signer = Ed25519PrivateKey.generate()
        ids = bytes.fromhex(person_id), bytes.fromhex(client_id)
        device = device_id(*ids, public_bytes(signer))
        caller = Caller(
            person_id,
            ClientId(client_id),
            device,
            outstanding=NOTHING,
            public_key=public_bytes(signer),
        )
        seed = new_secret()
        key = make_device_key(kem, seed, signer, device=device, generation=1, now=now_ms())
        return cls(caller, signer, seed, key, kem, now_ms)

    @property
    def device(self) -> bytes:
        """The device's id."""
        return self.caller.device

    # --- What it makes --------------------------------------------------------------------------

    def post_key(
        self,
        head: RosterHead,
        recipients: Sequence[SealableRecord],
        left_out: Sequence[bytes] = (),
        /,
        **other: Any,
    ) -> wire.SubmitKey:
        """Return a new conversation key under a head, sealed to these; it keeps S. ``other``:
        fields of the record that are wrong."""
        secret = new_secret()
        record = make_conversation_key(
            secret, self.signer, head=head, author=self.device, now=self.now_ms()
        )
        if other:
            record = replace(record, **other).signed(self.signer)
        self.secrets[record.hash()] = secret
        seals = join_seals(seal_secret(record, secret, to) for to in recipients)
        return wire.SubmitKey(
            record=record.encode(), seals=seals, left_out=[DeviceId(one.hex()) for one in left_out]
        )

    def message(
        self,
        head: RosterHead,
        key_id: bytes,
        text: bytes = b"text",
        /,
        *,
        state: bool = False,
        attachment_ids: Sequence[AttachmentId] = (),
        order: wire.OrderTerms | wire.OrderChange | None = None,
        wakes: Sequence[PersonId] = (),
        everybody: bool = False,
        **other: Any,
    ) -> wire.SendMessage:
        """Return a message that follows this device's last accepted one. ``other``: fields of the
        header that are wrong."""
        seq, previous = self.chains.get(head.conversation_id.hex(), (0, ZEROS))
        draft = MessageHeader(
            conversation_id=head.conversation_id,
            message_id=secrets.token_bytes(16),
            sender=self.device,
            seq=seq + 1,
            attempt=1,
            previous=previous,
            key_id=key_id,
            epoch=head.epoch,
            head=head.hash(),
            log_position=0,
            log_hash=ZEROS,
            sent=self.now_ms(),
        )
        secret = self.secrets.get(key_id, bytes(32))
        data = seal_message(replace(draft, **other), secret, text, self.signer)
        attached = list(attachment_ids)
        return wire.SendMessage(
            message=data,
            attachment_ids=attached,
            wakes=[*wakes],
            everybody=everybody,
            state=state,
            order=order,
        )

    def accepted(self, body: wire.SendMessage) -> None:
        """Note that the server accepted a message."""
        header = header_of(body.message)
        self.chains[header.conversation_id.hex()] = header.seq, header.hash()

    # --- What it opens --------------------------------------------------------------------------

    def open_key(self, item: wire.KeyItem) -> bytes:
        """Open a conversation key sealed to this device; return its id."""
        assert item.seal is not None
        assert self.key is not None
        record = ConversationKey.parse(item.record)
        seal = parse_seal(self.kem, item.seal, "R6")
        private = hpke.private_key(self.kem, self.seed)
        secret = open_conversation_key(record, seal, self.kem, self.key.key_id(), private)
        self.secrets[record.hash()] = secret
        return record.hash()

    def open_message(self, entry: wire.LogEntry) -> bytes:
        """Return the plaintext of a message whose key this device has (R1, R7)."""
        header, body = parse_message(entry.message, bytes.fromhex(entry.conversation_id))
        return open_body(header, body, body_key(header, self.secrets[header.key_id]))


def header_of(message: bytes) -> MessageHeader:
    """Return a message's header."""
    return MessageHeader.parse(message[: wire.HEADER_BYTES + 64])


def head_of(conversation: wire.Conversation) -> RosterHead:
    """Return the newest head of a conversation as it was shown."""
    assert conversation.roster is not None
    return RosterHead.parse(conversation.roster.head)


def leaf_of(device: Device, state: wire.RosterState) -> Leaf:
    """Return a device's leaf, its proof checked."""
    return check_proof(RosterHead.parse(state.head), device.device, state.proof, "R2")[0]


@dataclass
class Talk:
    """A conversation that devices of a test talk in, through the service."""

    service: Any  # DeliveryService.
    conversation_id: ConversationId

    async def head(self, device: Device) -> RosterHead:
        """Return the newest head."""
        state = await self.service.rosters.state(device.caller, self.conversation_id)
        return RosterHead.parse(state.head)

    async def begin(self, author: Device, others: Sequence[Device]) -> bytes:
        """Make the next key and give it to everybody; return its id."""
        head = await self.head(author)
        body = author.post_key(head, keys_of([author, *others]))
        accepted = await self.service.keys.submit(author.caller, self.conversation_id, body)
        key_id = bytes.fromhex(accepted.key_id)
        for one in others:
            one.secrets[key_id] = author.secrets[key_id]
        return key_id

    async def say(
        self, sender: Device, key_id: bytes, text: bytes = b"text", **more: Any
    ) -> wire.Accepted:
        """Send a message under the newest head."""
        return (await self.post(sender, key_id, text, **more))[1]

    async def post(
        self, sender: Device, key_id: bytes, text: bytes = b"text", **more: Any
    ) -> tuple[wire.SendMessage, wire.Accepted]:
        """Do so; return the message, too. The head that comes with a person's first order in the
        conversation is taken."""
        body = sender.message(await self.head(sender), key_id, text, **more)
        intake, c = self.service.intake, self.conversation_id
        try:
            accepted: wire.Accepted = await intake.accept(sender.caller, c, body)
        except errors.StaleHead:
            if more.get("order") is None:
                raise
            body = sender.message(await self.head(sender), key_id, text, **more)
            accepted = await intake.accept(sender.caller, c, body)
        sender.accepted(body)
        return body, accepted

    async def read(self, reader: Device, after: int = 0, limit: int = 200) -> list[bytes]:
        """Return what a reader opens of a page."""
        page = await self.service.log.page(
            reader.caller, self.conversation_id, after=after, before=None, limit=limit
        )
        return [reader.open_message(one) for one in page.entries]


def keys_of(devices: Sequence[Device]) -> list[SealableRecord]:
    """Return the device keys to seal to."""
    return [one.key for one in devices if one.key is not None]


def by_device(devices: Sequence[Device]) -> Mapping[bytes, Device]:
    """Return devices by id."""
    return {one.device: one for one in devices}


def order_terms(**terms: Any) -> wire.OrderTerms:
    """Return the terms of a routine order that asks for no more than an acknowledgement, but for
    these."""
    plain: dict[str, Any] = {
        "priority": "routine",
        "choices": 0,
        "items": 0,
        "answers": False,
        "photo": False,
        "readers": [],
        "valid_until_ms": None,
        "remind_minutes": [],
        "escalate_minutes": None,
        "escalate_below": 1,
    }
    return wire.OrderTerms(**(plain | terms))


def name_alone(person_id: PersonId) -> wire.PersonTrust:
    """Return trust in a person that has no record."""
    return wire.PersonTrust(
        person_id=person_id,
        devices=[],
        certificates=[],
        cards=[],
        endorsements=[],
        grants=[],
        revocations=[],
        keys=[],
    )
