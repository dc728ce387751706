"""A device that sends: makes conversation keys (S2 to S4) and messages, and sends them over HTTP.

It stores nothing, but retries identical bytes while the server is away (S5), and signs again what
the server refused as stale (S6), after it has waited for another device's key (S2). DeviceKeys of
devices whose cell has no key come from the force, not from the server.
"""

import http.client
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from bench.crowd.recipients import (
    Recipient,
    cells_of,
    leaves,
    now_ms,
    sealed,
    usable_keys,
)
from bench.force.device import Device
from bench.force.history import content
from copconnect import wire
from copconnect.ids import ConversationId
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.message import (
    LOG_START,
    MessageHeader,
    message_hash,
    next_log_hash,
)
from copconnect.records.conversation.roster import Leaf, RosterHead
from copconnect.records.conversation.seals import parse_seal
from copconnect.records.primitives.fields import ZEROS, Refused
from copconnect.records.primitives.kem import XWING
from copconnect.sealing import hpke
from copconnect.sealing.keys import (
    cell_private_key,
    make_conversation_key,
    new_secret,
    open_cell_key,
    open_conversation_key,
)
from copconnect.sealing.messages import seal_message

T = TypeVar("T", bound=msgspec.Struct)
WAIT_S = 3.0  # S2.
# As client/src/outbox/sending.ts.
CELL_S, CELL_LOOK_S = 60.0, 1.0
_AWAY_S = 0.2  # Between tries while the server is away.
GATE_S = 0.5
_ANEW = {"stale_key", "stale_head", "stale_record", "not_next"}
_KEY_ANEW = {"stale_record", "have_key", "seals_invalid"}


class Refusal(Exception):
    """The server's answer to a request was not 2xx."""

    def __init__(self, status: int, code: str, body: bytes) -> None:
        super().__init__(f"{status} {code}: {body[:300]!r}")
        self.status = status
        self.code = code


class Client:
    """HTTP as one device, over one connection. Blocks."""

    def __init__(self, address: tuple[str, int], token: str, limit_s: float = 60) -> None:
        self._address = address
        self._token = token
        self._limit_s = limit_s
        self._connection: http.client.HTTPConnection | None = None
        self.down_bytes = 0

    def ask(self, method: str, path: str, answer: type[T], body: object = None) -> T:
        """Return an answer. Raises Refusal."""
        return msgspec.msgpack.decode(self.raw(method, path, body), type=answer)

    def raw(self, method: str, path: str, body: object = None) -> bytes:
        """Return an answer's bytes, however long the server is away, up to the limit."""
        data = b"" if body is None else msgspec.msgpack.encode(body)
        deadline = time.monotonic() + self._limit_s
        while True:
            kept = self._connection is not None
            try:
                status, found = self._once(method, path, data)
            except (OSError, http.client.HTTPException):
                self.close()
                if kept:
                    continue  # The server closes connections that nobody used for some seconds.
                status, found = 0, b""
            if 200 <= status < 300:
                return found
            code = _code(found)
            away = status in (0, 502, 503, 504)
            if not away or time.monotonic() > deadline:
                raise Refusal(status, code, found)
            time.sleep(_AWAY_S)

    def _once(self, method: str, path: str, data: bytes) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self._address, timeout=self._limit_s)
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/msgpack",
            "Accept": "application/msgpack",
        }
        self._connection.request(method, path, data or None, headers)
        answer = self._connection.getresponse()
        found = answer.read()
        self.down_bytes += len(found)
        return answer.status, found

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _code(body: bytes) -> str:
    try:
        return msgspec.msgpack.decode(body, type=wire.ErrorBody).code
    except msgspec.MsgspecError:
        return ""


@dataclass(frozen=True, slots=True)
class Sent:
    """An accepted message. Times by the monotonic clock, ns; ``key_bytes``: of the key that it
    begins, 0 for none."""

    message_id: str
    seq: int
    began_ns: int
    sent_ns: int
    accepted_ns: int
    upload_bytes: int
    key_bytes: int
    key_ns: int  # From the beginning until the key was accepted.


