"""Names who may approve an act that waits for a second admin: its asker knows whom to call.

Invariant: of acts that some admins are barred from (:attr:`Kind.allows`) nobody is named. The
reporter of a report may be a moderator, whose absence from the list would tell who reported.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.admin import rules
from copconnect.admin.acts.kind import ActHandler
from copconnect.admin.rights import RightsTable
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId

NAMED = 10


@dataclass(frozen=True, slots=True)
class Approvers:
    """The first of the people who may approve an act, those nearest to what it touches before root
    admins, and how many there are; None: that is not told."""

    some: list[wire.Person]
    count: int | None


NOT_TOLD = Approvers([], None)


async def approvers(
    connection: AsyncConnection,
    rights: RightsTable,
    directory: DirectoryService,
    kind: ActHandler,
    paths: Iterable[str],
    *,
    asker: PersonId,
    viewer: PersonId,
) -> Approvers:
    """Return who may approve an act that touches these unit paths: the people whose right covers
    all of them at once, without the asker."""
    if kind.allows is not None:
        return NOT_TOLD
    path = rules.common(paths)
    holders = await rights.holders_over(connection, kind.right, path)
    own = holders.pop(asker, [])
    made = await rights.made_by(connection, asker)
    for one in list(holders):
        if one in made or rules.below(holders[one], own):
            del holders[one]
    nearest = sorted(holders, key=lambda one: (-max(map(len, holders[one])), one))
    cards = await directory.cards(connection, nearest[:NAMED], viewer)
    return Approvers([cards[one] for one in nearest[:NAMED] if one in cards], len(nearest))
