"""Deletions (docs/protocol.md, M3): which of them count."""

from dataclasses import dataclass, replace

DELETABLE_MS = 2 * 24 * 3_600_000


@dataclass(frozen=True)
class Deletion:
    """A mark beside its message. Times are from the message's acceptance on."""

    by_author: bool
    admin: bool  # The signer's leaf has the right (R2).
    places_after: int  # In the log; 0 or less: not after the message.
    signed_after: int
    accepted_after: int
    kept: bool = False  # The message is an order, a change of one, a state or a mark.

    def counts(self) -> bool:
        """Return whether devices take the message away."""
        in_time = max(self.signed_after, self.accepted_after) <= DELETABLE_MS
        own = self.by_author and in_time
        return not self.kept and self.places_after > 0 and (own or self.admin)


def cases() -> dict[str, Deletion]:
    """Return a case for each part of the rule, by its name."""
    end = DELETABLE_MS
    own = Deletion(by_author=True, admin=False, places_after=1, signed_after=1, accepted_after=1)
    foreign = replace(own, by_author=False)
    last = replace(own, signed_after=end, accepted_after=end)
    return {
        "the author's, at once": own,
        "the author's, in the last moment": last,
        "the author's, accepted late": replace(last, accepted_after=end + 1),
        "the author's, signed late": replace(last, signed_after=end + 1),
        "an admin's, long after": replace(foreign, admin=True, accepted_after=9 * end),
        "somebody else's": foreign,
        "before its message": replace(own, admin=True, places_after=-1),
        "at its message's place": replace(own, admin=True, places_after=0),
        "of an order": replace(own, admin=True, kept=True),
    }
