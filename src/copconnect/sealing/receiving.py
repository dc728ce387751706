"""Receiving messages: what one device knows, and the rules R1 to R7, R9 and R10 in their order.

Invariants: :meth:`Receiver.append` takes every entry of the log in the server's order, whatever is
made of it; :meth:`Receiver.receive` changes nothing, so a message that waits is judged again as if
it had just come; :meth:`Receiver.accept` (R8) remembers it. A refusal affects its message alone.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from copconnect.limits import LOG_HASHES
from copconnect.records.conversation.message import (
    LOG_START,
    ChainLink,
    MessageHeader,
    check_chain,
    message_hash,
    next_log_hash,
)
from copconnect.records.conversation.roster import check_direct
from copconnect.records.primitives.fields import Refused, require
from copconnect.records.trust.department import authority_number_of
from copconnect.sealing.messages import body_key, open_body
from copconnect.sealing.view import PublicView


@dataclass(frozen=True, slots=True)
class Received:
    """A message that passed; ``gap``: an earlier one of its sender is missing; ``alarm``: the
    sender's log is not this device's (R4)."""

    header: MessageHeader
    header_hash: bytes
    plaintext: bytes
    gap: bool
    alarm: bool


class Receiver:
    """One device in one conversation. ``start``: position and hash where its log begins."""

    __slots__ = (
        "_accepted",
        "_body_keys",
        "_known",
        "_log_hashes",
        "_named",
        "known_epoch",
        "position",
        "secrets",
        "view",
    )

    def __init__(self, view: PublicView, start: tuple[int, bytes] = (0, LOG_START)) -> None:
        self.view = view
        self.known_epoch = 0  # The epoch of the highest head that this device has taken for true.
        self.position = start[0]
        self._log_hashes = {start[0]: start[1]}
        # Position and epoch: where an accepted entry named a higher head, and from which entry on
        # this device knew of one. A waiting message is judged by what held at its own position.
        self._named: list[tuple[int, int]] = []
        self._known: list[tuple[int, int]] = []
        self._accepted: dict[bytes, dict[int, ChainLink]] = {}
        self.secrets: dict[bytes, bytes] = {}  # S by key id.
        self._body_keys: dict[bytes, bytes] = {}

    def learn_secret(self, key_id: bytes, secret: bytes) -> None:
        """Keep S of a record. Raises Refused (R6) if it is another's."""
        self.view.record(key_id).check_secret(secret)
        self.secrets[key_id] = secret

    def learn_body_key(self, message_id: bytes, k: bytes) -> None:
        """Keep the k of one message, from a share of kind 3; R7 checks it."""
        self._body_keys[message_id] = k

    def learn_head(self, epoch: int) -> None:
        """Note that this device has taken a head for true, for the entries that come from now on.

        Call it once the log was read to its end: messages that a member sent before it left would
        else be refused by every device that was away (R2; tests/model has the run).
        """
        self.known_epoch = max(self.known_epoch, self.view.head(epoch).epoch)

    def append(self, message: bytes) -> int:
        """Append the next entry of the log and return its position. Raises Refused (R1)."""
        before = self._log_hashes[self.position]
        log_hash = next_log_hash(before, message_hash(message))
        self.position += 1
        self._log_hashes[self.position] = log_hash
        self._log_hashes.pop(self.position - LOG_HASHES, None)
        if self.known_epoch > _highest(self._known, self.position):
            self._known.append((self.position, self.known_epoch))
        return self.position

    def log_hash(self, position: int) -> bytes | None:
        """Return Lᵢ while it is kept."""
        return self._log_hashes.get(position)

    def receive(self, message: bytes, position: int, now: int) -> Received:
        """Check the message at this position of the log and open it. Raises Refused."""
        return _checked(self, message, position, now)

    def accepted(self, sender: bytes) -> Mapping[int, ChainLink]:
        """Return the accepted messages of a sender, by seq."""
        return self._accepted.get(sender, {})

    def secret(self, key_id: bytes) -> bytes | None:
        """Return S of a record."""
        return self.secrets.get(key_id)

    def body_key(self, message_id: bytes) -> bytes | None:
        """Return the k of one message, from a share."""
        return self._body_keys.get(message_id)

    def accept(self, received: Received, position: int) -> None:
        """Remember a received message (R8); a device does so in one transaction with its text."""
        header = received.header
        link = ChainLink(header.message_id, header.attempt, header.previous, received.header_hash)
        self._accepted.setdefault(header.sender, {})[header.seq] = link
        self.known_epoch = max(self.known_epoch, header.epoch)
        if header.epoch > _highest(self._named, position):
            self._named.append((position, header.epoch))

    def floor(self, position: int) -> int:
        """Return the highest epoch that an earlier entry names or that was known when this came."""
        known = _highest(self._known, position)
        if position > self.position:
            known = self.known_epoch
        return max(known, _highest(self._named, position - 1))


def _checked(held: Receiver, message: bytes, position: int, now: int) -> Received:
    """Check the message at a position of the log and open it: R1 to R7, R9, R10. Raises Refused."""
    view = held.view
    parsed = view.parsed(message)  # R1
    header = parsed.header
    proven = max(header.epoch, held.floor(position))
    present = authority_number_of(header.epoch) == authority_number_of(proven)
    require(present, "R2", "a former roster authority's head")
    sender, leaf = view.sender(header, proven)  # R2
    view.check_signed(parsed, sender.public_key)  # R3
    require(header.head == view.head_hash(header.epoch), "R4", "another roster head: alarm")
    gap = check_chain(header, held.accepted(header.sender))  # R5
    view.record_for(header, now)  # R6
    plaintext = open_body(header, parsed.body, _body_key(held, header), parsed.aad)  # R7
    if view.people is not None:
        check_direct(header.conversation_id, view.people, leaf.person_id)  # R10
    return Received(header, parsed.header_hash, plaintext, gap, _differs(held, header, position))


def _differs(held: Receiver, header: MessageHeader, position: int) -> bool:
    if header.log_position >= position:
        return True
    own = held.log_hash(header.log_position)
    return own is not None and not hmac.compare_digest(own, header.log_hash)


def _body_key(held: Receiver, header: MessageHeader) -> bytes:
    secret = held.secret(header.key_id)
    if secret is not None:
        return body_key(header, secret)
    k = held.body_key(header.message_id)
    if k is None:
        raise Refused("R9", "key is missing: ask for a share")
    return k


def _highest(raised: list[tuple[int, int]], position: int) -> int:
    """Return the highest epoch that was reached at a position."""
    highest = 0
    for at, epoch in raised:
        if at <= position and epoch > highest:
            highest = epoch
    return highest
