"""WebSocket /v1/socket: MessagePack frames, tagged by "t"."""

from typing import Annotated, Literal

from msgspec import Meta

from copconnect.ids import (
    CellId,
    ConversationId,
    DeviceId,
    Epoch,
    KeyId,
    PersonId,
    SealKeyId,
    Seq,
)
from copconnect.limits import (
    APP_CHARACTERS,
    CURSORS_IN_FRAME,
    POSITION_BYTES,
    POSITIONS_IN_HELLO,
    SHARES_AT_ONCE,
)
from copconnect.wire.base import HEX16, HEX32, Frame, Wire
from copconnect.wire.delivery import LackedKey, LogEntry, ReceiptCount, Supplement
from copconnect.wire.keys import ShareReference
from copconnect.wire.orders import OrderAcknowledged, OrderProgressFrame, WatchOrder


class Position(Wire, frozen=True, kw_only=True):
    """How far a client has come in a conversation."""

    conversation_id: Annotated[ConversationId, HEX16]
    seq: Seq


class Hello(Frame, frozen=True, kw_only=True, tag="hello"):
    """First frame of a client. Anything else first, or a bad token, closes with 4401.

    ``positions`` may leave conversations out: those are fetched from the log. ``app``: the version
    of the program that runs on the device; "": it does not say.
    """

    version: int
    access_token: Annotated[str, Meta(max_length=200)]
    positions: Annotated[list[Position], Meta(max_length=POSITIONS_IN_HELLO)]
    app: Annotated[str, Meta(max_length=APP_CHARACTERS)] = ""


class CursorUpdate(Wire, frozen=True, kw_only=True):
    conversation_id: Annotated[ConversationId, HEX16]
    delivered_seq: Seq
    read_seq: Seq


class Cursors(Frame, frozen=True, kw_only=True, tag="cursors"):
    """How far this client has come; never goes back. Coalesced on both sides."""

    updates: Annotated[list[CursorUpdate], Meta(max_length=CURSORS_IN_FRAME)]


class SendPosition(Frame, frozen=True, kw_only=True, tag="send_position"):
    """This device's newest live position, for the devices that the conversation lists; nothing
    stores it. ``data``: a position record of docs/keys.md; empty: the device has stopped."""

    conversation_id: Annotated[ConversationId, HEX16]
    data: Annotated[bytes, Meta(max_length=POSITION_BYTES)]


class WatchPositions(Frame, frozen=True, kw_only=True, tag="watch_positions"):
    """Send the newest positions that the node has heard of in the last quarter of an hour."""

    conversation_id: Annotated[ConversationId, HEX16]


class Working(Frame, frozen=True, kw_only=True, tag="working"):
    """This device makes the shares, its cell's key or the seals that the server has asked it for:
    the server asks another device for them later (D4, C1, S9)."""

    conversation_id: Annotated[ConversationId, HEX16]


class PositionFrame(Frame, frozen=True, kw_only=True, tag="position"):
    """The newest live position of a device, to every listed device that is connected."""

    conversation_id: ConversationId
    data: bytes


class ConversationHead(Wire, frozen=True, kw_only=True):
    """The state of a conversation that lists this device. ``follows``: everything after the
    client's position follows on this socket, so the log need not be asked. ``shares``: key shares
    that wait for this device. The versions say what else need not be asked."""

    conversation_id: ConversationId
    last_seq: Seq
    follows: bool
    roster_epoch: Epoch
    info_version: str
    receipts_version: int
    delivered_seq: Seq
    read_seq: Seq
    shares: int


class Ready(Frame, frozen=True, kw_only=True, tag="ready"):
    """Answer to Hello: the head of every conversation that lists this device. ``me_version`` is
    another one whenever the person's devices or their acceptance of the code are others.
    ``sanctioned``: one of the person's sanctions is in force, or they have not read it."""

    server_time_ms: int
    trust_version: int
    directory_version: str
    guard_policy: int  # The number of the guard's policy in force.
    guard_pictures: int  # The number of the list of known pictures in force.
    me_version: str
    sanctioned: bool
    heads: list[ConversationHead]


class EntryFrame(Frame, frozen=True, kw_only=True, tag="entry"):
    """``supplement``: where this socket's readers may lack what they need to check the entry."""

    entry: LogEntry
    supplement: Supplement | None


class KeyFrame(Frame, frozen=True, kw_only=True, tag="key"):
    """A conversation key, with this device's or its cell's seal. ``awaited``: the server asks a
    member for the seal, so this device waits before it asks for a share (S9). ``first``: this is a
    late seal; the cell's other devices get it once this device has said that it could open the
    seal, or after 3 s."""

    conversation_id: ConversationId
    record: bytes
    seal: bytes | None
    awaited: bool = False
    first: bool = False


class CellKeyFrame(Frame, frozen=True, kw_only=True, tag="cell_key"):
    """A new key of this device's cell, with this device's seal."""

    conversation_id: ConversationId
    cell_id: CellId
    record: bytes
    seal: bytes | None


