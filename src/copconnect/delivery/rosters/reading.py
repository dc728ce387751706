"""Heads, stamps and proofs for devices that ask. Stateless.

Only devices that the newest head lists are answered (NotMember): a roster names people.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters.change import RosterEdit, change_rosters
from copconnect.delivery.rosters.proofs import prove
from copconnect.delivery.rules.roster_plan import PlacedLeaf
from copconnect.delivery.store import conversations, leaves, rosters
from copconnect.delivery.store.rosters import KeptHead
from copconnect.ids import CellId, ConversationId
from copconnect.principals import Caller
from copconnect.records.primitives.fields import is_ahead


async def require_listed(
    connection: AsyncConnection, caller: Caller, conversation_id: ConversationId
) -> PlacedLeaf:
    """Return the calling device's current leaf. Raises NotMember."""
    found = await leaves.current_of_device(connection, conversation_id, caller.device)
    if found is None:
        raise errors.NotMember
    return found


class RosterReading:
    """Answers about rosters."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps

    async def state(self, caller: Caller, conversation_id: ConversationId) -> wire.RosterState:
        """Return the newest head with a stamp, and the calling device's proof (S1)."""
        head, proof = await self._own(caller, conversation_id)
        if is_ahead(head.created_ms, self._deps.clock.now_ms()):
            await self._date_again(conversation_id)
            head, proof = await self._own(caller, conversation_id)
        stamp = self._deps.stamps.of(conversation_id, head.hash)
        return wire.RosterState(head=head.head, stamp=stamp, proof=proof)

    async def head(self, caller: Caller, conversation_id: ConversationId, epoch: int) -> wire.Head:
        """Return one kept head. Raises NotMember, NotFound."""
        async with self._deps.database.reading() as connection:
            await require_listed(connection, caller, conversation_id)
            found = await rosters.heads_at(connection, [(conversation_id, epoch)])
        if not found:
            raise errors.NotFound
        return wire.Head(head=found[conversation_id, epoch].head)

    async def proofs(
        self, caller: Caller, conversation_id: ConversationId, body: wire.AskProofs
    ) -> wire.Proofs:
        """Return proofs of devices under one kept head. Raises NotMember, NotFound."""
        deps = self._deps
        devices = [bytes.fromhex(one) for one in body.devices]
        async with deps.database.reading() as connection:
            await require_listed(connection, caller, conversation_id)
            newest = await self._newest(connection, conversation_id)
            epoch = body.epoch or newest.epoch
            proven = await prove(
                connection,
                deps.trees,
                [(conversation_id, epoch, device) for device in devices],
                {(conversation_id, newest.epoch): newest},
                heads=[(conversation_id, epoch)],
            )
        head = proven.heads.get((conversation_id, epoch))
        if head is None:
            raise errors.NotFound
        current = epoch == newest.epoch
        return wire.Proofs(
            head=head.head,
            stamp=deps.stamps.of(conversation_id, head.hash) if current else None,
            proofs=[proven.proofs.get((conversation_id, epoch, one)) for one in devices],
        )

    async def cell(
        self, caller: Caller, conversation_id: ConversationId, cell_id: CellId | None
    ) -> wire.CellLeaves:
        """Return all leaves of a cell under the newest head, of the calling device's own for None.

        A sender needs those of another cell where it has no usable key (S4). Raises NotFound.
        """
        deps = self._deps
        async with deps.database.reading() as connection:
            own = await require_listed(connection, caller, conversation_id)
            wanted = cell_id or own.cell_id
            head = await self._newest(connection, conversation_id)
            found = await deps.trees.current_lines(connection, {conversation_id: head.head})
            lines = found[conversation_id]
            try:
                at = lines.index(bytes.fromhex(wanted))
            except KeyError:
                raise errors.NotFound from None
            line = lines.cells[at].line
            cells = await deps.trees.current_cells(connection, {conversation_id: [line]})
        return wire.CellLeaves(
            head=head.head,
            stamp=deps.stamps.of(conversation_id, head.hash),
            leaves=b"".join(cells[line.root].encoded),
            line=line.encode(),
            path=lines.tree.path(at),
        )

    async def _own(self, caller: Caller, conversation_id: ConversationId) -> tuple[KeptHead, bytes]:
        """Return the newest head and the calling device's proof. Raises NotMember."""
        async with self._deps.database.reading() as connection:
            head = await self._newest(connection, conversation_id)
            asked = conversation_id, head.epoch, caller.device
            proven = await prove(connection, self._deps.trees, [asked], {asked[:2]: head})
        proof = proven.proofs.get(asked)
        if proof is None:
            raise errors.NotMember
        return head, proof

    async def _date_again(self, conversation_id: ConversationId) -> None:
        """Sign a head of now: the newest is of a time when this server's clock ran ahead."""
        async with self._deps.database.transaction() as connection:
            held = await conversations.hold_one(connection, conversation_id)
            await change_rosters(connection, self._deps, [held], {conversation_id: RosterEdit()})

    async def _newest(
        self, connection: AsyncConnection, conversation_id: ConversationId
    ) -> KeptHead:
        found = await rosters.newest_heads(connection, [conversation_id])
        if not found:
            raise errors.NotMember
        return found[conversation_id]
