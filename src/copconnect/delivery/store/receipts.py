"""How far people have come in conversations, over all their devices, and telling the members.

A person has a message once one of their devices has passed it and does not ask for its key (R9). A
device whose key is missing passes its messages all the same, so they hold back nothing but
themselves: for messages under that key the person has come only as far as the other devices.
"""

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.bus import CursorsMovedWakeup, ReceiptsWakeup
from copconnect.database.engine import Transaction, upsert_for
from copconnect.delivery.store.tables import (
    CONVERSATIONS,
    CURSORS,
    LOG,
    RECEIPT_VERSIONS,
    SHARE_REQUESTS,
)
from copconnect.ids import ClientId, ConversationId, PersonId, Seq
from copconnect.records.conversation.key_share import SecretKind
from copconnect.records.primitives.fields import KEY_ID_BYTES

_U, _R, _E = CURSORS.c, SHARE_REQUESTS.c, LOG.c
_ENCODER = msgspec.msgpack.Encoder()
_MemberRef = tuple[ConversationId, PersonId]


async def tell(connection: Transaction, places: Collection[_MemberRef]) -> None:
    """Tell the members of small conversations how far these people have come, and the counting
    node in which large ones somebody has. Two statements.

    Large conversations get no receipts: 63,000 acknowledgements told to 63,000 people would be four
    thousand million. Theirs are counted (live/receipt_counts.py).
    """
    concerned = {conversation_id for conversation_id, _ in places}
    versions = await _next_versions(connection, concerned)
    moved = [one for one in places if one[0] in versions]
    if large := sorted(concerned - versions.keys()):
        connection.after_commit(CursorsMovedWakeup(conversation_ids=large))
    if not moved:
        return
    found = await reached(connection, tuple_(_U.conversation_id, _U.person_id).in_(moved))
    by_conversation: dict[ConversationId, list[wire.Receipt]] = {}
    for (conversation_id, _), receipt in found.items():
        by_conversation.setdefault(conversation_id, []).append(receipt)
    for conversation_id, receipts in by_conversation.items():
        frame = wire.Receipts(
            conversation_id=conversation_id,
            receipts=receipts,
            receipts_version=versions[conversation_id],
        )
        connection.after_commit(
            ReceiptsWakeup(conversation_id=conversation_id, frame=_ENCODER.encode(frame))
        )


async def _next_versions(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> dict[ConversationId, int]:
    """Raise the version of receipts by one in those of these conversations that are small enough
    to have receipts; return the versions by conversation."""
    c, known = CONVERSATIONS.c, RECEIPT_VERSIONS.c
    # In key order, so that two nodes never wait for each other's rows.
    few = (
        select(c.conversation_id, literal(1))
        .where(c.conversation_id.in_(conversation_ids), c.members <= wire.RECEIPT_PEOPLE)
        .order_by(c.conversation_id)
    )
    inserted = upsert_for(connection.dialect.name, RECEIPT_VERSIONS).from_select(
        ["conversation_id", "version"], few
    )
    rows = await connection.execute(
        inserted.on_conflict_do_update(
            index_elements=[known.conversation_id], set_={"version": known.version + 1}
        ).returning(known.conversation_id, known.version)
    )
    return {row.conversation_id: row.version for row in rows}


class _Come:
    """How far the devices of one person have come, and which of them ask for which key."""

    def __init__(self) -> None:
        self.devices: dict[ClientId, tuple[Seq, Seq]] = {}
        self.asking: dict[bytes, set[ClientId]] = {}

    def receipt(self, person_id: PersonId) -> wire.Receipt:
        delivered = max(one for one, _ in self.devices.values())
        lacks = [
            wire.LackedKey(key=reference.hex(), delivered_seq=without)
            for reference, asking in self.asking.items()
            if (without := self._without(asking)) < delivered
        ]
        return wire.Receipt(
            person_id=person_id,
            delivered_seq=delivered,
            read_seq=max(one for _, one in self.devices.values()),
            lacks=lacks[: wire.LACKED_KEYS],
        )

    def _without(self, asking: Collection[ClientId]) -> Seq:
        come = [seq for client_id, (seq, _) in self.devices.items() if client_id not in asking]
        return max(come, default=Seq(0))


async def reached(
    connection: AsyncConnection, condition: ColumnElement[bool]
) -> dict[_MemberRef, wire.Receipt]:
    """Return how far each person has come whose cursors meet a condition. One statement."""
    rows = await connection.execute(
        select(CURSORS, _R.reference)
        .outerjoin(
            SHARE_REQUESTS,
            and_(
                _R.conversation_id == _U.conversation_id,
                _R.client_id == _U.client_id,
                _R.kind == int(SecretKind.CONVERSATION_KEY),
            ),
        )
        .where(condition)
        .order_by(_R.asked_ms.desc())  # A receipt names the newest of many keys.
    )
    come: dict[_MemberRef, _Come] = {}
    for row in rows:
        one = come.setdefault((row.conversation_id, row.person_id), _Come())
        one.devices[row.client_id] = row.delivered_seq, row.read_seq
        if row.reference is not None:
            one.asking.setdefault(row.reference, set()).add(row.client_id)
    return {place: one.receipt(place[1]) for place, one in come.items()}


def askers(conversation_id: ConversationId, seq: int) -> Select[Any]:
    """Return a statement of the ``client_id`` of the devices that ask for a message's key."""
    key_id = (
        select(func.substr(_E.key_id, 1, KEY_ID_BYTES))
        .where(_E.conversation_id == conversation_id, _E.seq == seq)
        .scalar_subquery()
    )
    return select(_R.client_id).where(
        _R.conversation_id == conversation_id,
        _R.kind == int(SecretKind.CONVERSATION_KEY),
        _R.reference == key_id,
    )
