"""Values that rules judge and the store reads: how a client, a cell, a conversation stand."""

from dataclasses import dataclass

import msgspec

from copconnect import wire
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, Seq


@dataclass(frozen=True, slots=True)
class Lease:
    """A cell's join lease: whose it is, until when, since when in a row; when somebody else was
    last turned away for it."""

    client_id: ClientId | None = None
    until_ms: int = 0
    since_ms: int = 0
    asked_ms: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How one client stands to one cell at the moment the conversation's row is held."""

    member: bool
    admin: bool
    placed: bool  # The roster names one of this client's certificates for the cell.
    kind: wire.ConversationKind
    who_may_post: wire.WhoMayPost
    epoch: Epoch | None
    removals: int
    last_seq: Seq
    cells: int = 1  # Of the conversation.
    lease: Lease = Lease()


class CellLeaf(msgspec.Struct, frozen=True, array_like=True):
    """One occupied leaf of a cell's tree. ``key`` is a fingerprint of its HPKE key: it tells a
    leaf from a later one at the same place with the same certificate."""

    index: int
    certificate_hash: str
    key: bytes


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """An entry that already has the asked entry id."""

    seq: Seq
    sent_ms: int
    epoch: int | None
    kind: str
    sender: ClientId | None


def info_version(
    roster_epoch: int, who_may_post: str, muted_until_ms: int | None, pinned: bool | None
) -> str:
    """Return wire.Conversation.info_version. Who belongs and who is an admin, and so the rest of
    what may change, is of the roster epoch."""
    return f"{roster_epoch}.{who_may_post}.{muted_until_ms}.{bool(pinned):d}"


@dataclass(frozen=True, slots=True)
class Held:
    """A conversation whose row this transaction holds."""

    conversation_id: ConversationId
    kind: wire.ConversationKind
    suite: int
    who_may_post: wire.WhoMayPost
    last_seq: Seq
    members: int
    roster_epoch: Epoch
    roster_head: bytes
    cells: int

    @classmethod
    def new(cls, body: wire.CreateConversation, suite: int) -> "Held":
        """Return a conversation that is being created, before its first roster."""
        return cls(
            conversation_id=ConversationId(body.conversation_id),
            kind=body.kind,
            suite=suite,
            who_may_post="everyone" if body.kind == "direct" else body.who_may_post,
            last_seq=Seq(0),
            members=0,
            roster_epoch=Epoch(0),
            roster_head=b"",
            cells=0,
        )


@dataclass(frozen=True, slots=True)
class CellRow:
    """A cell; ``epoch`` is None until it was founded; ``clients``: how many the roster names."""

    conversation_id: ConversationId
    cell_id: CellId
    epoch: Epoch | None
    clients: int


@dataclass(frozen=True, slots=True)
class ClientPlaces:
    """The cells for which the roster names a client, and those where it was until a seq: its cell
    was then given up or merged into another."""

    now: frozenset[CellId]
    before: tuple[tuple[Seq, CellId], ...]  # Ascending.

    @property
    def cells(self) -> frozenset[CellId]:
        """Every cell whose entries concern the client."""
        return self.now | {cell_id for _, cell_id in self.before}

    def at(self, seq: Seq) -> frozenset[CellId]:
        """Return the cells whose members it was among when an entry was written."""
        for until_seq, cell_id in self.before:
            if seq <= until_seq:
                return frozenset({cell_id})
        return self.now


@dataclass(frozen=True, slots=True)
class KnownHead:
    """A roster head of some epoch, when the next one replaced it, and the newest epoch."""

    head: bytes | None  # None: not kept, or never there.
    replaced_ms: int | None
    newest: Epoch


@dataclass(frozen=True, slots=True)
class CellKeyState:
    """Which keys of a cell are good for seals."""

    cell_id: CellId
    ready: bool  # Messages are sealed for it (key_store.READY).
    key_id: bytes | None
    previous_key_id: bytes | None
    previous_until_ms: int

    def takes(self, key_id: bytes, now_ms: int) -> bool:
        """Whether a seal under a key is good."""
        if key_id == self.key_id:
            return True
        return key_id == self.previous_key_id and now_ms <= self.previous_until_ms


@dataclass(frozen=True, slots=True)
class SignedKey:
    """A cell's key record as it is kept, and by whose certificate (hash, DER) it was signed."""

    cell_id: CellId
    epoch: Epoch
    key_id: bytes
    record: bytes
    certificate: bytes
    signer: str


@dataclass(frozen=True, slots=True)
class LogView:
    """Where a conversation's log stands for one client."""

    last_seq: Seq
    shared_seq: Seq  # Newest entry for every cell; counts where there are several.
    several: bool
    own_seq: Seq  # Newest entry of the client's cells alone; counts where there are several.
    places: ClientPlaces