class Sender:
    """One device in one conversation."""

    def __init__(
        self,
        device: Device,
        conversation_id: ConversationId,
        address: tuple[str, int],
        devices: Mapping[bytes, Device],
    ) -> None:
        self.device = device
        self.conversation_id = conversation_id
        self.client = Client(address, device.token)
        self._path = f"/v1/conversations/{conversation_id}"
        self._devices = devices
        self._secrets: dict[bytes, bytes] = {}  # S by key id.
        self._key_id: bytes | None = None
        self._head: RosterHead | None = None
        self._cell_keys: dict[bytes, CellKey] = {}
        self._cell_key_version = 0
        self._cell_id: bytes | None = None
        self._seq, self._previous = 0, ZEROS
        self._log = (0, LOG_START)
        self.sent: list[str] = []

    def send(self, text: str) -> Sent:
        """Send a message; return once it is accepted. Raises Refusal."""
        began_ns = time.monotonic_ns()
        message_id, attempt, key_bytes, key_ns = secrets.token_bytes(16), 1, 0, 0
        while True:
            head = self._head or self.refresh()
            if self._key_id is None:
                key_bytes = self._begin_key(head)
                key_ns = time.monotonic_ns() - began_ns
            message = self._message(head, message_id, attempt, text)
            sent_ns = time.monotonic_ns()
            try:
                accepted = self.client.ask("POST", f"{self._path}/messages", wire.Accepted, message)
                break
            except Refusal as refusal:
                if refusal.code == "rekeying":
                    time.sleep(GATE_S)
                    continue
                if refusal.code not in _ANEW or attempt == 255:
                    raise
                self._head, attempt = None, attempt + 1
                if refusal.code == "stale_key":
                    self._key_id = None
                    self._await_key()
                if refusal.code == "not_next":
                    self.resume_chain()
        accepted_ns = time.monotonic_ns()
        self._accepted(message.message, accepted.seq)
        self.sent.append(message_id.hex())
        return Sent(
            message_id=message_id.hex(),
            seq=accepted.seq,
            began_ns=began_ns,
            sent_ns=sent_ns,
            accepted_ns=accepted_ns,
            upload_bytes=len(msgspec.msgpack.encode(message)),
            key_bytes=key_bytes,
            key_ns=key_ns,
        )

    def key(self) -> tuple[bytes, bytes]:
        """Return id and secret of the key in use, which every member holds."""
        if self._key_id is None:
            raise RuntimeError("no conversation key")
        return self._key_id, self._secrets[self._key_id]

    def refresh(self) -> RosterHead:
        """Fetch the newest head (S1)."""
        state = self.client.ask("GET", f"{self._path}/head", wire.RosterState)
        self._head = RosterHead.parse(state.head)
        return self._head

    def resume_chain(self) -> None:
        """Continue this device's chain from the last header that the server has (S7)."""
        found = self.client.ask("GET", f"{self._path}/chain", wire.SenderChain)
        if found.header is not None:
            header = MessageHeader.parse(found.header)
            self._seq, self._previous = header.seq, header.hash()

    def _message(
        self, head: RosterHead, message_id: bytes, attempt: int, text: str
    ) -> wire.SendMessage:
        if self._key_id is None:
            raise RuntimeError("no conversation key")
        draft = MessageHeader(
            conversation_id=head.conversation_id,
            message_id=message_id,
            sender=self.device.device,
            seq=self._seq + 1,
            attempt=attempt,
            previous=self._previous,
            key_id=self._key_id,
            epoch=head.epoch,
            head=head.hash(),
            log_position=self._log[0],
            log_hash=self._log[1],
            sent=now_ms(),
        )
        secret = self._secrets[self._key_id]
        data = seal_message(draft, secret, content(text), self.device.signer)
        return wire.SendMessage(message=data, attachment_ids=[], wakes=[], state=False, order=None)

    def _accepted(self, message: bytes, seq: int) -> None:
        self._seq, self._previous = self._seq + 1, message_hash(message)
        position, before = self._log
        if seq == position + 1:  # No other device wrote meanwhile: the log hash is known.
            self._log = seq, next_log_hash(before, self._previous)

    # --- Keys -----------------------------------------------------------------------------

    def _begin_key(self, head: RosterHead) -> int:
        """Make the next conversation key; return the bytes of its upload."""
        deadline = time.monotonic() + CELL_S
        while True:
            recipients = self._recipients(head)
            if not recipients:
                if time.monotonic() > deadline:
                    raise RuntimeError("the sender's cell gets no key")
                if self._await_key(CELL_LOOK_S):
                    return 0
                head = self.refresh()
                continue
            secret = new_secret()
            record = make_conversation_key(
                secret, self.device.signer, head=head, author=self.device.device, now=now_ms()
            )
            seals = sealed(secret, record, recipients)
            body = wire.SubmitKey(record=record.encode(), seals=seals, left_out=[])
            try:
                self.client.ask("POST", f"{self._path}/keys", wire.KeyAccepted, body)
                break
            except Refusal as refusal:
                if refusal.code == "rekeying":
                    time.sleep(GATE_S)
                elif refusal.code not in _KEY_ANEW:
                    raise
                # Another device's key came meanwhile, and is sealed to this one.
                if refusal.code == "have_key" and self._await_key():
                    return 0
                head = self.refresh()
        self._key_id = record.hash()
        self._secrets[self._key_id] = secret
        return len(msgspec.msgpack.encode(body))

    def _recipients(self, head: RosterHead) -> list[Recipient]:
        """Return them: all devices of one cell, or the cells with a key; empty as long as the
        sender's own cell, of several, has none."""
        since = self._cell_key_version
        found = self.client.ask("GET", f"{self._path}/cells?since={since}", wire.CellKeys)
        self._cell_key_version = found.version
        for item in found.keys:
            record = CellKey.parse(item.record)
            self._cell_keys[record.cell_id] = record
        lines = cells_of(found.lines)
        if len(lines) == 1:
            return [self._key_of(leaf.device) for leaf in self._own_cell()]
        if self._cell_id is None:
            self._cell_id = self._own_cell()[0].cell_id
        usable = usable_keys(lines, self._cell_keys, head.kem)
        return list(usable.values()) if self._cell_id in usable else []

    def _own_cell(self) -> list[Leaf]:
        path = f"{self._path}/cells/own"
        return leaves(self.client.ask("GET", path, wire.CellLeaves).leaves)

    def _key_of(self, device: bytes) -> Recipient:
        found = self._devices[device]
        return Recipient(found.key_id, hpke.public_bytes(XWING, found.hpke_seed))

    # --- Keys of others -------------------------------------------------------------------

    def _await_key(self, seconds: float = WAIT_S) -> bool:
        """Wait for another device's key, as long as S2 says; take it up if it opens."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.client.ask("GET", f"{self._path}/keys", wire.Keys).key
            if found is not None and found.seal is not None and self._adopt_key(found):
                return True
            time.sleep(WAIT_S / 10)
        return False

    def _adopt_key(self, item: wire.KeyItem) -> bool:
        if item.seal is None:
            return False
        record, seal = ConversationKey.parse(item.record), parse_seal(XWING, item.seal, "S2")
        private = self._private(seal.key_id)
        try:
            if private is None:
                raise Refused("S2", "sealed to a key of another cell")
            secret = open_conversation_key(record, seal, XWING, seal.key_id, private)
        except Refused:
            # Ask for a share, which also says that this key does not stand in the way.
            reference = wire.ShareReference(kind=1, reference=record.hash()[:16].hex())
            asked = wire.ShareRequest(references=[reference])
            self.client.raw("POST", f"{self._path}/share-requests", asked)
            return False
        self._key_id = record.hash()
        self._secrets[self._key_id] = secret
        return True

    def _private(self, key_id: bytes) -> hpke.PrivateKey | None:
        """Return the key to open a seal with: the DeviceKey's, or that of the own cell."""
        own = hpke.private_key(XWING, self.device.hpke_seed)
        if key_id == self.device.key_id:
            return own
        keys = self.client.ask("GET", f"{self._path}/cells/own/keys", wire.OwnCellKeys).keys
        for item in reversed(keys):
            record = CellKey.parse(item.record)
            if record.key_id() == key_id and item.seal is not None:
                seal = parse_seal(XWING, item.seal, "C2")
                secret = open_cell_key(record, seal, self.device.key_id, own)
                return cell_private_key(record, secret)
        return None
