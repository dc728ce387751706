"""Head stamps: the roster authority's word that a head is the newest now (S1).

A stamp is signed on demand and reused for 5 minutes. Invariants: a stamp is made only for a head
that was read as the newest within the caller's transaction, and its time is that of the signing, so
one that is reused never says more than was true then. Used from one event loop; bounded in size.
"""

from collections import OrderedDict

from copconnect.clock import Clock
from copconnect.delivery.rules.limits import STAMP_REUSED_MS
from copconnect.records.conversation.roster import HeadStamp
from copconnect.records.primitives.signed import RosterSigner

_MOST = 20_000


class Stamps:
    """Signs and keeps stamps by the hash of their head."""

    def __init__(self, signer: RosterSigner, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock
        self._made: OrderedDict[bytes, tuple[int, bytes]] = OrderedDict()

    def of(self, conversation_id: str, head_hash: bytes) -> bytes:
        """Return a stamp of the newest head, at most 5 minutes old."""
        now_ms = self._clock.now_ms()
        known = self._made.get(head_hash)
        if known is not None and 0 <= now_ms - known[0] < STAMP_REUSED_MS:
            return known[1]
        draft = HeadStamp(
            conversation_id=bytes.fromhex(conversation_id), head=head_hash, time=now_ms
        )
        stamp = self._signer.signed(draft).encode()
        self._made[head_hash] = now_ms, stamp
        self._made.move_to_end(head_hash)
        while len(self._made) > _MOST:
            self._made.popitem(last=False)
        return stamp
