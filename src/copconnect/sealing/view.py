"""The public part of one conversation: heads, leaves, records and signatures, each checked once.

Many devices of one process share a view (and its Trust): checks made here are the same for all of
them, so 63,000 simulated devices verify each signature once. A view holds no secrets.
"""

from typing import NamedTuple

from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.message import MessageHeader, check_signed, parse_message
from copconnect.records.conversation.roster import CellLine, Leaf, RosterHead, check_proof
from copconnect.records.primitives.fields import Refused, require, sha256
from copconnect.records.trust.confirmed import ConfirmedDevice, confirmed
from copconnect.records.trust.trust import Trust

_MESSAGES_CACHED = 4096


class Parsed(NamedTuple):
    """A message and what every receiver needs of it; ``name`` is H(message)."""

    header: MessageHeader
    body: bytes
    name: bytes
    header_hash: bytes
    aad: bytes


class PublicView:
    """``people``: the two of a direct conversation (R10); no other person's leaf counts there."""

    def __init__(
        self, trust: Trust, conversation_id: bytes, people: tuple[bytes, bytes] | None = None
    ) -> None:
        self.trust = trust
        self.conversation_id = conversation_id
        self.people = people
        self.heads: dict[int, RosterHead] = {}
        self._head_hashes: dict[int, bytes] = {}
        self._proofs: dict[tuple[int, bytes], bytes] = {}
        self._leaves: dict[tuple[int, bytes], tuple[Leaf, CellLine]] = {}
        self._records: dict[bytes, ConversationKey] = {}
        self._readable: set[tuple[bytes, int]] = set()  # Key id, and epoch of the header's head.
        self._messages: dict[bytes, Parsed] = {}

    def add_head(self, data: bytes) -> RosterHead:
        """Check a head and keep it. Raises Refused (R4)."""
        head = RosterHead.parse(data)
        head.check(self.trust.authority_of(head.epoch, "R4"), self.conversation_id)
        if (known := self.heads.get(head.epoch)) is not None:
            require(known == head, "R4", "two heads of one epoch: alarm")
            return known
        for at in (head.epoch - 1, head.epoch + 1):
            if (beside := self.heads.get(at)) is not None:
                later, earlier = (head, beside) if at < head.epoch else (beside, head)
                later.check_follows(earlier)
        self.heads[head.epoch], self._head_hashes[head.epoch] = head, head.hash()
        return head

    def head(self, epoch: int) -> RosterHead:
        """Return a head. Raises Refused (R4) for one that is unknown."""
        found = self.heads.get(epoch)
        if found is None:
            raise Refused("R4", "roster head is unknown: fetch it")
        return found

    def head_hash(self, epoch: int) -> bytes:
        """Return the hash of a head. Raises Refused (R4)."""
        self.head(epoch)
        return self._head_hashes[epoch]

    def add_proof(self, epoch: int, device: bytes, proof: bytes) -> None:
        """Keep leaf ‖ proof of a device; it is checked when it is needed."""
        self._proofs.setdefault((epoch, device), proof)

    def leaf(self, device: bytes, epoch: int, rule: str) -> tuple[Leaf, CellLine]:
        """Return the leaf and cell line of a device under a head. Raises Refused."""
        found = self._leaves.get((epoch, device))
        if found is None:
            proof = self._proofs.get((epoch, device))
            if proof is None:
                raise Refused(rule, "not listed, or proof is unknown")
            found = check_proof(self.head(epoch), device, proof, rule)
            same = found[0].person_id == self.trust.person_of(device)
            require(same, rule, "leaf names another person")
            self._leaves[epoch, device] = found
        party = self.people is None or found[0].person_id in self.people
        require(party, "R10", "a third person's device in a direct conversation")
        return found

    def add_record(self, data: bytes) -> bytes:
        """Keep a ConversationKey record under its hash, which is returned: the key id."""
        record = ConversationKey.parse(data, "R6")
        key_id = record.hash()
        self._records[key_id] = record
        return key_id

    def record(self, key_id: bytes) -> ConversationKey:
        """Return the record of a key. Raises Refused (R6)."""
        found = self._records.get(key_id)
        if found is None:
            raise Refused("R6", "record is unknown: fetch it")
        return found

    def sender(self, header: MessageHeader, epoch: int) -> tuple[ConfirmedDevice, Leaf]:
        """Check R2; ``epoch``: of the head under which the sender's leaf is proven."""
        found = confirmed(self.trust, header.sender, header.sent, "R2")
        leaf, _ = self.leaf(header.sender, epoch, "R2")
        require(leaf.may_send, "R2", "may not send")
        return found, leaf

    def record_for(self, header: MessageHeader, now: int) -> ConversationKey:
        """Return the record of the key that a header names (R6), but for its secret."""
        record = self.record(header.key_id)
        if (header.key_id, header.epoch) not in self._readable:
            made_under = self.heads.get(record.epoch)
            record.check_for_reading(self.head(header.epoch), made_under, now)
            self._readable.add((header.key_id, header.epoch))  # Time only makes it older.
        return record

    def parsed(self, message: bytes) -> Parsed:
        """Return a message in parts (R1). Raises Refused."""
        name = sha256(message)
        if (known := self._messages.get(name)) is not None:
            return known
        header, body = parse_message(message, self.conversation_id)
        return Parsed(header, body, name, header.hash(), header.aad())

    def check_signed(self, parsed: Parsed, key: bytes) -> None:
        """Check R3, unless this message passed it before: a device has one key."""
        if parsed.name in self._messages:
            return
        check_signed(parsed.header, parsed.body, key)
        if len(self._messages) >= _MESSAGES_CACHED:
            del self._messages[next(iter(self._messages))]
        self._messages[parsed.name] = parsed

    def check_usable_key(
        self, record: ConversationKey, newest_epoch: int, now: int, messages: int
    ) -> None:
        """Check S2 under the newest head. Raises Refused."""
        record.check_usable(self.head(newest_epoch), now, messages)
        author = confirmed(self.trust, record.author, now, "S2")
        record.check_author(self.head(record.epoch), author.public_key)
        self.leaf(record.author, record.epoch, "S2")

    def check_usable_cell_key(self, record: CellKey, newest_epoch: int, now: int) -> None:
        """Check S4 under the newest head. Raises Refused."""
        author = confirmed(self.trust, record.author, now, "S4")
        listed = self.leaf(record.author, newest_epoch, "S4")
        record.check_usable(self.head(newest_epoch), listed, author.public_key, now)
        known = self._head_hashes.get(record.epoch)
        require(known in (None, record.head), "S4", "another roster head")
