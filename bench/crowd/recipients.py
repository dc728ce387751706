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


def covered(
    lines: bytes, keys: Mapping[bytes, CellKey], kem: int
) -> tuple[list[Recipient], list[CellLine], int]:
    """Return the usable keys of cells, and the lines of cells to whose devices a key is sealed
    directly: none of them where that would be too many, so that they, who are counted, need
    shares."""
    recipients: list[Recipient] = []
    uncovered: list[CellLine] = []
    oldest = now_ms() - CELL_KEY_AGE_MS
    reader = Reader(lines, "S4")
    while reader.at < len(lines):
        line = CellLine.read(reader)
        key = keys.get(line.cell_id)
        usable = key is not None and key.epoch >= line.rekey_epoch and key.created > oldest
        if key is not None and usable and key.kem == kem:
            recipients.append(Recipient(key.key_id(), key.pk))
        else:
            uncovered.append(line)
    devices = sum(line.devices for line in uncovered)
    if devices > wire.DIRECT_SEALS:
        return recipients, [], devices
    return recipients, uncovered, 0


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
