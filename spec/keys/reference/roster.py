"""The roster: leaves, cell lines, heads and their stamps. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from spec.keys.reference.basics import ZEROS, H, Reader, Record, T, require, u
from spec.keys.reference.merkle import climb, merkle_path, merkle_root
from spec.keys.reference.people import MINUTE_MS, Department

CELL_LIMIT = 256
MAY_SEND, MAY_ADMINISTER = 1, 2  # Bits of a leaf's rights; unknown ones are kept.


class RosterHead(Record):
    label, rule, version = "copconnect roster v3", "R4", 3
    layout = """
        conversation:16 epoch:u8 previous:32 kem:kem rekey_epoch:u8 latest_history_from:u8
        created:u8 devices:u4 root:32
    """

    def check(self, authority: bytes, conversation: bytes) -> None:
        """Check a head by the roster authority's key."""
        self.verify(authority)
        require(self.conversation == conversation, "R4", "another conversation's head")
        require(1 <= self.epoch >= self.rekey_epoch, "R4", "epochs do not fit")
        require((self.epoch == 1) == (self.previous == ZEROS), "R4", "wrong previous head")

    def check_after(self, before: Self) -> None:
        """Check a head against an earlier one; others may be between them. A KEM that rises
        rekeys."""
        require(self.epoch > before.epoch, "R4", "not a later head")
        follows = self.epoch > before.epoch + 1 or self.previous == before.hash()
        require(follows, "R4", "does not follow the head before")
        require(self.rekey_epoch >= before.rekey_epoch, "R4", "rekey epoch goes back")
        require(self.kem >= before.kem, "R4", "KEM goes back")
        rekeyed = self.kem == before.kem or self.rekey_epoch > before.epoch
        require(rekeyed, "R4", "a higher KEM needs a new key")

    def check_sealing(self, department: Department) -> None:
        """The department's lowest KEM binds sealing, not reading."""
        require(self.kem >= department.kem, "S3", "below the department's lowest KEM")


class HeadStamp(Record):
    label, rule, version = "copconnect stamp v1", "S1", 0
    layout = "conversation:16 head:32 time:u8"

    def check(self, head: RosterHead, authority: bytes, now: int, named: int) -> None:
        """Check that a checked head is the newest; ``named``: the highest epoch of a head that the
        device holds."""
        self.verify(authority)
        same = (self.conversation, self.head) == (head.conversation, head.hash())
        require(same, "S1", "another head's stamp")
        require(abs(now - self.time) <= 10 * MINUTE_MS, "S1", "stamp is not of the last 10 min")
        require(head.epoch >= named, "S1", "a later epoch is known")


@dataclass(frozen=True)
class Leaf:
    cell: bytes
    person: bytes
    device: bytes
    history_from: int
    rights: int

    def encode(self) -> bytes:
        return self.cell + self.person + self.device + u(self.history_from) + u(self.rights, 2)


@dataclass(frozen=True)
class CellLine:
    cell: bytes
    devices: int
    rekey_epoch: int
    root: bytes

    def encode(self) -> bytes:
        return self.cell + u(self.devices, 2) + u(self.rekey_epoch) + self.root


def leaf_hash(one: Leaf | CellLine) -> bytes:
    return H(b"\0" + one.encode())


def cell_lines(leaves: Sequence[Leaf], rekey_epochs: Mapping[bytes, int]) -> list[CellLine]:
    cells: dict[bytes, list[bytes]] = {}
    for leaf in sorted(leaves, key=lambda one: one.device):
        cells.setdefault(leaf.cell, []).append(leaf_hash(leaf))
    lines = sorted(cells.items())
    return [CellLine(c, len(own), rekey_epochs[c], merkle_root(own)) for c, own in lines]


def prove(leaves: Sequence[Leaf], lines: Sequence[CellLine], leaf: Leaf) -> bytes:
    """Return leaf ‖ proof: path in its cell, cell line, path of the line."""
    own = sorted((one for one in leaves if one.cell == leaf.cell), key=lambda one: one.device)
    at = [one.cell for one in lines].index(leaf.cell)
    inside = merkle_path([leaf_hash(one) for one in own], own.index(leaf))
    above = merkle_path([leaf_hash(one) for one in lines], at)
    return leaf.encode() + inside + lines[at].encode() + above


def check_leaf(head: RosterHead, device: bytes, proof: bytes, rule: str) -> tuple[Leaf, CellLine]:
    """Return the leaf and cell line of a device that leaf ‖ proof shows under a checked head."""
    reader = Reader(proof, rule)
    take, uint = reader.take, reader.uint
    leaf = Leaf(take(16), take(16), take(32), uint(8), uint(2))
    root = climb(leaf_hash(leaf), reader)
    line = CellLine(take(16), uint(2), uint(8), take(32))
    top = climb(leaf_hash(line), reader)
    reader.end()
    require(leaf.device == device and leaf.cell == line.cell, rule, "proof of another device")
    require(root == line.root and top == head.root, rule, "device is not listed")
    fits = 1 <= line.devices <= CELL_LIMIT and line.rekey_epoch <= head.epoch
    require(fits, rule, "values out of range")
    early = leaf.history_from <= head.latest_history_from
    require(early, rule, "begins later than its head says")
    return leaf, line


def direct_id(one: bytes, other: bytes) -> bytes:
    """Return the id of the direct conversation of two people (R10)."""
    return H(T("copconnect direct v1") + min(one, other) + max(one, other))[:16]


def check_direct(conversation: bytes, people: tuple[bytes, bytes], sender: bytes) -> None:
    require(conversation == direct_id(*people), "R10", "not the id of these two people")
    require(sender in people, "R10", "sender is a third person")
