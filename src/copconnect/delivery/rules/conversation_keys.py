"""D2: which ConversationKey records the server accepts, and D7: when the next one is due. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from copconnect import errors
from copconnect.delivery.rules.limits import (
    HEAD_MS,
    KEY_RENEWED_MESSAGES,
    KEY_RENEWED_MS,
    RECORD_MS,
)
from copconnect.delivery.rules.messages import NamedHead
from copconnect.ids import CellId
from copconnect.limits import KEY_AGE_MS, KEY_MESSAGES
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.primitives.fields import Refused, is_recent


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A stored conversation key, without its bytes."""

    key_id: bytes
    epoch: int
    created_ms: int
    messages: int
    author: bytes

    def usable(self, rekey_epoch: int, now_ms: int) -> bool:
        """Return whether a sender may use the key (S2)."""
        young = is_recent(self.created_ms, now_ms, KEY_AGE_MS)
        return self.epoch >= rekey_epoch and young and self.messages < KEY_MESSAGES

    def serves(self, rekey_epoch: int, now_ms: int) -> bool:
        """Return whether the key is good for a while, so that nobody needs another (D7)."""
        young = is_recent(self.created_ms, now_ms, KEY_RENEWED_MS)
        few = self.messages < KEY_RENEWED_MESSAGES
        return self.epoch >= rekey_epoch and young and few


def newest_first(keys: Collection[KnownKey]) -> list[KnownKey]:
    """Return keys in the order in which a sender chooses one (S2)."""
    return sorted(keys, key=lambda one: (one.epoch, one.created_ms, one.key_id), reverse=True)


def read_record(data: bytes, conversation_id: bytes, author: bytes, key: bytes) -> ConversationKey:
    """Return a record, its signature checked. Raises RecordInvalid."""
    try:
        record = ConversationKey.parse(data)
        record.verify(key)
    except Refused as refused:
        raise errors.RecordInvalid(rule=refused.rule, reason=refused.message) from refused
    if record.conversation_id != conversation_id or record.author != author:
        raise errors.RecordInvalid(rule="D2", reason="another conversation's or author's record")
    return record


def check_record(
    record: ConversationKey, head: NamedHead | None, rekey_epoch: int, newest: int, now_ms: int
) -> None:
    """Raise StaleRecord unless the record was made just now under a head that still counts.

    ``head``: the kept head of the record's epoch.
    """
    fits = (
        head is not None
        and head.hash == record.head
        and (head.until_ms is None or head.until_ms > now_ms - HEAD_MS)
        and record.epoch >= rekey_epoch
        and record.created >= head.created_ms  # R6: a reader refuses an earlier one.
        and abs(record.created - now_ms) <= RECORD_MS
    )
    if not fits:
        raise errors.StaleRecord(epoch=newest)


def check_seals(sealed_to: Sequence[bytes], cell_keys: Mapping[bytes, CellId], own: CellId) -> None:
    """Raise SealsInvalid unless the record of a conversation of several cells is sealed to its
    author's own cell, at most once to each other cell, and to nobody else. Other members seal to
    the cells that are not among them (S9). ``cell_keys``: the usable ones by id."""
    if not cell_keys.keys() >= set(sealed_to):
        raise errors.SealsInvalid(reason="sealed to a key of no cell")
    cells = [cell_keys[one] for one in sealed_to]
    if len(set(cells)) != len(cells):
        raise errors.SealsInvalid(reason="two seals to one cell")
    if own not in cells:
        raise errors.SealsInvalid(reason="not sealed to the author's own cell")
