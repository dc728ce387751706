"""Late seals (S9): seals of a conversation key to cell keys that its author did not seal to.

The sockets ask a device that holds the key (delivery/live). Seals by another device, to other cell
keys, or of a key that S2 does not allow are refused. A cell key that the device refuses by S4
counts as flagged by the device's person (C2). Repeating a request stores the same again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.bus import CellKeyFlaggedWakeup, LateSealsWakeup
from copconnect.database.engine import Transaction
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters.reading import require_listed
from copconnect.delivery.rules.cell_keys import KnownCellKey
from copconnect.delivery.rules.conversation_keys import KnownKey, newest_first
from copconnect.delivery.rules.limits import FLAGS, HEAD_MS
from copconnect.delivery.rules.seals import recipients
from copconnect.delivery.store import cell_keys, conversations, keys, late_seals, rosters
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.ids import CellId, ConversationId, KeyId
from copconnect.principals import Caller
from copconnect.records.conversation.roster import CellLine, RosterHead
from copconnect.records.conversation.seals import parse_seals
from copconnect.records.primitives.kem import seal_bytes

KEYS = 2  # Usable keys of a conversation that get late seals, the newest ones.


class LateSeals:
    """Takes late seals. Stateless."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps

    async def submit(
        self, caller: Caller, conversation_id: ConversationId, body: wire.SubmitLateSeals
    ) -> None:
        """Store the seals that the calling device was asked for, and wake the devices of the cells.

        Raises NotMember, NotAsked, StaleRecord, SealsInvalid.
        """
        deps, now_ms = self._deps, self._deps.clock.now_ms()
        key_id = bytes.fromhex(body.key_id)
        async with deps.database.transaction() as connection:
            await require_listed(connection, caller, conversation_id)
            (held,) = await conversations.read(connection, [conversation_id])
            asked = await late_seals.asked_for(
                connection, conversation_id, key_id, caller.device, now_ms - HEAD_MS
            )
            sealed_to = recipients(body.seals, held.kem, wire.SEALS_ASKED)
            refused = {bytes.fromhex(one) for one in body.refused}
            if not asked or not asked.issuperset([*sealed_to, *refused]):
                raise errors.NotAsked
            usable = await usable_keys(connection, held, now_ms)
            lines = await rosters.current_lines(connection, conversation_id)
            cells = await usable_cell_keys(connection, conversation_id, lines, held.kem, now_ms)
            is_usable = any(one.key_id == key_id for one in usable)
            if not is_usable or not cells.keys() >= set(sealed_to):
                raise errors.StaleRecord(epoch=held.epoch)
            await self._mark(connection, caller, conversation_id, cells, refused)
            if not sealed_to:
                return
            parts = parse_seals(held.kem, body.seals, "S9", wire.SEALS_ASKED)
            size = seal_bytes(held.kem)
            seals = {
                one.key_id: body.seals[at * size : (at + 1) * size] for at, one in enumerate(parts)
            }
            await late_seals.put(connection, conversation_id, key_id, seals, now_ms)
            stored = await deps.keys.records(connection, conversation_id, [key_id])
            connection.after_commit(
                LateSealsWakeup(
                    conversation_id=conversation_id,
                    key_id=KeyId(body.key_id),
                    record=stored[key_id].record,
                    seals={cells[one]: seal for one, seal in seals.items()},
                    helper=caller.device.hex(),
                )
            )

    async def _mark(
        self,
        connection: Transaction,
        caller: Caller,
        conversation_id: ConversationId,
        cells: Mapping[bytes, CellId],
        refused: set[bytes],
    ) -> None:
        for cell_key_id in sorted(refused & cells.keys()):
            count = await cell_keys.flag(
                connection,
                conversation_id,
                cell_key_id,
                caller.person_id,
                self._deps.clock.now_ms(),
            )
            if count is not None and count >= FLAGS:
                connection.after_commit(
                    CellKeyFlaggedWakeup(
                        conversation_id=conversation_id, cell_id=cells[cell_key_id]
                    )
                )


@dataclass(frozen=True, slots=True)
class LateSealed:
    """A conversation of several cells, its newest keys, which holders seal to cell keys that are
    made later, and its current cell lines."""

    held: ConversationRow
    keys: Sequence[KnownKey]
    lines: Sequence[CellLine]


async def late_sealed(
    connection: AsyncConnection, conversation_id: ConversationId, now_ms: int
) -> LateSealed | None:
    """Return which keys get late seals; None: none does. Three statements."""
    rows = await conversations.read(connection, [conversation_id])
    if not rows:
        return None
    (held,) = rows
    newest = newest_first(await usable_keys(connection, held, now_ms))[:KEYS]
    if not newest:
        return None
    lines = await rosters.current_lines(connection, conversation_id)
    return LateSealed(held, newest, lines) if len(lines) > 1 else None


async def usable_keys(
    connection: AsyncConnection, held: ConversationRow, now_ms: int
) -> list[KnownKey]:
    """Return the keys of a conversation to which seals may be added. One statement."""
    known = await keys.since_rekey(connection, held.conversation_id, held.rekey_epoch)
    latest = RosterHead.parse(held.head).latest_history_from if held.head else 0
    return [
        one for one in known if one.usable(held.rekey_epoch, now_ms) and one.created_ms >= latest
    ]


async def usable_cell_keys(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    lines: Iterable[CellLine],
    kem: int,
    now_ms: int,
) -> dict[bytes, CellId]:
    """Return the newest keys of these cells that are usable, by id. One statement."""
    known = await cell_keys.known(connection, [conversation_id])
    found: dict[bytes, CellId] = {}
    for line in lines:
        cell_id = CellId(line.cell_id.hex())
        key = max(known.get((conversation_id, cell_id), ()), key=KnownCellKey.order, default=None)
        if key is not None and key.usable(line.rekey_epoch, kem, now_ms):
            found[key.key_id] = cell_id
    return found
