"""Signed rosters out to the clients that they name: whole, of one cell, which cells there are and
who signed their keys, and the chain of heads."""

from collections.abc import Mapping

from copconnect import errors, wire
from copconnect.delivery import key_store, leaf_store, store
from copconnect.delivery.parts import Parts
from copconnect.delivery.roster_tree import RosterTree, leaf
from copconnect.ids import CellId, ConversationId
from copconnect.principals import Caller

MOST_HEADS = 256


class Rosters:
    """Reads rosters. Holds no state of its own."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def whole(self, caller: Caller, conversation_id: ConversationId) -> wire.SignedRoster:
        """Return the newest signed head with all its leaves, of a conversation of one cell.

        Raises NotMember, WrongMode.
        """
        async with self._parts.database.reading() as connection:
            cells = await leaf_store.cells_of_client(connection, conversation_id, caller.client_id)
            found = await store.newest_roster(connection, conversation_id)
            if found is None or not cells:
                raise errors.NotMember
            head, count = found
            if count != 1:
                raise errors.WrongMode(cells=count)
            leaves = (await leaf_store.leaves_in(connection, [conversation_id]))[conversation_id]
            certificates = await leaf_store.certificates_of(connection, conversation_id)
        return wire.SignedRoster(
            head=head,
            leaves=leaves,
            certificates=[certificates[leaf.certificate_hash] for leaf in leaves],
        )

    async def of_cell(
        self, caller: Caller, conversation_id: ConversationId, cell_id: CellId
    ) -> wire.CellRoster:
        """Return a cell's leaves with their range proof, for its clients. Raises NotMember."""
        parts = self._parts
        async with parts.database.reading() as connection:
            found = await store.newest_roster(connection, conversation_id)
            leaves = (
                await leaf_store.leaves_of_cells(connection, [conversation_id], [cell_id])
            ).get(conversation_id, [])
            if found is None or all(leaf.client_id != caller.client_id for leaf in leaves):
                raise errors.NotMember
            tree = await parts.trees.tree(connection, conversation_id, found[0])
        first, count = tree.cell(cell_id)
        return wire.CellRoster(
            head=found[0],
            cell_id=cell_id,
            first=first,
            leaves=leaves,
            proof=tree.range_proof(first, count),
        )

    async def cells(self, caller: Caller, conversation_id: ConversationId) -> wire.RosterCells:
        """Return the newest head's cells, and who signed their keys. Raises NotMember."""
        parts = self._parts
        async with parts.database.reading() as connection:
            found = await store.newest_roster(connection, conversation_id)
            mine = await leaf_store.cells_of_client(connection, conversation_id, caller.client_id)
            if found is None or not mine:
                raise errors.NotMember
            signers = await key_store.signers(connection, conversation_id)
            tree = await parts.trees.tree(connection, conversation_id, found[0])
        cells, shown = _cells(tree, signers)
        return wire.RosterCells(head=found[0], cells=cells, proof=tree.leaves_proof(shown))

    async def heads(
        self, caller: Caller, conversation_id: ConversationId, first: int, last: int
    ) -> wire.RosterHeads:
        """Return the heads of roster epochs ``first`` to ``last``, as far as they are kept."""
        async with self._parts.database.reading() as connection:
            if not await leaf_store.cells_of_client(connection, conversation_id, caller.client_id):
                raise errors.NotMember
            heads = await store.roster_heads(
                connection, conversation_id, first, min(last, first + MOST_HEADS - 1)
            )
        return wire.RosterHeads(heads=heads)


def _cells(
    tree: RosterTree, signers: Mapping[CellId, str]
) -> tuple[list[wire.RosterCell], list[int]]:
    """Return the cells, and the indexes of the leaves that they name."""
    cells: list[wire.RosterCell] = []
    shown: list[int] = []
    for cell_id, first, count in tree.cells():
        last = first + count - 1
        hash_of = signers.get(CellId(cell_id))
        signer = None if hash_of is None else tree.find(leaf(cell_id, hash_of))
        shown += [first, last] if signer is None else [first, last, signer]
        cells.append(
            wire.RosterCell(
                cell_id=CellId(cell_id),
                count=count,
                first=_certificate_hash(tree, first),
                last=_certificate_hash(tree, last),
                signer_place=None if signer is None else signer - first,
                signer=None if signer is None else _certificate_hash(tree, signer),
            )
        )
    return cells, shown


def _certificate_hash(tree: RosterTree, index: int) -> bytes:
    return tree.leaves[index][16:]
