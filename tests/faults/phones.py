"""Phones for the fault tests: registered over HTTP, with real keys, in one conversation.

A phone holds what a device holds: its own keys, the head that it was shown, the conversation keys
that it could open from seals, its chain. The phone signs and seals its messages and
opens the messages that it takes; keys come from the server alone.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import msgspec

from copconnect import wire
from copconnect.ids import ClientId, ConversationId, PersonId, new_id
from copconnect.principals import NOTHING, Caller
from copconnect.records.conversation.roster import RosterHead
from copconnect.records.primitives.ed25519 import public_bytes
from copconnect.sealing.keys import make_device_key, new_secret
from tests.contract.device import Device as Keys
from tests.contract.device import header_of, keys_of
from tests.harness.officer import MSGPACK, Device
from tests.harness.waiting import NO_TLS

SENDERS = 2  # Phones that send in a stream; the others open a key when it comes, or ask for it.
T = TypeVar("T")


def now_ms() -> int:
    """Return the time."""
    return time.time_ns() // 1_000_000


@dataclass
class Phone:
    """A registered device. ``opened``: message ids of what it could open, in order."""

    keys: Keys
    token: str
    opened: list[str] = field(default_factory=list)

    @property
    def person_id(self) -> str:
        """The phone's owner."""
        return self.keys.caller.person_id

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the phone's requests."""
        return {
            "authorization": f"Bearer {self.token}",
            "accept": MSGPACK,
            "content-type": MSGPACK,
        }

    def take_key(self, item: wire.KeyItem | wire.KeyFrame) -> None:
        """Open a conversation key, if it is sealed to this phone."""
        if item.seal is not None:
            self.keys.open_key(wire.KeyItem(record=item.record, seal=item.seal))

    def lacks(self, entry: wire.LogEntry) -> str | None:
        """Return the id of the key that a message needs and this phone lacks."""
        key_id = header_of(entry.message).key_id
        return None if key_id in self.keys.secrets else key_id.hex()

    def open(self, entry: wire.LogEntry) -> str:
        """Open a message; return its id. Raises Refused (copconnect.records)."""
        self.keys.open_message(entry)
        return header_of(entry.message).message_id.hex()


@dataclass
class Place:
    """A conversation of phones, with its newest head."""

    conversation_id: ConversationId
    head: RosterHead
    phones: list[Phone]
    key_id: bytes = b""

    @property
    def path(self) -> str:
        """The path of the conversation's routes."""
        return f"/v1/conversations/{self.conversation_id}"

    def new_key(self, author: Phone) -> wire.SubmitKey:
        """Return a new key by a phone, sealed to all."""
        return author.keys.post_key(self.head, keys_of([one.keys for one in self.phones]))

    def message(self, sender: Phone, text: bytes) -> wire.SendMessage:
        """Return a phone's next message under the newest key."""
        return sender.keys.message(self.head, self.key_id, text)


def phone_of(device: Device, kem: int) -> Phone:
    """Return a registered device with its keys, its DeviceKey published."""
    caller = Caller(
        PersonId(device.person_id),
        ClientId(device.client_id),
        device.device,
        outstanding=NOTHING,
        public_key=public_bytes(device.signer),
    )
    seed = new_secret()
    key = make_device_key(
        kem, seed, device.signer, device=device.device, generation=1, now=now_ms()
    )
    body = wire.PutDeviceKeys(keys=[key.encode()])
    device.http.put(
        "/v1/device-keys",
        content=msgspec.msgpack.encode(body),
        headers={"content-type": MSGPACK},
    ).raise_for_status()
    token = device.http.headers["authorization"].removeprefix("Bearer ")
    return Phone(Keys(caller, device.signer, seed, key, kem, now_ms), token)


def group(url: str, phones: Sequence[Phone]) -> Place:
    """Create a group of all of them, with its first key."""
    place = keyless(url, phones)
    body = place.new_key(phones[0])
    accepted = call(url, phones[0], f"{place.path}/keys", body, wire.KeyAccepted)
    place.key_id = bytes.fromhex(accepted.key_id)
    for sender in phones[:SENDERS]:
        fetch_key(url, place, sender)
    return place


def keyless(url: str, phones: Sequence[Phone]) -> Place:
    """Create a group of all of them."""
    creator, *others = phones
    made = call(
        url,
        creator,
        "/v1/conversations",
        wire.CreateConversation(
            conversation_id=ConversationId(new_id()),
            kind="group",
            person_ids=[PersonId(one.person_id) for one in others],
            who_may_send="everyone",
            history_days=0,
            audience=None,
        ),
        wire.Conversation,
    )
    assert made.roster is not None
    assert made.devices == len(phones)
    return Place(made.conversation_id, RosterHead.parse(made.roster.head), list(phones))


def fetch_key(url: str, place: Place, phone: Phone) -> None:
    """Let a phone open the newest key, as one does before it sends."""
    response = httpx.get(
        f"{url}{place.path}/keys", headers=phone.headers, timeout=60, verify=NO_TLS
    )
    response.raise_for_status()
    found = msgspec.msgpack.decode(response.content, type=wire.Keys)
    assert found.key is not None
    phone.take_key(found.key)
    assert place.key_id in phone.keys.secrets


def call(url: str, phone: Phone, path: str, body: Any, answer: type[T]) -> T:
    """POST as a phone. Raises httpx.HTTPStatusError for a refusal."""
    response = httpx.post(
        url + path,
        content=msgspec.msgpack.encode(body),
        headers=phone.headers,
        timeout=60,
        verify=NO_TLS,
    )
    response.raise_for_status()
    return msgspec.msgpack.decode(response.content, type=answer)
