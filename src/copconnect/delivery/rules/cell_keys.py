"""C1: which CellKey records the server accepts, and which are usable (S4). Pure."""

from dataclasses import dataclass

from copconnect import errors
from copconnect.delivery.rules.limits import (
    HEAD_MS,
    RECORD_MS,
)
from copconnect.delivery.rules.messages import NamedHead
from copconnect.limits import CELL_KEY_AGE_MS
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.primitives.fields import Refused, is_recent
from copconnect.records.primitives.kem import check_public_key


@dataclass(frozen=True, slots=True)
class KnownCellKey:
    """A stored cell key, without its bytes."""

    key_id: bytes
    epoch: int
    generation: int
    created_ms: int
    author: bytes
    kem: int

    def usable(self, cell_rekey_epoch: int, kem: int, now_ms: int) -> bool:
        """Return whether a sender may seal to the key, as far as the server judges it (S4)."""
        young = is_recent(self.created_ms, now_ms, CELL_KEY_AGE_MS)
        return self.kem == kem and self.epoch >= cell_rekey_epoch and young

    def order(self) -> tuple[int, int]:
        """Return what the newest of a cell's keys is found by."""
        return self.epoch, self.generation


def read_record(data: bytes, conversation_id: bytes, author: bytes, key: bytes) -> CellKey:
    """Return a record; signature and public key are checked (D3). Raises RecordInvalid."""
    try:
        record = CellKey.parse(data)
        record.verify(key)
        check_public_key(record.kem, record.pk, "D3")
    except Refused as refused:
        raise errors.RecordInvalid(rule=refused.rule, reason=refused.message) from refused
    if record.conversation_id != conversation_id or record.author != author:
        raise errors.RecordInvalid(rule="C1", reason="another conversation's or author's record")
    return record


def check_record(
    record: CellKey,
    head: NamedHead | None,
    *,
    cell_rekey_epoch: int,
    kem: int,
    newest: int,
    now_ms: int,
) -> None:
    """Raise unless the record was made just now under a head that still counts.

    ``head``: the kept head of the record's epoch.
    """
    if record.kem != kem:
        raise errors.RecordInvalid(rule="S4", reason="another KEM than the head's")
    fits = (
        head is not None
        and head.hash == record.head
        and (head.until_ms is None or head.until_ms > now_ms - HEAD_MS)
        and record.epoch >= cell_rekey_epoch
        and abs(record.created - now_ms) <= RECORD_MS
    )
    if not fits:
        raise errors.StaleRecord(epoch=newest)
