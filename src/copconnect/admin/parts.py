"""The part of the tree over which an admin asks, by the rights in force when they ask."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.admin import rules
from copconnect.admin.rights import RightsTable
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId
from copconnect.principals import Caller
from copconnect.rights import WHOLE, HeldRights

# Rights that let an admin see the people of a part.
ABOUT_PEOPLE: tuple[wire.Right, ...] = (
    "manage_people",
    "enrol",
    "confirm_devices",
    "revoke_devices",
    "give_grants",
)


@dataclass(frozen=True, slots=True)
class ConsoleScope:
    """The person who asks, with their rights, and the unit paths that the question is about; "" is
    the department."""

    viewer: PersonId
    rights: HeldRights
    paths: list[str]

    @property
    def whole(self) -> bool:
        """Whether it is the whole department."""
        return WHOLE in self.paths


class Parts:
    """Finds the parts of callers. Stateless."""

    def __init__(self, rights: RightsTable, directory: DirectoryService) -> None:
        self._rights = rights
        self._directory = directory

    async def of(
        self, connection: AsyncConnection, caller: Caller, any_of: Collection[wire.Right]
    ) -> ConsoleScope:
        """Return the part over which the caller has any of these rights. Raises NotAllowed for
        somebody who has none."""
        held = await self._rights.of(connection, caller.person_id)
        paths = [path for right in any_of for path in held.paths(right)]
        if not paths:
            raise errors.NotAllowed(right=next(iter(any_of)), path=WHOLE)
        return ConsoleScope(caller.person_id, held, rules.narrowest(paths))

    def below(self, part: ConsoleScope) -> Select[tuple[PersonId]] | None:
        """Return a statement of everybody in a part; None: the whole department."""
        return None if part.whole else self._directory.people_below(part.paths)


def unit_below(paths: Sequence[str], path: str) -> str:
    """Return the id of the unit right below a part, of ``paths``, that a unit's path is in; of the
    unit itself where the part ends there."""
    depth = min((one.count("/") + 2 if one else 2) for one in paths)
    units = path.split("/")
    return units[min(depth, len(units)) - 1]
