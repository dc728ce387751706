"""Values that rules judge and the store reads: how a client, a cell, a conversation stand."""

from dataclasses import dataclass

import msgspec

from copconnect import wire
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, Seq


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
    lease_client: ClientId | None = None
    lease_until_ms: int = 0


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


@dataclass(frozen=True, slots=True)
class CellState:
    """A cell with the leaves of its tree; ``epoch`` is None until it was founded."""

    conversation_id: ConversationId
    cell_id: CellId
    epoch: Epoch | None
    leaves: list[CellLeaf]
