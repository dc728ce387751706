"""KeyShare: secrets that a device passes on to one that is entitled to them. Pure; no opening.

Unsigned: the recipient checks each secret against its commitment (H6), so it does not matter who
sends it.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Self

from copconnect.limits import CELL_KEY_SHARED_MS, SHARE_SECRETS
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.message import MessageHeader
from copconnect.records.conversation.roster import Leaf, RosterHead
from copconnect.records.primitives.fields import (
    ID_BYTES,
    KEY_ID_BYTES,
    SECRET_BYTES,
    TAG_BYTES,
    Reader,
    ascending,
    exact,
    require,
    tag,
    uint,
)
from copconnect.records.primitives.kem import ENC_BYTES

_VERSION = 1
_LABEL = tag("copconnect key-share v1")


class SecretKind(IntEnum):
    """The content of a share."""

    CONVERSATION_KEY = 1
    CELL_KEY = 2
    BODY_KEY = 3


class SecretName(NamedTuple):
    """A kind, and the first 16 bytes of the key id, cell key id or message id."""

    kind: SecretKind
    reference: bytes

    def encode(self) -> bytes:
        """Return kind (1) ‖ reference (16)."""
        return uint(self.kind, 1) + exact(self.reference, ID_BYTES)


Shareable = ConversationKey | CellKey | MessageHeader


def key_name(key_id: bytes) -> SecretName:
    """Return the name under which a share carries S of a conversation key."""
    return SecretName(SecretKind.CONVERSATION_KEY, key_id[:ID_BYTES])


def secret_name(record: Shareable) -> SecretName:
    """Return the name under which a share carries the secret of this record."""
    if isinstance(record, ConversationKey):
        return key_name(record.hash())
    if isinstance(record, CellKey):
        return SecretName(SecretKind.CELL_KEY, record.key_id())
    return SecretName(SecretKind.BODY_KEY, record.message_id)


def check_shareable(
    record: Shareable, newest: RosterHead, leaf: Leaf, newest_state: bytes | None
) -> None:
    """Check H1 and H3 under the newest head (S1); ``newest_state``: the message id of the
    conversation's newest state."""
    # A stamp holds for minutes: its head still lists a device that was removed meanwhile.
    require(record.epoch <= newest.epoch, "H1", "made under a later roster head")
    if isinstance(record, MessageHeader):
        require(record.message_id == newest_state, "H3", "not the newest state")
    else:
        is_cell_key = isinstance(record, CellKey)
        # Late seals (S9) may seal keys to a cell key that are older than the cell key.
        begins = leaf.history_from + (CELL_KEY_SHARED_MS if is_cell_key else 0)
        require(record.created >= begins, "H3", "from before its history begins")
        # A removed member with another cell's key would read on: their own cell alone is rekeyed.
        if isinstance(record, CellKey):
            require(record.cell_id == leaf.cell_id, "H3", "another cell's key")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyShare:
    """``names`` ascend; ``sealed`` is enc ‖ ct of as many secrets."""

    conversation_id: bytes
    recipient: bytes  # A device key's id.
    names: tuple[SecretName, ...]
    sealed: bytes = b""

    def opening(self) -> bytes:
        """Return all before enc."""
        ids = exact(self.conversation_id, ID_BYTES) + exact(self.recipient, KEY_ID_BYTES)
        count = uint(len(self.names), 2)
        return uint(_VERSION, 1) + ids + count + b"".join([name.encode() for name in self.names])

    def info(self) -> bytes:
        """Return the HPKE info."""
        return _LABEL + self.opening()

    def encode(self) -> bytes:
        """Return the whole share."""
        return self.opening() + self.sealed

    @classmethod
    def parse(cls, kem: int, data: bytes) -> Self:
        """Return the share that all of these bytes are. Raises Refused (H1)."""
        reader = Reader(data, "H1")
        reader.version(_VERSION)
        conversation_id, recipient = reader.read(ID_BYTES), reader.read(KEY_ID_BYTES)
        count = reader.uint(2)
        require(1 <= count <= SHARE_SECRETS, reader.rule, "wrong number of secrets")
        names = [reader.read(1 + ID_BYTES) for _ in range(count)]
        require(ascending(names), reader.rule, "names do not ascend")
        known = all(name[0] in list(SecretKind) for name in names)
        require(known, reader.rule, "unknown kind")
        sealed = reader.read(ENC_BYTES[kem] + SECRET_BYTES * count + TAG_BYTES)
        reader.end()
        return cls(
            conversation_id=conversation_id,
            recipient=recipient,
            names=tuple([SecretName(SecretKind(name[0]), name[1:]) for name in names]),
            sealed=sealed,
        )
