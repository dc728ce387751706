"""The rights that a leaf signs. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final

from copconnect import wire
from copconnect.ids import PersonId
from copconnect.principals import Bar
from copconnect.records.conversation.roster import LeafRights

ISSUE: Mapping[wire.OrderPriority, LeafRights] = {
    "routine": LeafRights.ISSUE_ROUTINE,
    "urgent": LeafRights.ISSUE_URGENT,
    "flash": LeafRights.ISSUE_FLASH,
}
ANY_ISSUE: Final = LeafRights.ISSUE_ROUTINE | LeafRights.ISSUE_URGENT | LeafRights.ISSUE_FLASH


@dataclass(frozen=True, slots=True)
class Barred:
    """The people who may not send because of a sanction. ``large_from``: members from which on a
    group is large."""

    by_person: Mapping[PersonId, Sequence[Bar]]
    large_from: int

    def bar(
        self,
        person_id: PersonId,
        kind: wire.ConversationKind,
        who_may_send: wire.WhoMaySend,
        members: int,
    ) -> Bar | None:
        """Return the sanction that takes a person's right to send in a conversation for longest;
        None: there is none."""
        if kind == "direct":
            return None
        announces = kind == "announcement" or who_may_send == "admins"
        large = announces or members >= self.large_from
        bars = self.by_person.get(person_id, ())
        found = [one for one in bars if large or one.kind == "suspended"]
        return max(found, key=lambda one: one.until_ms, default=None)


def issuing(rights: LeafRights, priorities: Iterable[wire.OrderPriority]) -> LeafRights:
    """Return a leaf's rights with those to issue orders of these priorities, and of no other."""
    return reduce(or_, (ISSUE[one] for one in priorities), rights & ~ANY_ISSUE)


def rights_of(who_may_send: wire.WhoMaySend, *, admin: bool, barred: bool) -> LeafRights:
    """Return the rights of a member's devices. ``barred``: a sanction takes the right to send."""
    rights = LeafRights.ADMINISTER if admin else LeafRights(0)
    sends = (admin or who_may_send == "everyone") and not barred
    return rights | LeafRights.SEND if sends else rights
