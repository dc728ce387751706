"""A device's knowledge of a conversation: which keys it may use, and how it receives. Pure."""

from dataclasses import dataclass, field

from spec.keys.reference.basics import ZEROS, H, require
from spec.keys.reference.confirmed import confirmed
from spec.keys.reference.hpke import check_public_key
from spec.keys.reference.keys import CellKey, ConversationKey, young
from spec.keys.reference.messages import (
    Header,
    check_chain,
    next_log_hash,
    open_body,
    parse_entry,
)
from spec.keys.reference.people import DAY_MS, MINUTE_MS, RANGE_BITS, Trust, authority_of
from spec.keys.reference.roster import (
    MAY_SEND,
    CellLine,
    Leaf,
    RosterHead,
    check_direct,
    check_leaf,
)


@dataclass
class Known:
    """The bytes that a receiver fetched of one conversation, and the messages that it accepted."""

    trust: Trust
    conversation: bytes
    people: tuple[bytes, bytes] | None  # The two of a direct conversation.
    heads: dict[int, bytes]  # By epoch.
    leaves: dict[tuple[int, bytes], bytes]  # Leaf ‖ proof, by epoch and device.
    records: dict[bytes, bytes]  # By key id.
    secrets: dict[bytes, bytes]  # S by key id; from shares of kind 3, k by message id.
    log: dict[int, tuple[bytes, int]]  # By position: log hash, and the epoch that the entry names.
    accepted: dict[bytes, dict[int, Header]] = field(default_factory=dict)  # By sender and seq.
    checked_heads: dict[int, RosterHead] = field(default_factory=dict)

    def head(self, epoch: int) -> RosterHead:
        require(epoch in self.heads, "R4", "roster head is unknown: fetch it")
        if epoch not in self.checked_heads:
            head = RosterHead.parse(self.heads[epoch])
            head.check(authority_of(self.trust.departments, head.epoch, "R4"), self.conversation)
            require(head.epoch == epoch, "R4", "another epoch's head")
            self.checked_heads[epoch] = head
        return self.checked_heads[epoch]

    def leaf(self, device: bytes, epoch: int, rule: str) -> tuple[Leaf, CellLine]:
        require((epoch, device) in self.leaves, rule, "not listed, or proof is unknown")
        leaf, line = check_leaf(self.head(epoch), device, self.leaves[epoch, device], rule)
        same = self.trust.read(device)[0].person == leaf.person
        require(same, rule, "leaf names another person")
        return leaf, line


def usable_key(record: ConversationKey, known: Known, newest: int, now: int, used: int) -> None:
    """Check S2, of a key under which ``used`` messages were sent; ``newest``: the epoch of the
    newest head (S1)."""
    head = known.head(newest)
    require(record.conversation == head.conversation, "S2", "another conversation's key")
    require(head.rekey_epoch <= record.epoch <= newest, "S2", "made before a removal")
    require(record.head == known.head(record.epoch).hash(), "S2", "another roster head")
    author = confirmed(record.author, now, known.trust, "S2")
    record.verify(author.certificate.public_key)
    known.leaf(record.author, record.epoch, "S2")
    fresh = young(record.created, now, DAY_MS) and used < 10_000
    require(fresh, "S2", "older than 24 h, or used up")


def usable_cell_key(record: CellKey, known: Known, newest: int, now: int) -> None:
    """Check S4 under the newest head (S1), whose epoch is ``newest``."""
    head = known.head(newest)
    ids = (record.conversation, record.kem)
    require(ids == (head.conversation, head.kem), "S4", "another conversation's or KEM's")
    author = confirmed(record.author, now, known.trust, "S4")
    record.verify(author.certificate.public_key)
    leaf, line = known.leaf(record.author, newest, "S4")
    require(leaf.cell == record.cell, "S4", "author is not listed in the cell")
    require(line.rekey_epoch <= record.epoch <= newest, "S4", "made before a removal")
    known_head = known.heads.get(record.epoch)
    require(known_head is None or H(known_head) == record.head, "S4", "another roster head")
    require(young(record.created, now, 7 * DAY_MS), "S4", "older than 7 days")
    check_public_key(record.kem, record.pk, "S4")


@dataclass(frozen=True)
class Received:
    header: Header
    plaintext: bytes | None  # None: the log has the header alone (R11).
    gap: bool  # An earlier message of this sender is missing.
    alarm: bool  # R4: the sender's log is not the receiver's.


def receive(message: bytes, known: Known, position: int, now: int) -> Received:
    """Check R1 to R7, R10 and R11 of the message at this position of the log and return the
    plaintext; :func:`accept` is R8. Raises Refused."""
    header, body = parse_entry(message, known.conversation)  # R1
    sender = confirmed(header.sender, header.sent, known.trust, "R2").certificate
    named = max((epoch for at, (_, epoch) in known.log.items() if at < position), default=0)
    proven = max(header.epoch, named)
    present = header.epoch >> RANGE_BITS == proven >> RANGE_BITS
    require(present, "R2", "a former roster authority's head")
    leaf, _ = known.leaf(header.sender, proven, "R2")
    require(bool(leaf.rights & MAY_SEND), "R2", "may not send")
    header.verify(sender.public_key)  # R3
    require(body is None or H(body) == header.body, "R3", "not the body that was signed")
    head = known.head(header.epoch)
    require(header.head == head.hash(), "R4", "another roster head: alarm")
    own = known.log.get(header.log_position, (header.log_hash,))[0]
    alarm = header.log_hash != own or header.log_position >= position
    gap = check_chain(header, known.accepted.get(header.sender, {}))  # R5
    require(header.key in known.records, "R6", "record is unknown: fetch it")
    record = ConversationKey.parse(known.records[header.key], "R6")
    same = record.hash() == header.key and record.conversation == header.conversation
    require(same, "R6", "record of something else")
    require(head.rekey_epoch <= record.epoch <= header.epoch, "R6", "made before a removal")
    made_for = known.head(record.epoch)
    require(record.head == made_for.hash(), "R6", "record of another roster head")
    in_time = made_for.created <= record.created <= now + 10 * MINUTE_MS
    require(in_time, "R6", "record made before its head, or in the future")
    plaintext = None
    if body is not None:  # R11
        if header.key in known.secrets:
            record.matches(known.secrets[header.key])
            k = header.body_key(known.secrets[header.key])
        else:
            require(header.message in known.secrets, "R9", "key is missing: ask for a share")
            k = known.secrets[header.message]
        plaintext = open_body(header, body, k)  # R7
    if known.people:
        check_direct(header.conversation, known.people, leaf.person)  # R10
    return Received(header, plaintext, gap, alarm)


def accept(received: Received, known: Known, position: int) -> None:
    """R8: remember the message; a device stores this in one transaction with the plaintext. A later
    attempt takes the place of the one before. The caller appends to the log what it refuses too."""
    header = received.header
    known.accepted.setdefault(header.sender, {})[header.seq] = header
    before = known.log.get(position - 1, (ZEROS, 0))[0]
    known.log[position] = (next_log_hash(before, header.encode()), header.epoch)