class RosterFrame(Frame, frozen=True, kw_only=True, tag="roster"):
    """There is a newer roster head. Told in conversations of up to 1,024 devices."""

    conversation_id: ConversationId
    epoch: Epoch


class ConversationFrame(Frame, frozen=True, kw_only=True, tag="conversation"):
    """The conversation is new to this client or changed: fetch it again."""

    conversation_id: ConversationId


class ConversationGone(Frame, frozen=True, kw_only=True, tag="gone"):
    """This device is not listed any more."""

    conversation_id: ConversationId


class KeyWanted(Frame, frozen=True, kw_only=True, tag="key_wanted"):
    """The server asks this device to make the next conversation key (D7)."""

    conversation_id: ConversationId


class CellKeyWanted(Frame, frozen=True, kw_only=True, tag="cell_key_wanted"):
    """The server asks this device to make its cell's next key (C1)."""

    conversation_id: ConversationId
    cell_id: CellId
    epoch: Epoch
    generation: int


class ShareAsker(Wire, frozen=True, kw_only=True):
    """A listed device that lacks secrets. ``proof``: its leaf ‖ proof under the question's head;
    ``keys``: its DeviceKey records."""

    device: Annotated[DeviceId, HEX32]
    person_id: PersonId
    proof: bytes
    keys: list[bytes]


class ShareWanted(Frame, frozen=True, kw_only=True, tag="share_wanted"):
    """Other listed devices lack these secrets (D4), all of them the same. ``head``: the newest."""

    conversation_id: ConversationId
    head: bytes
    stamp: bytes
    references: list[ShareReference]
    askers: Annotated[list[ShareAsker], Meta(min_length=1, max_length=SHARES_AT_ONCE)]


class SealsWanted(Frame, frozen=True, kw_only=True, tag="seals_wanted"):
    """The server asks this device to seal a conversation key that it holds to these cell keys, to
    which the key is not sealed yet (S9)."""

    conversation_id: ConversationId
    key_id: Annotated[KeyId, HEX32]
    head: bytes
    stamp: bytes
    cell_keys: list[Annotated[SealKeyId, HEX16]]


class ShareFrame(Frame, frozen=True, kw_only=True, tag="share"):
    """A key share for this device."""

    conversation_id: ConversationId
    share: bytes


class Receipt(Wire, frozen=True, kw_only=True):
    """How far a person has come, over all their devices. ``lacks``: what differs from it."""

    person_id: PersonId
    delivered_seq: Seq
    read_seq: Seq
    lacks: list[LackedKey]


class Receipts(Frame, frozen=True, kw_only=True, tag="receipts"):
    """How far these people have come. ``receipts_version`` grows by one with each."""

    conversation_id: ConversationId
    receipts: list[Receipt]
    receipts_version: int


class ReceiptCounts(Frame, frozen=True, kw_only=True, tag="receipt_counts"):
    """To the devices of these messages' senders, in conversations too large for Receipts: the
    changed counts among the newest 8."""

    conversation_id: ConversationId
    counts: list[ReceiptCount]


class AccountFrame(Frame, frozen=True, kw_only=True, tag="account"):
    """Something about this account changed. ``signed_out`` is followed by a close with 4403.
    ``conduct``: the code of conduct asks again; ``guard``: its policy or the known pictures are
    others; ``joining``: a request to join a group is made or answered; ``acts``: one begins to
    wait for a second admin, or waits no more."""

    event: Literal[
        "clients",
        "trust",
        "directory",
        "unconfirmed",
        "confirmation",
        "conduct",
        "guard",
        "reports",
        "joining",
        "acts",
        "signed_out",
    ]


ClientFrame = Hello | Cursors | WatchOrder | SendPosition | WatchPositions | Working
ServerFrame = (
    Ready
    | EntryFrame
    | KeyFrame
    | CellKeyFrame
    | RosterFrame
    | ConversationFrame
    | ConversationGone
    | KeyWanted
    | CellKeyWanted
    | ShareWanted
    | SealsWanted
    | ShareFrame
    | Receipts
    | ReceiptCounts
    | PositionFrame
    | OrderProgressFrame
    | OrderAcknowledged
    | AccountFrame
)

# Close codes of the socket.
CLOSE_UNAUTHENTICATED = 4401
CLOSE_SIGNED_OUT = 4403
CLOSE_CONDUCT_NOT_ACCEPTED = 4406  # Accept the code of conduct, then connect again.
CLOSE_REPLACED = 4409  # This device has connected again; do not come back for it.
CLOSE_TOO_SLOW = 4408  # The reader fell behind; reconnect and catch up from the log.
CLOSE_TOO_MANY_FRAMES = 4429  # By this device or person; reconnect after half a minute.
CLOSE_BAD_FRAME = 4400
CLOSE_RESTART = 1012  # The server restarts; reconnect.
CLOSE_TRY_AGAIN = 1013  # The server cannot answer now; reconnect.
