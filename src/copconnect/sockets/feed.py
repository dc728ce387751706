"""What live connections need of other parts, as Protocols; app.py passes them in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from copconnect.bus import AnyWakeup, EntryWakeup, SealWantedWakeup
from copconnect.ids import CellId, ClientId, ConversationId, PersonId, Seq
from copconnect.principals import Caller, Ended

_NOT_YET = Seq(0)
Seat = tuple[CellId, str]  # A cell, and the certificate that is named for it (hash).


@dataclass(frozen=True, slots=True)
class Place:
    """One certificate of a client, named for a cell; where its conversation stands. What is
    optional here is passed on as it is, in wire.ConversationHead."""

    conversation_id: ConversationId
    cell_id: CellId
    certificate_hash: str
    last_seq: Seq  # Of the conversation.
    own_seq: Seq  # Newest of what concerns the cell.
    removal_pending: bool
    info_version: str = ""
    receipts_version: int = 0
    delivered_seq: Seq = _NOT_YET
    read_seq: Seq = _NOT_YET


@dataclass(frozen=True, slots=True)
class SeenCursor:
    """How far one client has come in one conversation."""

    conversation_id: ConversationId
    client_id: ClientId
    person_id: PersonId
    delivered_seq: Seq
    read_seq: Seq


class Feed(Protocol):
    """The log behind the wake-ups; the Delivery Service implements it."""

    async def places(self, client_ids: Collection[ClientId]) -> Mapping[ClientId, Sequence[Place]]:
        """Return every place of these clients, in a constant number of statements."""
        ...

    async def entries(
        self, conversation_id: ConversationId, after: int, upto: int
    ) -> Sequence[EntryWakeup]:
        """Return entries with after < seq ≤ upto, ascending: where they are many or large, the
        first of them."""
        ...

    async def seats(
        self, conversation_id: ConversationId, cell_ids: Collection[CellId] | None
    ) -> Mapping[ClientId, Sequence[Seat]]:
        """Return who sits in these cells (None: in any), in one statement."""
        ...

    async def heads_since(self, since_ms: int) -> dict[ConversationId, Seq]:
        """Return the newest seq of conversations with an entry since a time."""
        ...

    async def roster_changes_since(self, since_ms: int) -> Sequence[EntryWakeup]:
        """Return the roster entries since a time, by conversation and seq."""
        ...

    async def seals_wanted_since(self, since_ms: int) -> Sequence[SealWantedWakeup]:
        """Return whom to ask for seals of the cells that got a key since a time."""
        ...

    async def removal_pending(self, cell_id: CellId) -> bool:
        """Return whether a cell has Removes to commit."""
        ...

    async def store_cursors(self, cursors: Sequence[SeenCursor]) -> Sequence[AnyWakeup]:
        """Store cursors in bulk; return what to tell the members of small conversations, and in
        which large ones somebody has come further."""
        ...


class Tokens(Protocol):
    """Who is behind an access token; the Authentication Service knows."""

    async def authenticate_all(
        self, access_tokens: Sequence[str]
    ) -> Sequence[Caller | Ended | None]:
        """Return the caller of each, None for an unknown one, in a constant number of
        statements."""
        ...


class Leases(Protocol):
    """Whose turn it is, of several nodes, to do what one does for all (copconnect.leases)."""

    async def take(self, name: str, for_s: float) -> bool:
        """Take a lease, or renew it; return whether this node holds it now."""
        ...

    async def release(self, name: str) -> None:
        """Let another node take a lease at once."""
        ...


class Versions(Protocol):
    """What a client may have to fetch again."""

    async def trust_version(self) -> int:
        """Return ``Trust.version``."""
        ...

    async def directory_version(self) -> str:
        """Return ``Directory.version``."""
        ...
