"""Terms of the symbolic model: records, seals, devices. Cryptography is perfect.

A seal opens with its private key, a signature is made with its signing key, nothing else. A record
equals only itself, because its hash covers its signature. ``by`` is the signing key. ``born`` (a
step) is the model's own note; no rule reads it. Times are hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DAY = 24
RETAINED = 30 * DAY  # The log.
RANGE = 10**9  # Each roster authority signs as many numbers.
HEALED = 23 * DAY  # DeviceKey 14 days, then cell key 7, then key 1, and the day of the copy.

Atom = tuple[Any, ...]  # A key or secret: its kind and number.
PublicKey = Atom | str  # ("pk", private key), ("pk", ("cell", C)) or "invalid".


class Violation(Exception):
    """An invariant does not hold."""


@dataclass(frozen=True, slots=True)
class Leaf:
    cell: int
    since: int
    issues: bool = False  # May issue orders.


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    conv: int
    epoch: int
    prev: Head | None
    leaves: dict[str, Leaf]
    rekey: int
    cells: dict[int, int]  # By cell: its rekey_epoch.
    created: int
    incarnation: int = 0  # The Incarnation's number, if this is its head.
    by: int = 0  # The number of the roster authority that signed it.

    def latest(self) -> int:
        """Return the latest history_from of the leaves."""
        return max((leaf.since for leaf in self.leaves.values()), default=0)


@dataclass(frozen=True, slots=True, eq=False)
class DeviceKey:
    device: str
    generation: int
    created: int
    pk: PublicKey
    by: Atom


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    conv: int
    author: str
    head: Head
    created: int
    commit: Atom
    by: Atom


@dataclass(frozen=True, slots=True, eq=False)
class CellKey:
    conv: int
    cell: int
    head: Head
    author: str
    created: int
    commit: Atom
    pk: PublicKey
    by: Atom


@dataclass(frozen=True, slots=True)
class Seal:
    pk: PublicKey
    of: Record | CellKey  # The record or key whose secret this claims to be.
    secret: Atom


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    conv: int
    id: Atom
    sender: str
    seq: int
    attempt: int
    prev: Message | None
    record: Record
    head: Head
    key: Atom
    text: Atom
    by: Atom
    born: int

    @property
    def order(self) -> bool:
        """Return whether the text is an order: ("order", number, the person whom it appoints)."""
        return bool(self.text[0] == "order")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    order: Atom
    device: str
    by: Atom


@dataclass(frozen=True, slots=True, eq=False)
class Endorsement:
    endorsed: str
    endorser: str
    admin: bool
    created: int
    by: Atom
    born: int
    made: int  # The model's own note: the hour in which it was made, whatever it says.


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    person: str
    unit: int
    created: int
    made: int  # As an endorsement's.


@dataclass(frozen=True, slots=True, eq=False)
class Revocation:
    loss: int
    born: int
    standing: frozenset[Endorsement]
    created: int
    by_authority: bool = False


def at(head: Head | None, epoch: int) -> Head | None:
    """Return this head's ancestor of that epoch."""
    while head and head.epoch > epoch:
        head = head.prev
    return head if head and head.epoch == epoch else None


def follows(head: Head, before: Head) -> bool:
    """Return whether a head comes after another: by its ancestors, or by an Incarnation above."""
    one: Head | None = head
    while one:
        if one is before or one.incarnation > before.epoch:
            return True
        one = one.prev
    return False


class Device:
    """A device and all that it holds."""

    def __init__(self, name: str, person: str, signing: Atom) -> None:
        self.name, self.person, self.signing = name, person, signing
        self.legit, self.evil, self.pending = True, False, False
        self.copied: int | None = None
        self.stolen, self.stolen_step = 0, 0
        self.registered = 0  # The hour in which its certificate begins.
        self.answers = 0  # That it gave to comparisons of digits (E3).
        self.generation, self.synced, self.lives = 0, 0, 0
        self.renewals: list[int] = []
        self.forget()

    def forget(self) -> None:
        """Lose all state but the signing key."""
        self.lives += 1
        self.private: dict[Atom, tuple[int, int | None]] = {}  # Created, superseded.
        self.heads: dict[int, Head] = {}
        # The length of the log when it was last read to its end, and the head known then.
        self.caught_up: dict[int, tuple[int, Head]] = {}
        self.deaf: set[str] = set()  # People about whom it asks for nothing older.
        self.stamped: dict[int, int] = {}
        self.revoked: dict[str, Revocation] = {}
        self.learned: dict[str, int] = {}  # The step in which it learned of a revocation.
        self.secrets: dict[Record, Atom] = {}
        self.cells: dict[CellKey, Atom] = {}
        self.records: set[Record] = set()
        self.generations: dict[str, int] = {}
        self.chain: dict[int, tuple[int, Message | None]] = {}
        self.sent: dict[int, list[Message]] = {}
        self.held: dict[int, list[Head]] = {}  # Every head that it took.
        self.incarnation: dict[int, int] = {}  # The number under which it went back.
        self.former: dict[int, int] = {}  # The one before.
        self.again: dict[int, list[Message]] = {}  # To be sent again.
        self.accepted: dict[tuple[int, str], dict[int, Message]] = {}
        self.waiting: list[tuple[int, int, Message]] = []  # With place and position.
        self.cursor: dict[int, int] = {}
        self.delivered: dict[int, int] = {}
        self.named: dict[int, list[tuple[int, Head]]] = {}  # By position in the log.
        self.shown: list[tuple[int, Atom]] = []
        self.ids: set[tuple[int, Atom]] = set()  # The messages that it showed.
        self.passed: set[tuple[int, Message]] = set()
        self.told: dict[int, set[str]] = {}  # People whose joining it told its person.
        self.said_withdrawn: set[Atom] = set()  # Orders of which the server says so.
        self.asked: set[Message | Record] = set()
        self.bad: set[CellKey] = set()

    def atoms(self) -> set[Atom]:
        """Return all secrets that it holds."""
        return {*self.private, *self.secrets.values(), *self.cells.values()}
