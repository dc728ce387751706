"""Interfaces that live connections need of other parts, as Protocols; app.py passes them in."""

from collections.abc import Collection, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from copconnect import wire
from copconnect.bus import (
    CellKeyWakeup,
    EntryWakeup,
    KeyWakeup,
    RosterWakeup,
)
from copconnect.ids import (
    CellId,
    ClientId,
    ConversationId,
    Epoch,
    MessageId,
    PersonId,
    Seq,
    UnitId,
)
from copconnect.principals import Caller, Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafState:
    """A client's leaf in a conversation, and that one's head. Fields that wire.ConversationHead
    has too are passed on as they are. ``history_from_ms`` is the leaf's: nothing that was sent
    before it, and no key that was made before it, is for this device; 0: everything is."""

    conversation_id: ConversationId
    cell_id: CellId
    history_from_ms: int
    last_seq: Seq
    roster_epoch: Epoch
    info_version: str
    receipts_version: int
    delivered_seq: Seq
    read_seq: Seq
    shares: int


@dataclass(frozen=True, slots=True)
class ConversationPosition:
    """A conversation's position: its newest seq and its newest roster epoch."""

    last_seq: Seq
    roster_epoch: Epoch


@dataclass(frozen=True, slots=True)
class RosterNews:
    """The whole change since an epoch, and the conversation's state in that snapshot."""

    change: RosterWakeup
    last_seq: Seq


@dataclass(frozen=True, slots=True)
class Seals:
    """The seals of a record by their recipients: cells, and devices (docs/keys.md). ``late``:
    members may add seals to cells later (S9)."""

    cells: Mapping[CellId, bytes] = field(default_factory=dict)
    devices: Mapping[bytes, bytes] = field(default_factory=dict)
    late: bool = False


@dataclass(frozen=True, slots=True)
class SeenCursor:
    """How far one client has come in one conversation."""

    conversation_id: ConversationId
    client_id: ClientId
    person_id: PersonId
    delivered_seq: Seq
    read_seq: Seq


@dataclass(frozen=True, slots=True)
class Online:
    """A device of a conversation that is connected to this node."""

    client_id: ClientId
    person_id: PersonId
    device: bytes
    cell_id: CellId


class Feed(Protocol):
    """The log behind the wake-ups; the Delivery Service implements it."""

    async def places(
        self, client_ids: Collection[ClientId]
    ) -> Mapping[ClientId, Sequence[LeafState]]:
        """Return every place of these clients, in a constant number of statements."""

    async def entries(
        self, conversation_id: ConversationId, after: int, upto: int
    ) -> Sequence[EntryWakeup]:
        """Return entries with after < seq ≤ upto, ascending: where they are many or large, the
        first of them. Each has its frame, however large."""

    async def roster_since(self, conversation_id: ConversationId, epoch: int) -> RosterNews:
        """Return how the newest roster differs from that of an epoch (0: from none). Clients whose
        leaf became another one are added, not removed."""

    async def standings_since(self, since_ms: int) -> Mapping[ConversationId, ConversationPosition]:
        """Return the heads of the conversations that got a message or a head since a time."""

    async def keys_since(self, since_ms: int) -> Sequence[KeyWakeup]:
        """Return the conversation keys that were accepted since a time, without seals."""

    async def key(self, conversation_id: ConversationId, key_id: str) -> KeyWakeup | None:
        """Return a conversation key that is kept, without seals."""

    async def unused_keys(
        self, conversation_ids: Collection[ConversationId]
    ) -> Sequence[KeyWakeup]:
        """Return the newest key, without seals, of those of these conversations where no message
        is under it yet. One statement."""

    async def seals(self, key: KeyWakeup | CellKeyWakeup) -> Seals:
        """Return a record's seals by recipient; seals that the wake-up lacks are read."""

    async def supplement(
        self,
        conversation_id: ConversationId,
        device: str,
        epochs: Collection[int],
        person_id: PersonId | None,
    ) -> wire.Supplement:
        """Return the heads of these epochs, the proofs of a device's leaf under them, and the
        signed records of its person; without those for None."""

    async def store_cursors(self, cursors: Sequence[SeenCursor]) -> None:
        """Store cursors in bulk; tell the members of small conversations, and in which large ones
        somebody has come further."""


class Tokens(Protocol):
    """The callers behind access tokens; the Authentication Service knows them."""

    async def authenticate_all(
        self, access_tokens: Sequence[str]
    ) -> Sequence[Caller | Ended | None]:
        """Return the caller of each, None for an unknown one, in a constant number of
        statements."""

    def runs(self, client_id: ClientId, app: str) -> None:
        """Note the version of the program that a client runs."""


class Current(NamedTuple):
    """Versions of the data that clients may have to fetch again: ``Trust.version``,
    ``Directory.version``, the numbers of the guard's policy and of the known pictures in force; and
    the people who have a sanction in force or unread."""

    trust: int
    directory: str
    guard_policy: int
    guard_pictures: int
    sanctioned: Set[PersonId]


class Versions(Protocol):
    """Parts of a client's first frame beside its conversations."""

    async def current(self, person_ids: Collection[PersonId]) -> Current:
        """Return it, with those of these people who are sanctioned. Three statements in one
        transaction."""


class Helpers(Protocol):
    """Devices that were asked for shares or keys; the Delivery Service asks them."""

    def begun(self, client_id: ClientId, conversation_id: ConversationId) -> None:
        """Note that a device makes what it was asked for. Never waits."""


class Watchers(Protocol):
    """Dashboards that watch orders; the role of orders serves them. A connection is a key here."""

    def watch(
        self,
        connection: Hashable,
        caller: Caller,
        order_id: MessageId | None,
        unit_id: UnitId | None,
    ) -> None:
        """Let a connection watch an order, or none any more. Never waits."""

    def gone(self, connection: Hashable) -> None:
        """Forget a connection, whether it watched or not."""
