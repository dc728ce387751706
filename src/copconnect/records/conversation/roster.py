"""The roster: leaves, cell lines, signed heads, stamps, and proofs of a leaf. Pure.

Invariants: a cell's leaves ascend by device and make its tree; cell lines ascend by cell and make
the head's tree. A cell that changes is made from the former one, which is left as it was: the
leaves that stay are neither read nor encoded nor hashed again.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import IntFlag
from itertools import pairwise
from typing import ClassVar, Self

from copconnect.limits import CELL_SIZE, CLOCK_LEEWAY_MS
from copconnect.records.primitives import merkle
from copconnect.records.primitives.fields import (
    DEVICE_BYTES,
    HASH_BYTES,
    ID_BYTES,
    ZEROS,
    Bytes16,
    Bytes32,
    Reader,
    Uint32,
    Uint64,
    exact,
    require,
    sha256,
    tag,
    uint,
)
from copconnect.records.primitives.kem import Kem
from copconnect.records.primitives.signed import SignedRecord
from copconnect.records.trust.department import authority_number_of

LEAF_BYTES, CELL_LINE_BYTES = 74, 58
_DEVICE = slice(2 * ID_BYTES, 2 * ID_BYTES + DEVICE_BYTES)  # Parts of an encoded leaf.
_HISTORY_FROM = slice(_DEVICE.stop, _DEVICE.stop + 8)
_DIRECT_LABEL = tag("copconnect direct v1")


class LeafRights(IntFlag):
    """Bits of a leaf's rights. Bits that this version does not know are kept."""

    SEND = 1
    ADMINISTER = 2
    ISSUE_ROUTINE = 4
    ISSUE_URGENT = 8
    ISSUE_FLASH = 16


@dataclass(frozen=True, slots=True)
class Leaf:
    """A device in a conversation."""

    cell_id: bytes
    person_id: bytes
    device: bytes
    history_from: int
    rights: LeafRights

    @property
    def may_send(self) -> bool:
        """Whether the device may send messages."""
        return bool(self.rights & LeafRights.SEND)

    def encode(self) -> bytes:
        """Return the leaf's 74 bytes."""
        ids = exact(self.cell_id, ID_BYTES) + exact(self.person_id, ID_BYTES)
        device = exact(self.device, DEVICE_BYTES)
        return ids + device + uint(self.history_from) + uint(self.rights, 2)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Take a leaf."""
        cell_id, person_id = reader.read(ID_BYTES), reader.read(ID_BYTES)
        device, history_from, rights = reader.read(DEVICE_BYTES), reader.uint(), reader.uint(2)
        return cls(cell_id, person_id, device, history_from, LeafRights(rights))


@dataclass(frozen=True, slots=True)
class CellLine:
    """A cell's entry in the head's tree."""

    cell_id: bytes
    devices: int
    rekey_epoch: int
    root: bytes

    def encode(self) -> bytes:
        """Return the line's 58 bytes."""
        count = uint(self.devices, 2) + uint(self.rekey_epoch)
        return exact(self.cell_id, ID_BYTES) + count + exact(self.root, HASH_BYTES)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Take a line."""
        found = cls(reader.read(ID_BYTES), reader.uint(2), reader.uint(), reader.read(HASH_BYTES))
        require(1 <= found.devices <= CELL_SIZE, reader.rule, "a cell has 1 to 256 devices")
        return found


class Cell:
    """A cell's line and the tree over its leaves. Immutable. ``encoded``: the leaves as bytes,
    ascending by device."""

    __slots__ = ("encoded", "latest_history_from", "line", "tree")
    encoded: list[bytes]
    tree: merkle.MerkleTree

    def __init__(
        self,
        cell_id: bytes,
        rekey_epoch: int,
        leaves: Iterable[Leaf],
        former: "Cell | None" = None,
        gone: Collection[bytes] = (),
    ) -> None:
        """``leaves``: all, or those beside the leaves of the ``former`` cell whose devices are not
        ``gone``."""
        kept, tree = ((), None) if former is None else (former.encoded, former.tree)
        hashes = dict(zip(kept, tree.levels[0], strict=True)) if tree is not None else {}
        new = [leaf.encode() for leaf in leaves]
        stay = [one for one in kept if one[_DEVICE] not in gone]
        self.encoded = sorted([*stay, *new], key=_device_of)
        nodes = [hashes.get(one) or merkle.leaf_hash(one) for one in self.encoded]
        self.tree = merkle.MerkleTree(nodes, tree)
        self.line = CellLine(cell_id, len(self.encoded), rekey_epoch, self.tree.root)
        self.latest_history_from = max(map(_history_from_of, self.encoded), default=0)

    def leaf_and_path(self, device: bytes) -> bytes | None:
        """Return leaf ‖ path in the cell; None for a device that is not in it."""
        at = bisect_left(self.encoded, device, key=_device_of)
        if at == len(self.encoded) or self.encoded[at][_DEVICE] != device:
            return None
        return self.encoded[at] + self.tree.path(at)


def _device_of(encoded: bytes) -> bytes:
    return encoded[_DEVICE]


def _history_from_of(encoded: bytes) -> int:
    return int.from_bytes(encoded[_HISTORY_FROM])


def lines_tree(
    lines: Sequence[CellLine],
    former_lines: Sequence[CellLine] = (),
    former: merkle.MerkleTree | None = None,
) -> merkle.MerkleTree:
    """Return the tree under a head, of cell lines that ascend by cell; ``former``: the tree under
    the head before, of ``former_lines``."""
    if any(one.cell_id >= other.cell_id for one, other in pairwise(lines)):
        raise ValueError("cell lines do not ascend")
    nodes = {} if former is None else dict(zip(former_lines, former.levels[0], strict=True))
    hashes = [nodes.get(line) or merkle.leaf_hash(line.encode()) for line in lines]
    return merkle.MerkleTree(hashes, former)


def prove(cell: Cell, leaf_index: int, lines: merkle.MerkleTree, line_index: int) -> bytes:
    """Return leaf ‖ path in its cell ‖ cell line ‖ path of the line."""
    inside = cell.encoded[leaf_index] + cell.tree.path(leaf_index)
    return inside + cell.line.encode() + lines.path(line_index)


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterHead(SignedRecord):
    """The signed summary of a roster."""

    LABEL: ClassVar[bytes] = tag("copconnect roster v3")
    RULE: ClassVar[str] = "R4"
    VERSION: ClassVar[int] = 3

    conversation_id: Bytes16
    epoch: Uint64
    previous: Bytes32  # The hash of the head before; zeros at 1.
    kem: Kem
    rekey_epoch: Uint64  # 0: nothing yet that asks for a new key.
    latest_history_from: Uint64  # The highest of its leaves: everybody may read what is not older.
    created: Uint64
    devices: Uint32
    root: Bytes32

    def check(self, authority: bytes, conversation_id: bytes) -> None:
        """Check what makes this a head of the conversation. Raises Refused."""
        self.verify(authority)
        require(self.conversation_id == conversation_id, self.RULE, "another conversation's head")
        require(1 <= self.epoch >= self.rekey_epoch, self.RULE, "epochs do not fit")
        first = self.epoch == 1
        require(first == (self.previous == ZEROS), self.RULE, "wrong previous head")

    def check_follows(self, former: Self) -> None:
        """Check against an earlier head of the same conversation that is held. Raises Refused.

        A former roster authority's head is compared by its epoch alone: a thief of the key may
        have signed any rekey epoch and KEM."""
        require(self.epoch > former.epoch, self.RULE, "not newer")
        if authority_number_of(self.epoch) != authority_number_of(former.epoch):
            return
        if self.epoch == former.epoch + 1:
            require(self.previous == former.hash(), self.RULE, "does not follow the head before")
        require(self.rekey_epoch >= former.rekey_epoch, self.RULE, "rekey_epoch goes back")
        require(self.kem >= former.kem, self.RULE, "KEM goes back")
        raised = self.kem == former.kem or self.rekey_epoch > former.epoch
        require(raised, self.RULE, "a higher KEM needs a new key")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadStamp(SignedRecord):
    """The roster authority's word that a head was the newest at a time."""

    LABEL: ClassVar[bytes] = tag("copconnect stamp v1")
    RULE: ClassVar[str] = "S1"
    VERSION: ClassVar[int] = 0

    conversation_id: Bytes16
    head: Bytes32
    time: Uint64

    def check(self, head: RosterHead, authority: bytes, now: int, floor: int) -> None:
        """Check that a checked head is the newest (S1). ``floor``: the highest epoch known.
        Raises Refused."""
        self.verify(authority)
        same = (self.conversation_id, self.head) == (head.conversation_id, head.hash())
        require(same, self.RULE, "another head's stamp")
        recent = abs(now - self.time) <= CLOCK_LEEWAY_MS
        require(recent, self.RULE, "stamp is not of the last 10 min")
        require(head.epoch >= floor, self.RULE, "a later epoch is known")


