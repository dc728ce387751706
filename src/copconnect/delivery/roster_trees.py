"""The Merkle trees of rosters in this process's memory, least recently used first out.

A tree is kept by its root, which the signed head contains: it is never stale, and a tree of a
transaction that was rolled back harms nobody. Reading 63,000 leaves and hashing them takes a good
part of a second; so an edit starts from the tree before it, and who asks while another is reading
waits for that one.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery import leaf_store, roster_head
from copconnect.delivery.roster_tree import RosterTree
from copconnect.ids import ConversationId

MOST_LEAVES = 600_000  # About 100 MB.


class RosterTrees:
    """A bounded store of trees. One event loop."""

    def __init__(self, most_leaves: int = MOST_LEAVES) -> None:
        self._most_leaves = most_leaves
        self._leaves = 0
        self._trees: OrderedDict[bytes, RosterTree] = OrderedDict()
        self._reading = asyncio.Lock()

    def find(self, root: bytes) -> RosterTree | None:
        """Return the tree with this root, if it is here."""
        tree = self._trees.get(root)
        if tree is not None:
            self._trees.move_to_end(root)
        return tree

    def keep(self, tree: RosterTree) -> None:
        """Keep a tree; the longest unused ones go when there are too many leaves."""
        if self.find(tree.root) is None:
            self._trees[tree.root] = tree
            self._leaves += tree.count
        while self._leaves > self._most_leaves and len(self._trees) > 1:
            _, gone = self._trees.popitem(last=False)
            self._leaves -= gone.count

    async def trees(
        self, connection: AsyncConnection, heads: Mapping[ConversationId, bytes]
    ) -> dict[ConversationId, RosterTree]:
        """Return the trees under heads that are the conversations' newest in this transaction.

        At most one statement.
        """
        found = self._found(heads)
        if len(found) < len(heads):
            found |= await self._read(connection, heads.keys() - found.keys())
        return found

    async def tree(
        self, connection: AsyncConnection, conversation_id: ConversationId, head: bytes
    ) -> RosterTree:
        """Return one such tree; of many who ask at once one reads it."""
        root = roster_head.root_of(head)
        if (tree := self.find(root)) is not None:
            return tree
        async with self._reading:
            if (tree := self.find(root)) is not None:
                return tree
            return (await self._read(connection, [conversation_id]))[conversation_id]

    def _found(self, heads: Mapping[ConversationId, bytes]) -> dict[ConversationId, RosterTree]:
        found = {one: self.find(roster_head.root_of(head)) for one, head in heads.items()}
        return {one: tree for one, tree in found.items() if tree is not None}

    async def _read(
        self, connection: AsyncConnection, conversation_ids: Collection[ConversationId]
    ) -> dict[ConversationId, RosterTree]:
        leaves = await leaf_store.tree_leaves_in(connection, conversation_ids)
        trees = {one: RosterTree(found) for one, found in leaves.items()}
        for tree in trees.values():
            self.keep(tree)
        return trees
