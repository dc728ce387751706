"""The signed public part of one conversation: roster heads, leaves under them, key records.

Invariants: only heads that the roster authority signed are held; one epoch has one head, and
another one is refused (R4); a leaf is proven before it is remembered. Runs inside the
conversation's lock, so that asking the server here delays this conversation alone.
"""

from collections.abc import Callable

from copconnect import wire
from copconnect.bot.context import Context
from copconnect.bot.failures import ServerRefused, has_code
from copconnect.bot.state.rows import HeadRow
from copconnect.ids import ConversationId
from copconnect.limits import CLOCK_LEEWAY_MS
from copconnect.records.conversation.roster import CellLine, Leaf, RosterHead, check_proof
from copconnect.records.primitives.fields import Reader, Refused, require
from copconnect.sealing.view import ConversationView

_MOST_PROVEN = 4_000  # Leaves in memory; then they are asked for again.


class Knowledge:
    """``people``: the two of a direct conversation (R10). ``newest_epoch``: of the heads held."""

    def __init__(
        self,
        context: Context,
        conversation_id: ConversationId,
        people: tuple[bytes, bytes] | None,
        newest_epoch: Callable[[], int],
    ) -> None:
        self._context = context
        self._id = conversation_id
        self._people = people
        self._newest_epoch = newest_epoch
        self._view = self._new_view()
        self._proven = 0
        self._known_since: dict[int, int] = {}  # Epoch, and when this connection knew of it.
        self._settled = 0

    @property
    def people(self) -> tuple[bytes, bytes] | None:
        """The two people of a direct conversation (R10)."""
        return self._people

    @people.setter
    def people(self, people: tuple[bytes, bytes]) -> None:
        self._people = self._view.people = people

    def _new_view(self) -> ConversationView:
        return ConversationView(self._context.people.trust, bytes.fromhex(self._id), self._people)

    @property
    def view(self) -> ConversationView:
        """The view that the rules of ``copconnect.sealing`` look at."""
        return self._view

    # --- Heads ----------------------------------------------------------------------------------

    def held_head(self, epoch: int) -> RosterHead | None:
        """Return a head that was checked before, or None."""
        if epoch in self._view.heads:
            return self._view.heads[epoch]
        row = self._context.stores.heads.get(str(epoch), self._id)
        return None if row is None else self._view.add_head(row.head)

    def take_head(self, data: bytes) -> RosterHead:
        """Check a head and keep it. Raises Refused (R4), for another head of its epoch too."""
        head = RosterHead.parse(data)
        held = self.held_head(head.epoch)
        if held is not None:
            if held != head:
                self._context.alarm(f"two roster heads of one epoch in conversation {self._id}")
            require(held == head, "R4", "two heads of one epoch: alarm")
            return held
        newest = self.held_head(self._newest_epoch()) if self._newest_epoch() else None
        if newest is not None:
            later, earlier = (head, newest) if newest.epoch < head.epoch else (newest, head)
            later.check_follows(earlier)
        self._view.add_head(data)
        row = HeadRow(head=data)
        self._context.stores.heads.put(str(head.epoch), row, self._id, place=head.epoch)
        self._known_since[head.epoch] = self._context.time.best_now()
        return head

    async def head(self, epoch: int) -> RosterHead:
        """Return the head of an epoch, fetched if it is not held. Raises Refused (R4)."""
        held = self.held_head(epoch)
        if held is not None:
            return held
        try:
            data = await self._context.api.head(self._id, epoch)
        except ServerRefused as error:
            if not has_code(error, "not_found", "not_member", "bad_request"):
                raise
            raise Refused("R4", "roster head is unknown") from error
        head = self.take_head(data)
        require(head.epoch == epoch, "R4", "another epoch's head")
        return head

    def settled_epoch(self) -> int:
        """Return the highest epoch that R2 counts for a pushed entry: the server takes no message
        under an older head once a newer one is 10 min old (D1)."""
        before = self._context.time.best_now() - CLOCK_LEEWAY_MS
        for epoch, since in list(self._known_since.items()):
            if since < before:
                self._settled = max(self._settled, epoch)
                del self._known_since[epoch]
        return self._settled

    def reconnected(self) -> None:
        """A new connection: heads of before may lie behind entries that were not pushed."""
        self._known_since.clear()
        self._settled = 0

    # --- Leaves ---------------------------------------------------------------------------------

    async def leaf(self, epoch: int, device: bytes, rule: str) -> tuple[Leaf, CellLine]:
        """Return leaf and cell line of a device under a held head; the proof is fetched, and the
        person's records, if they are not known. Raises Refused by ``rule``."""
        try:
            return self._view.leaf(device, epoch, rule)
        except Refused:
            pass
        proof: bytes | None = None
        try:
            proof = await self._context.api.proof(self._id, epoch, device)
        except ServerRefused as error:
            if not has_code(error, "not_found", "not_member"):
                raise
        if proof is None:
            raise Refused(rule, "the device is not listed")
        return await self.prove(epoch, device, proof, rule)

    async def prove(
        self, epoch: int, device: bytes, proof: bytes, rule: str
    ) -> tuple[Leaf, CellLine]:
        """Check leaf ‖ proof of a device under a held head. Raises Refused by ``rule``."""
        head = self.held_head(epoch)
        if head is None:
            raise Refused(rule, "roster head is unknown")
        leaf, _ = check_proof(head, device, proof, rule)
        await self._context.people.ensure([leaf.person_id])
        self._remember(epoch, device, proof)
        return self._view.leaf(device, epoch, rule)

    async def learn_proofs(self, proofs: list[wire.EpochProof]) -> None:
        """Remember proofs that came beside entries; one that does not hold is left out."""
        found: list[tuple[int, Leaf, bytes]] = []
        for one in proofs:
            try:
                leaf = Leaf.read(Reader(one.proof, "R2"))
                head = self.held_head(one.epoch)
                if head is not None:
                    check_proof(head, leaf.device, one.proof, "R2")
                    found.append((one.epoch, leaf, one.proof))
            except Refused:
                continue
        if found:
            await self._context.people.ensure([leaf.person_id for _, leaf, _ in found])
        for epoch, leaf, proof in found:
            self._remember(epoch, leaf.device, proof)

    def _remember(self, epoch: int, device: bytes, proof: bytes) -> None:
        if self._proven >= _MOST_PROVEN:
            heads = list(self._view.heads.values())
            self._view, self._proven = self._new_view(), 0
            for head in heads[-100:]:
                self._view.add_head(head.encode())
        self._view.add_proof(epoch, device, proof)
        self._proven += 1
