"""People who can confirm a person's devices (E0): the person's own confirmed devices, people with a
grant over the person's unit, root admins.

Asked when a device is not confirmed yet, to ask those people at once and to show the device whom it
waits for. A hint alone: whether an endorsement counts is judged when it comes.
"""

from collections.abc import Sequence
from itertools import accumulate

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.trust import device_store, record_store
from copconnect.auth_service.trust.verdicts.holding import in_force, root_admins
from copconnect.ids import PersonId

SHOWN = 5
MOST_TOLD = 50  # People whom the server notifies of one new device.


class Confirmers:
    """Finds them."""

    def __init__(self, deps: AuthDependencies) -> None:
        self._deps = deps

    async def of(
        self, connection: AsyncConnection, person_id: PersonId, limit: int = SHOWN
    ) -> list[PersonId]:
        """Return the people who can confirm a person's devices, the nearest first."""
        now = self._deps.clock.now_ms()
        found: list[PersonId] = []
        if await device_store.listed(connection, [person_id], now):
            found.append(person_id)
        plates = await self._deps.people.plates(connection, [person_id])
        if person_id in plates:
            above = _paths_above(plates[person_id].path)
            rows = in_force(await record_store.newest_grants(connection, above), now)
            rows.sort(key=lambda row: (-len(row.path), row.person_id))
            found += [PersonId(row.person_id) for row in rows]
        found += sorted(await root_admins(connection))
        wanted = list(dict.fromkeys(found))
        listed = await device_store.listed(connection, wanted, now)
        able = {PersonId(row.person_id) for row in listed}
        return [one for one in wanted if one in able][:limit]


def _paths_above(path: str) -> Sequence[str]:
    """Return a unit path and all above it."""
    return list(accumulate(path.split("/"), lambda above, part: f"{above}/{part}"))
