"""The wake-ups: what each hints at, and what its receivers can read where it is too large."""

from collections.abc import Awaitable, Callable

import msgspec

from copconnect.ids import CellId, ClientId, ConversationId, MessageId, PersonId


class Wakeup(msgspec.Struct, frozen=True, kw_only=True, tag_field="w"):
    """Base of every wake-up."""


class EntryWakeup(Wakeup, frozen=True, kw_only=True, tag="entry"):
    """A message was committed. ``frame`` is the encoded wire.EntryFrame without a supplement; empty
    when it is too large for the bus: the receiver reads the entry from the log. ``device`` and
    ``person_id`` are the sender's, ``epoch`` and ``key_id`` the header's; ``named_epoch`` is the
    highest epoch that the log names up to and with this message (R2). ``deletes``: it took the
    words of an earlier message (M3)."""

    conversation_id: ConversationId
    seq: int
    device: str  # Hex.
    person_id: PersonId
    epoch: int
    named_epoch: int
    key_id: str  # Hex.
    deletes: bool
    frame: bytes


class RosterWakeup(Wakeup, frozen=True, kw_only=True, tag="roster"):
    """A conversation has a new head. ``added`` and ``removed`` are the differences from the head
    before, by client; both are empty where ``whole`` is False, because they are too long for the
    bus: the receiver reads them. Record it in the wake-up log too: no message announces it."""

    conversation_id: ConversationId
    epoch: int
    cells: int
    devices: int
    added: dict[ClientId, CellId]
    removed: list[ClientId]
    whole: bool


class HeadsDueWakeup(Wakeup, frozen=True, kw_only=True, tag="heads_due"):
    """People, devices or members changed whose rosters the process that draws heads brings up to
    date."""


class KeyWakeup(Wakeup, frozen=True, kw_only=True, tag="key"):
    """A conversation key was accepted. ``seals`` are those of its record, of one size each,
    ascending by recipient key id; empty when they are too large for the bus: the receiver reads
    them. ``size``: bytes of one seal."""

    conversation_id: ConversationId
    key_id: str  # Hex.
    record: bytes
    seals: bytes
    size: int


class LateSealsWakeup(Wakeup, frozen=True, kw_only=True, tag="late_seals"):
    """A member sealed a conversation key to these cells' keys. ``helper``: the member's device."""

    conversation_id: ConversationId
    key_id: str
    record: bytes
    seals: dict[CellId, bytes]
    helper: str


class CellKeyWakeup(Wakeup, frozen=True, kw_only=True, tag="cell_key"):
    """A cell key was accepted; as KeyWakeup. ``devices``: the recipients of the seals, in order."""

    conversation_id: ConversationId
    cell_id: CellId
    record: bytes
    seals: bytes
    size: int
    devices: list[bytes]


class CellKeyFlaggedWakeup(Wakeup, frozen=True, kw_only=True, tag="cell_key_flagged"):
    """Three people cannot open the key of a cell (C2), so that one more is wanted."""

    conversation_id: ConversationId
    cell_id: CellId


class ShareWakeup(Wakeup, frozen=True, kw_only=True, tag="share"):
    """A key share waits for a client; ``device`` is the client's."""

    conversation_id: ConversationId
    device: str  # Hex.
    client_id: ClientId
    share: bytes


class ShareAskedWakeup(Wakeup, frozen=True, kw_only=True, tag="share_asked"):
    """A listed device lacks secrets (D4). ``anybody``: the node at which it is connected has no
    other device of the conversation, so every node asks at once. A request that repeats one that
    is kept is announced again: devices that were asked may be asked again. ``lacks``: each secret's
    kind (1) and reference (16)."""

    conversation_id: ConversationId
    device: str  # Hex.
    client_id: ClientId
    person_id: PersonId
    cell_id: CellId
    lacks: list[bytes]
    anybody: bool = False


class ShareDoneWakeup(Wakeup, frozen=True, kw_only=True, tag="share_done"):
    """A device could open secrets, ``opened``; it still asks for ``lacks``. As ShareAskedWakeup."""

    conversation_id: ConversationId
    device: str
    opened: list[bytes]
    lacks: list[bytes]


