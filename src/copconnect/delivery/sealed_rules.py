"""The Delivery Service's rules for cell key records and sealed messages. Pure.

What bytes say about themselves (form, digests, signatures) is ``sealed/``'s; here they are held
against the conversation: its roster heads, its cells and their keys, the sender's chain.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from copconnect import errors
from copconnect.delivery import roster_head
from copconnect.delivery.roster_tree import MalformedProof, proven_cell
from copconnect.delivery.sealed.format import SealedRefused
from copconnect.delivery.sealed.message import Seal, SignedHeader
from copconnect.delivery.sealed.record import CellKeyRecord, verify_record
from copconnect.delivery.standing import CellKeyState, KnownHead
from copconnect.delivery.suites import SUITES
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, Seq

RECORD_ROSTER_MS = 3_600_000  # A record's roster head was replaced at most this long ago.
RECORD_CLOCK_MS = 3_600_000
MESSAGE_ROSTER_MS = 600_000
GRACE_MS = 30_000  # How long the key of the epoch before is still good.


# --- Key records ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """Which record is due: of which cell and epoch, by a signer whom the roster names for it."""

    conversation_id: ConversationId
    cell_id: CellId
    suite: int
    epoch: Epoch
    tree_hash: bytes  # SHA-256 of the tree hash in the epoch's group info.
    signer: ClientId
    roster: Mapping[str, ClientId]  # Certificate hash → client, of the cell.


def check_record_place(record: CellKeyRecord, place: RecordPlace) -> None:
    """Raise KeyRecordInvalid unless the record is for this place and by one of its own."""
    if (record.conversation_id, record.cell_id) != (place.conversation_id, place.cell_id):
        raise errors.KeyRecordInvalid(reason="another conversation or cell")
    if record.kem != SUITES[place.suite].kem:
        raise errors.KeyRecordInvalid(reason="another KEM than the conversation's")
    if record.epoch != place.epoch:
        raise errors.KeyRecordInvalid(reason="another epoch")
    if record.tree_hash != place.tree_hash:
        raise errors.KeyRecordInvalid(reason="another tree")
    if place.roster.get(record.signer) != place.signer:
        raise errors.KeyRecordInvalid(reason="the signer is not the caller")


def check_record(
    record: CellKeyRecord, certificate: bytes, proof: bytes, head: KnownHead, now_ms: int
) -> None:
    """Raise StaleRoster or KeyRecordInvalid unless signature, times and proof hold. ``head``: of
    the record's roster epoch."""
    _check_age(head, RECORD_ROSTER_MS, now_ms)
    if abs(record.created_ms - now_ms) > RECORD_CLOCK_MS:
        raise errors.KeyRecordInvalid(reason="made at another time")
    try:
        verify_record(record, certificate)
        if proven_cell(proof, record.signer, *_count_and_root(head)) != record.cell_id:
            raise errors.KeyRecordInvalid(reason="the proof is for another cell")
    except (SealedRefused, MalformedProof) as refused:
        raise errors.KeyRecordInvalid(reason=str(refused)) from refused


def _check_age(head: KnownHead, most_ms: int, now_ms: int) -> None:
    """The head is the newest, or was replaced by the next a short while ago."""
    if head.head is None or now_ms - (head.replaced_ms or now_ms) > most_ms:
        raise errors.StaleRoster(epoch=head.newest)


def _count_and_root(head: KnownHead) -> tuple[int, bytes]:
    return roster_head.count_and_root(head.head or b"")


# --- Messages ---------------------------------------------------------------------------------


def check_roster(header: SignedHeader, proof: bytes, head: KnownHead, now_ms: int) -> None:
    """Raise StaleRoster or SealedInvalid unless the sender stands under a head that is new enough.

    ``head``: of the header's roster epoch.
    """
    if head.head is None or roster_head.roster_hash(head.head) != header.roster_hash:
        raise errors.StaleRoster(epoch=head.newest)
    _check_age(head, MESSAGE_ROSTER_MS, now_ms)
    try:
        proven_cell(proof, header.sender, *_count_and_root(head))
    except MalformedProof as refused:
        raise errors.SealedInvalid(reason=f"sender_proof: {refused}") from refused


def check_chain(header: SignedHeader, seq: int, prev: bytes) -> None:
    """Raise ChainBroken unless the header follows the sender's last one."""
    if header.seq != seq + 1 or header.prev != prev:
        raise errors.ChainBroken(seq=seq)


def needed(cells: Iterable[CellKeyState]) -> dict[CellId, CellKeyState]:
    """Return the cells that a message needs a seal for now."""
    return {cell.cell_id: cell for cell in cells if cell.ready}


def check_seals(
    seals: Sequence[Seal],
    cells: Mapping[CellId, CellKeyState],
    now_ms: int,
    last_seq: Seq,
) -> list[CellId]:
    """Return the cells whose seal is under the key of the epoch before: who came in since cannot
    open it, so they get another one late.

    Raises StaleEpoch unless there is a seal under a good key for exactly these cells.
    """
    sealed = {seal.cell_id: seal.key_id for seal in seals}
    good = sealed.keys() == cells.keys() and all(
        cells[cell_id].takes(key_id, now_ms) for cell_id, key_id in sealed.items()
    )
    if not good:
        raise errors.StaleEpoch(cells=len(cells), last_seq=last_seq)
    return [cell_id for cell_id, key_id in sealed.items() if key_id != cells[cell_id].key_id]


def check_late_seals(
    seals: Sequence[Seal],
    missing: Collection[CellId],
    cells: Mapping[CellId, CellKeyState],
    last_seq: Seq,
) -> list[Seal]:
    """Return the seals that are still missing; those that came before are left out.

    Raises StaleEpoch for one under another key than the newest: no grace, they are for whoever is
    in by now.
    """
    wanted = [seal for seal in seals if seal.cell_id in missing]
    for seal in wanted:
        cell = cells.get(seal.cell_id)
        if cell is None or cell.key_id != seal.key_id:
            raise errors.StaleEpoch(cells=len(cells), last_seq=last_seq)
    return wanted
