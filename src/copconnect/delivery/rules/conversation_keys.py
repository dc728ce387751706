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
from copconnect.delivery.rules.posting import NamedHead
from copconnect.ids import CellId
from copconnect.limits import DIRECT_SEALS, KEY_AGE_MS, KEY_MESSAGES
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
    """Return a posted record, its signature checked. Raises RecordInvalid."""
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


@dataclass(frozen=True, slots=True)
class SealAudience:
    """Recipients to which a record may and must be sealed.

    ``cell_keys``: the cells' usable keys by id; ``owners``: the devices behind the other key ids
    that the record is sealed to; ``listed``: which of these devices and of those left out the
    record's head lists; ``uncovered``: the devices of all cells without a usable key, None
    where they are more than one record may seal to directly (1,024), so that they are left to
    shares without being named (S4).
    """

    cell_keys: Mapping[bytes, CellId]
    owners: Mapping[bytes, bytes]
    listed: Collection[bytes]
    uncovered: Collection[bytes] | None


def sealed_cells(sealed_to: Sequence[bytes], cell_keys: Mapping[bytes, CellId]) -> list[CellId]:
    """Return the cells to whose keys a record is sealed, once for each seal."""
    return [cell_keys[one] for one in sealed_to if one in cell_keys]


def check_seals(
    sealed_to: Sequence[bytes], left_out: Collection[bytes], audience: SealAudience
) -> None:
    """Raise SealsInvalid unless the record is sealed once to every device that is to have it,
    directly or by its cell's key, except those left out by name, and to nobody else."""
    cells = sealed_cells(sealed_to, audience.cell_keys)
    direct = [audience.owners[one] for one in sealed_to if one in audience.owners]
    listed = set(audience.listed)
    if len(direct) + len(cells) != len(sealed_to) or not listed.issuperset(direct):
        raise errors.SealsInvalid(reason="sealed to a key of nobody who is listed")
    if len(set(direct)) != len(direct) or len(set(cells)) != len(cells):
        raise errors.SealsInvalid(reason="two seals to one device or cell")
    if len(direct) > DIRECT_SEALS:
        raise errors.SealsInvalid(reason="too many direct seals")
    if not listed.issuperset(left_out):
        raise errors.SealsInvalid(reason="a device is left out that is not listed")
    if audience.uncovered is not None and set(audience.uncovered).difference(direct, left_out):
        raise errors.SealsInvalid(reason="a listed device is neither sealed to nor left out")
