"""The rights that a leaf signs. Pure."""

from copconnect import wire
from copconnect.records.conversation.roster import Rights


def rights_of(who_may_post: wire.WhoMayPost, *, admin: bool) -> Rights:
    """Return the rights of a member's devices."""
    rights = Rights.ADMINISTER if admin else Rights(0)
    return rights | Rights.POST if admin or who_may_post == "everyone" else rights