def check_leaf(head: RosterHead, leaf: Leaf, rule: str) -> None:
    """Refuse a leaf that begins later than its head says of all: it is no leaf. Raises Refused with
    this rule."""
    require(leaf.history_from <= head.latest_history_from, rule, "leaf begins later than its head")


def check_proof(head: RosterHead, device: bytes, proof: bytes, rule: str) -> tuple[Leaf, CellLine]:
    """Return the leaf and cell line of a device that leaf ‖ proof shows under a checked head.

    Raises Refused with this rule.
    """
    reader = Reader(proof, rule)
    leaf = Leaf.read(reader)
    root = merkle.climb(merkle.leaf_hash(leaf.encode()), reader)
    line = CellLine.read(reader)
    top = merkle.climb(merkle.leaf_hash(line.encode()), reader)
    reader.end()
    same = leaf.device == device and leaf.cell_id == line.cell_id
    require(same, rule, "proof of another device")
    require(root == line.root and top == head.root, rule, "device is not listed")
    require(line.rekey_epoch <= head.epoch, rule, "cell's rekey_epoch is yet to come")
    check_leaf(head, leaf, rule)
    return leaf, line


def direct_id(one_person_id: bytes, other_person_id: bytes) -> bytes:
    """Return the id of the direct conversation of two people (R10)."""
    lower, higher = sorted((exact(one_person_id, ID_BYTES), exact(other_person_id, ID_BYTES)))
    return sha256(_DIRECT_LABEL + lower + higher)[:ID_BYTES]


def check_direct(conversation_id: bytes, people: tuple[bytes, bytes], sender: bytes) -> None:
    """Refuse to show a conversation as direct unless its id is that of these people (R10)."""
    require(conversation_id == direct_id(*people), "R10", "not the id of these two people")
    require(sender in people, "R10", "sender is a third person")
