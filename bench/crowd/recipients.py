"""Recipients of a conversation key's seals (S3, S4), as Python devices choose them. Pure.

Cell keys are taken as the server hands them out: the cost of judging them on a phone is measured in
Chromium, and a device that could not open its seal would be found by the crowd.
"""

import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from copconnect import wire
from copconnect.limits import CELL_KEY_AGE_MS
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.roster import CellLine, Leaf
from copconnect.records.conversation.seals import Seal, join_seals
from copconnect.records.primitives.fields import Reader
from copconnect.records.primitives.kem import XWING
from copconnect.records.trust.device_key import DeviceKey
from copconnect.sealing import hpke


class Recipient(NamedTuple):
    """A DeviceKey or cell key."""

    key_id: bytes
    pk: bytes


def now_ms() -> int:
    """Return the time."""
    return time.time_ns() // 1_000_000


def cells_of(data: bytes) -> list[CellLine]:
    """Return cell lines."""
    reader, found = Reader(data, "S4"), list[CellLine]()
    while reader.at < len(data):
        found.append(CellLine.read(reader))
    return found


def usable_keys(
    lines: Iterable[CellLine], keys: Mapping[bytes, CellKey], kem: int
) -> dict[bytes, Recipient]:
    """Return the usable keys of cells, by cell."""
    oldest = now_ms() - CELL_KEY_AGE_MS
    found: dict[bytes, Recipient] = {}
    for line in lines:
        key = keys.get(line.cell_id)
        usable = key is not None and key.epoch >= line.rekey_epoch and key.created > oldest
        if key is not None and usable and key.kem == kem:
            found[line.cell_id] = Recipient(key.key_id(), key.pk)
    return found


def usable_of(found: wire.CellKeys, kem: int) -> list[Recipient]:
    """Return the usable keys of cells, as the server hands them out."""
    by_cell = {one.cell_id: one for one in (CellKey.parse(i.record) for i in found.keys)}
    return list(usable_keys(cells_of(found.lines), by_cell, kem).values())


def leaves(data: bytes) -> list[Leaf]:
    """Return the leaves of a cell."""
    reader = Reader(data, "S3")
    found: list[Leaf] = []
    while reader.at < len(data):
        found.append(Leaf.read(reader))
    return found


def keys_of(people: Iterable[wire.PersonTrust], kem: int = XWING) -> dict[bytes, Recipient]:
    """Return the newest DeviceKey of each device."""
    found: dict[bytes, Recipient] = {}
    for person in people:
        for data in person.keys:
            key = DeviceKey.parse(data)
            if key.kem == kem:
                found[key.device] = Recipient(key.key_id(), key.pk)
    return found


def sealed(
    secret: bytes, record: CellKey | ConversationKey, recipients: Iterable[Recipient]
) -> bytes:
    """Return a record's secret sealed to all of them."""
    return join_seals(
        Seal(one.key_id, hpke.seal(XWING, one.pk, record.seal_info(one.key_id), secret, "S3"))
        for one in recipients
    )