class TrustWakeup(Wakeup, frozen=True, kw_only=True, tag="trust"):
    """Signed records of these people changed: readers of their next messages may lack some."""

    person_ids: list[PersonId]


class ConversationWakeup(Wakeup, frozen=True, kw_only=True, tag="conversation"):
    """The conversation changed for these people (none: for all its members). RosterWakeup says who
    comes and who goes."""

    conversation_id: ConversationId
    person_ids: list[PersonId]


class ReceiptsWakeup(Wakeup, frozen=True, kw_only=True, tag="receipts"):
    """``frame`` is the encoded wire.Receipts."""

    conversation_id: ConversationId
    frame: bytes


class PositionWakeup(Wakeup, frozen=True, kw_only=True, tag="position"):
    """A device's newest live position, an encrypted record; empty: it has stopped."""

    conversation_id: ConversationId
    client_id: ClientId
    data: bytes


class CursorsMovedWakeup(Wakeup, frozen=True, kw_only=True, tag="cursors_moved"):
    """Somebody has come further in these conversations, whose people are too many for receipts."""

    conversation_ids: list[ConversationId]


class ReceiptCountsWakeup(Wakeup, frozen=True, kw_only=True, tag="receipt_counts"):
    """``frame`` is the encoded wire.ReceiptCounts for the devices of a person."""

    conversation_id: ConversationId
    person_id: PersonId
    frame: bytes


class AcknowledgedWakeup(Wakeup, frozen=True, kw_only=True, tag="acknowledged"):
    """Acknowledgements of an order were committed: about these people, each by a device of this
    client. ``people`` is empty where it is too long for the bus."""

    conversation_id: ConversationId
    order_id: MessageId
    people: dict[PersonId, ClientId]


class EnteredWakeup(Wakeup, frozen=True, kw_only=True, tag="entered"):
    """These clients have connected, with when each said Hello: older connections are over."""

    clients: dict[ClientId, int]


class AccountWakeup(Wakeup, frozen=True, kw_only=True, tag="account"):
    """Something about accounts changed. Empty lists mean everybody. ``answered``: the client that
    asked for the change and has read it in the answer."""

    event: str  # As in wire.AccountFrame.
    person_ids: list[PersonId]
    client_ids: list[ClientId]
    answered: ClientId | None = None
    reason: str = ""  # ``signed_out`` has one, as in errors.SignedOut.


class SpentWakeup(Wakeup, frozen=True, kw_only=True, tag="spent"):
    """These people, or devices, used so much of a limit at a node (:mod:`copconnect.rates`)."""

    node: str
    limit: str
    spent: dict[PersonId, float]


AnyWakeup = (
    EntryWakeup
    | RosterWakeup
    | HeadsDueWakeup
    | KeyWakeup
    | LateSealsWakeup
    | CellKeyWakeup
    | CellKeyFlaggedWakeup
    | ShareWakeup
    | ShareAskedWakeup
    | ShareDoneWakeup
    | TrustWakeup
    | ConversationWakeup
    | ReceiptsWakeup
    | PositionWakeup
    | CursorsMovedWakeup
    | ReceiptCountsWakeup
    | AcknowledgedWakeup
    | EnteredWakeup
    | AccountWakeup
    | SpentWakeup
)
Receiver = Callable[[AnyWakeup], Awaitable[None]]


def shortened(wakeup: AnyWakeup) -> AnyWakeup:
    """Return a wake-up without what its receivers can read in the database."""
    match wakeup:
        case EntryWakeup():
            return msgspec.structs.replace(wakeup, frame=b"")
        case RosterWakeup():
            return msgspec.structs.replace(wakeup, added={}, removed=[], whole=False)
        case AcknowledgedWakeup():
            return msgspec.structs.replace(wakeup, people={})
        case KeyWakeup() | CellKeyWakeup():
            return msgspec.structs.replace(wakeup, seals=b"")
        case LateSealsWakeup():  # Without seals, the devices of the cells ask for shares.
            return msgspec.structs.replace(wakeup, seals={})
        case _:
            return wakeup
