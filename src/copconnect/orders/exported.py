"""Verifies what a device exported of an order, without server or database. Pure.

A row names a person and holds the record that counts for them and the certificate of the device
that signed it. Anybody can check with the department's certificates that each record is genuine and
of one order, which is done here. Whether the device was confirmed (E0) was checked by the device
that made the file.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from copconnect.limits import ORDER_ITEMS
from copconnect.records.conversation.acknowledgement import NOTHING, Acknowledgement, Told
from copconnect.records.primitives.fields import Refused, require
from copconnect.records.trust.device import Certificate

PERSON, RECORD, CERTIFICATE = "person_id", "record", "certificate"


@dataclass(slots=True)
class Verified:
    """The outcome. ``refused``: line and reason, of rows whose record is not genuine.
    ``unreadable``: those of the signatures that say: I cannot read it. ``without_record``: people
    who have not acknowledged."""

    signatures_verified: int = 0
    told_in_person: int = 0
    unreadable: int = 0
    without_record: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    conversation_id: str = ""
    order_id: str = ""
    header_hash: str = ""
    texts: dict[str, int] = field(default_factory=dict)  # Records, by the text that they answer.
    photos: dict[str, int] = field(default_factory=dict)  # The same, of records that name one.
    # Records by the items that they say, for each text that they answer: only the newest text that
    # asked everybody counts in the department.
    done: dict[str, dict[int, int]] = field(default_factory=dict)


def verify(rows: Iterable[Mapping[str, str]], issuing_keys: Sequence[bytes]) -> Verified:
    """Judge rows, the first being line 2 of the file. ``issuing_keys``: raw public keys of the
    department's issuing CAs."""
    found = Verified()
    keys = tuple(issuing_keys)
    named: bytes | None = None
    people: set[bytes] = set()
    for line, row in enumerate(rows, start=2):
        if not row.get(RECORD):
            found.without_record += 1
            continue
        try:
            record = _genuine(row, keys)
            order = record.conversation_id + record.message_id + record.header_hash
            require(named in (None, order), "O1", "another order's acknowledgement")
            require(record.person_id not in people, "O1", "a second record of the person")
        except Refused as error:
            found.refused.append((line, str(error)))
            continue
        people.add(record.person_id)
        found.signatures_verified += 1
        found.told_in_person += record.told == Told.IN_PERSON
        found.unreadable += record.unreadable
        text = record.text_hash.hex()
        for item in range(1, ORDER_ITEMS + 1):
            if record.done >> (item - 1) & 1:
                done = found.done.setdefault(text, {})
                done[item] = done.get(item, 0) + 1
        if record.photo_hash != NOTHING:
            found.photos[text] = found.photos.get(text, 0) + 1
        found.texts[text] = found.texts.get(text, 0) + 1
        if named is None:
            named = order
            found.conversation_id = record.conversation_id.hex()
            found.order_id = record.message_id.hex()
            found.header_hash = record.header_hash.hex()
    return found


def _genuine(row: Mapping[str, str], keys: tuple[bytes, ...]) -> Acknowledgement:
    """Return a row's record. Raises Refused."""
    record = Acknowledgement.parse(_bytes(row, RECORD))
    certificate = Certificate.parse(_bytes(row, CERTIFICATE), keys)
    require(certificate.device == record.device, "O1", "the certificate is another device's")
    require(certificate.covers(record.created), "O1", "the certificate was not valid then")
    record.verify(certificate.public_key)
    require(row.get(PERSON, "") == record.person_id.hex(), "O1", "about another person")
    own = certificate.person_id == record.person_id
    require(own == (record.told == Told.OWN), "O1", "signed by another person")
    return record


def _bytes(row: Mapping[str, str], column: str) -> bytes:
    try:
        return base64.b64decode(row.get(column, ""), validate=True)
    except (ValueError, binascii.Error) as error:
        raise Refused("O1", f"{column} is not base64") from error
