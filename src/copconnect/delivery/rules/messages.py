"""D1: which messages the server accepts. Pure.

Order of the checks: who sends, then the gate, the head, the key, the sender's chain. A message that
was accepted before is recognised first, at any age (D6), so a retry never meets these rules.
"""

from dataclasses import dataclass
from typing import Final

from copconnect import errors
from copconnect.delivery.rules.limits import GATE_MS, HEAD_MS, KEY_MS, SENT_MS
from copconnect.ids import Seq
from copconnect.limits import KEY_MESSAGES
from copconnect.records.conversation.message import (
    MessageHeader,
    check_signed,
    message_hash,
    parse_message,
)
from copconnect.records.conversation.roster import LeafRights
from copconnect.records.primitives.fields import ZEROS, Refused

FIRST_PREVIOUS: Final = ZEROS


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A message whose bytes were read and whose signature was checked; no state was looked at."""

    header: MessageHeader
    header_hash: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class AcceptedBefore:
    """A message of the log with the same message id."""

    seq: Seq
    sent_ms: int
    device: bytes
    header_hash: bytes


@dataclass(frozen=True, slots=True)
class NamedHead:
    """The kept head of a named epoch. ``until_ms``: when the next one came, None: newest."""

    hash: bytes
    created_ms: int
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class NamedKey:
    """The stored conversation key that the header names."""

    epoch: int
    created_ms: int
    messages: int


@dataclass(frozen=True, slots=True)
class SenderState:
    """The rights of a device in a conversation that it sends to."""

    rights: LeafRights | None  # None: not listed now.
    listed_since: int  # The epoch from which its leaf is as it is now.
    roster_epoch: int
    rekey_epoch: int
    members: int
    head: NamedHead | None
    key: NamedKey | None
    chain_seq: int  # Chain position of the device's last accepted message; 0: none.
    chain_hash: bytes


def read_message(
    data: bytes, conversation_id: bytes, device: bytes, public_key: bytes
) -> SignedMessage:
    """Return a sent message, checked as far as its bytes go: R1, R3. Raises MessageInvalid."""
    try:
        header, body = parse_message(data, conversation_id)
        if header.sender != device:
            raise errors.MessageInvalid(rule="R2", reason="another device's message")
        check_signed(header, body, public_key)
    except Refused as refused:
        raise errors.MessageInvalid(rule=refused.rule, reason=refused.message) from refused
    if header.seq < 1 or header.attempt < 1:
        raise errors.MessageInvalid(rule="R5", reason="numbers begin at 1")
    return SignedMessage(header, message_hash(data), data)


def check_repeat(message: SignedMessage, before: AcceptedBefore) -> None:
    """Raise unless the message is byte for byte the one that was accepted before (D6).

    The header names H(body) and read_message compared it, so equal headers mean equal bytes.
    """
    if before.device != message.header.sender:
        raise errors.MessageInvalid(rule="D6", reason="message id is taken")
    if before.header_hash != message.header_hash:
        raise errors.NotNext(seq=before.seq)


def check_message(
    message: SignedMessage,
    standing: SenderState,
    now_ms: int,
    *,
    for_admins: bool = False,
    admins_above: int | None = None,
    closed_from: int | None = None,
    issues: LeafRights | None = None,
) -> None:
    """Raise the first part of D1 that refuses a message that was not accepted before.
    ``for_admins``: only an admin may send it; ``admins_above``: the same where there are more
    members; ``closed_from``: conversations of at least so many
    members are closed to the sender before the officer course, None: none is; ``issues``: the right
    that the sender's leaf needs for an order."""
    header = message.header
    if standing.rights is None:
        raise errors.NotMember
    if not standing.rights & LeafRights.SEND:
        raise errors.MayNotSend
    for_admins = for_admins or (admins_above is not None and standing.members > admins_above)
    if for_admins and not standing.rights & LeafRights.ADMINISTER:
        raise errors.NotAdmin
    if closed_from is not None and standing.members >= closed_from:
        raise errors.TrainingRequired
    if issues is not None and not standing.rights & issues:
        raise errors.MayNotIssue
    check_gate(standing.rekey_epoch, standing.roster_epoch)
    _check_head(header, standing, now_ms)
    _check_key(header, standing, now_ms)
    first = standing.chain_seq == 0
    previous = FIRST_PREVIOUS if first else standing.chain_hash
    if header.seq != standing.chain_seq + 1 or header.previous != previous:
        raise errors.NotNext(seq=standing.chain_seq)


def check_gate(rekey_epoch: int, roster_epoch: int) -> None:
    """Raise Rekeying between the commit of a removal and that of its head (D6)."""
    if rekey_epoch > roster_epoch:
        raise errors.Rekeying(retry_after_ms=GATE_MS)


def _check_head(header: MessageHeader, standing: SenderState, now_ms: int) -> None:
    head = standing.head
    fits = (
        head is not None
        and head.hash == header.head
        and (head.until_ms is None or head.until_ms > now_ms - HEAD_MS)
        and header.epoch >= standing.listed_since
        and abs(header.sent - now_ms) <= SENT_MS
    )
    if not fits:
        raise errors.StaleHead(epoch=standing.roster_epoch)


def _check_key(header: MessageHeader, standing: SenderState, now_ms: int) -> None:
    key = standing.key
    usable = (
        key is not None
        and key.epoch >= standing.rekey_epoch
        and key.created_ms > now_ms - KEY_MS
        and key.messages < KEY_MESSAGES
    )
    if not usable or key is None:
        raise errors.StaleKey
    if key.epoch > header.epoch:  # R6: a reader refuses a key that is newer than the header's head.
        raise errors.StaleHead(epoch=standing.roster_epoch)
