"""Conversation keys, cell keys and key shares: records and seals of docs/keys.md on their way."""

from typing import Annotated, Literal

from msgspec import Meta

from copconnect.ids import DeviceId, KeyId, SealKeyId
from copconnect.limits import (
    CELL_SIZE,
    MAX_SEALS_BYTES,
    SEALS_ASKED,
    SHARE_SECRETS,
    SHARES_AT_ONCE,
)
from copconnect.wire.base import HEX16, HEX32, Hex16, Wire
from copconnect.wire.trust import Record

Seals = Annotated[bytes, Meta(max_length=MAX_SEALS_BYTES)]


class SubmitKey(Wire, frozen=True, kw_only=True):
    """A ConversationKey record and its seals, concatenated, ascending by recipient key id.
    ``left_out``, in a conversation of one cell: listed devices that the author could not confirm or
    has no key of."""

    record: Record
    seals: Seals
    left_out: Annotated[list[Annotated[DeviceId, HEX32]], Meta(max_length=CELL_SIZE)]


class KeyAccepted(Wire, frozen=True, kw_only=True):
    key_id: Annotated[KeyId, HEX32]


class SubmitLateSeals(Wire, frozen=True, kw_only=True):
    """Seals of a conversation key that the server asked this device for (S9), ordered by the id of
    the cell key. ``refused``: ids of cell keys to which this device does not seal, because of
    S4."""

    key_id: Annotated[KeyId, HEX32]
    seals: Seals
    refused: Annotated[list[Annotated[SealKeyId, HEX16]], Meta(max_length=SEALS_ASKED)]


class KeyItem(Wire, frozen=True, kw_only=True):
    """A conversation key for one device: its own seal, else its cell's, else None."""

    record: bytes
    seal: bytes | None


class Keys(Wire, frozen=True, kw_only=True):
    """``head``, ``proof``: the author's leaf ‖ proof under the record's head (S2)."""

    key: KeyItem | None
    head: bytes | None
    proof: bytes | None


class SubmitCellKey(Wire, frozen=True, kw_only=True):
    """A CellKey record that the server asked this device for (C1), with its seals."""

    record: Record
    seals: Seals
    left_out: Annotated[list[Annotated[DeviceId, HEX32]], Meta(max_length=CELL_SIZE)]


class CellKeyItem(Wire, frozen=True, kw_only=True):
    """A cell's newest usable key. ``author_proof``: the author's leaf ‖ path in its cell, under the
    cell's line of the answer's head. ``seal``: the calling device's; null for another
    cell's key."""

    record: bytes
    author_proof: bytes
    seal: bytes | None


class CellKeys(Wire, frozen=True, kw_only=True):
    """The keys to which a sender seals: all cell lines (58 bytes each, ascending; the head's root
    is theirs) and the keys that changed after the asked version. ``version``: ask with it next."""

    version: int
    head: bytes
    stamp: bytes
    lines: bytes
    keys: list[CellKeyItem]


class OwnCellKeys(Wire, frozen=True, kw_only=True):
    """Every kept key of the calling device's own cell, oldest first."""

    keys: list[CellKeyItem]


class FlagCellKey(Wire, frozen=True, kw_only=True):
    """The calling device cannot open this key of its cell (C2)."""

    key_id: Annotated[SealKeyId, HEX16]


class ShareReference(Wire, frozen=True, kw_only=True):
    """Kind 1: S of a conversation key; 2: C of a cell key; 3: k of a message. ``reference``: the
    first 16 bytes of the key id, the cell key id, the message id."""

    kind: Literal[1, 2, 3]
    reference: Hex16


class ShareRequest(Wire, frozen=True, kw_only=True):
    references: Annotated[list[ShareReference], Meta(min_length=1, max_length=SHARE_SECRETS)]


class DeviceShare(Wire, frozen=True, kw_only=True):
    """A KeyShare for a device that asked."""

    device: Annotated[DeviceId, HEX32]
    share: Annotated[bytes, Meta(min_length=1, max_length=32 * 1024)]


class SubmitShares(Wire, frozen=True, kw_only=True):
    """Key shares, one for each device."""

    shares: Annotated[list[DeviceShare], Meta(min_length=1, max_length=SHARES_AT_ONCE)]


class Shares(Wire, frozen=True, kw_only=True):
    """Shares that wait for the calling device, until it says that its references are done."""

    shares: list[bytes]
