"""Key shares: what they carry, and to whom they go (H1, H3, H6). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from spec.keys.reference.basics import SECRET, TAG, Reader, T, ascending, require, u
from spec.keys.reference.hpke import ENC_BYTES, PrivateKey, hpke_open, hpke_seal
from spec.keys.reference.keys import KEY_ID, CellKey, ConversationKey, DeviceKey
from spec.keys.reference.messages import Header
from spec.keys.reference.roster import Leaf, RosterHead

SHARED_CELL_KEY_MS = 26 * 60 * 60 * 1000  # H3: made so long after history_from.

SHARE_LIMIT = 512
KIND_S, KIND_C, KIND_K = 1, 2, 3  # The kinds of a secret in a key share.

Shared = ConversationKey | CellKey | Header


@dataclass(frozen=True)
class KeyShare:
    conversation: bytes
    recipient: bytes
    names: tuple[bytes, ...]  # kind (1) ‖ reference (16)
    sealed: bytes = b""

    def opening(self) -> bytes:
        """Return all before enc."""
        count = u(len(self.names), 2)
        return b"\1" + self.conversation + self.recipient + count + b"".join(self.names)

    def encode(self) -> bytes:
        return self.opening() + self.sealed

    @classmethod
    def parse(cls, kem: int, data: bytes) -> Self:
        reader = Reader(data, "H1")  # Convention: H1 also refuses what a recipient cannot read.
        require(reader.uint(1) == 1, "H1", "unknown version")
        conversation, recipient, count = reader.take(16), reader.take(KEY_ID), reader.uint(2)
        require(1 <= count <= SHARE_LIMIT, "H1", "wrong number of secrets")
        names = tuple(reader.take(1 + KEY_ID) for _ in range(count))
        require(ascending(names), "H1", "names do not ascend")
        require({name[0] for name in names} <= {KIND_S, KIND_C, KIND_K}, "H1", "unknown kind")
        sealed = reader.take(ENC_BYTES[kem] + SECRET * count + TAG)
        reader.end()
        return cls(conversation, recipient, names, sealed)

    @classmethod
    def make(
        cls, conversation: bytes, to: DeviceKey, secrets: Sequence[tuple[Shared, bytes]]
    ) -> Self:
        named = sorted((share_name(one), secret) for one, secret in secrets)
        share = cls(conversation, to.key_id(), tuple(name for name, _ in named))
        info = T("copconnect key-share v1") + share.opening()
        joined = b"".join(secret for _, secret in named)
        return replace(share, sealed=hpke_seal(to.kem, to.pk, info, joined, "H2"))

    def open(self, kem: int, key: PrivateKey) -> dict[bytes, bytes]:
        """Return the secrets by name. Each is still to be checked: ``shared.matches(secret)``."""
        info = T("copconnect key-share v1") + self.opening()
        joined = hpke_open(kem, key, info, self.sealed, "H1")
        parts = [joined[at : at + SECRET] for at in range(0, len(joined), SECRET)]
        return dict(zip(self.names, parts, strict=True))


def share_name(one: Shared) -> bytes:
    if isinstance(one, ConversationKey):
        return u(KIND_S, 1) + one.hash()[:KEY_ID]
    return u(KIND_C, 1) + one.key_id() if isinstance(one, CellKey) else u(KIND_K, 1) + one.message


def share_allowed(
    one: Shared, head: RosterHead, leaf: Leaf, newest_state: bytes | None = None
) -> None:
    """Check H1 and H3 under the newest head; ``newest_state``: the message id of the conversation's
    newest state."""
    require(one.epoch <= head.epoch, "H1", "made under a later head")
    if isinstance(one, Header):
        require(one.message == newest_state, "H3", "not the newest state")
    else:
        later = SHARED_CELL_KEY_MS if isinstance(one, CellKey) else 0
        begins = leaf.history_from + later
        require(one.created >= begins, "H3", "from before its history begins")
    if isinstance(one, CellKey):
        require(one.cell == leaf.cell, "H3", "another cell's key")
