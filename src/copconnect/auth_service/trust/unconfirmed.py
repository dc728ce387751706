"""Lists the devices that wait for somebody's endorsement."""

from copconnect import wire
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.trust import device_store
from copconnect.auth_service.trust.verdicts.holding import held_paths
from copconnect.ids import PersonId
from copconnect.principals import Caller

MOST_SHOWN = 500


class Unconfirmed:
    """Answers GET /v1/unconfirmed."""

    def __init__(self, deps: AuthDependencies) -> None:
        self._deps = deps

    async def of(self, caller: Caller) -> wire.UnconfirmedDevices:
        """Return the unconfirmed devices of the caller's person, and of people whose units the
        caller may confirm for, the newest first."""
        now = self._deps.clock.now_ms()
        async with self._deps.database.reading() as connection:
            rows = await device_store.unconfirmed(connection, now, [caller.person_id], MOST_SHOWN)
            paths = await held_paths(connection, caller.person_id, now)
            if paths and caller.confirmed:
                below = self._deps.people.people_below(paths)
                rows += await device_store.unconfirmed(connection, now, below, MOST_SHOWN)
            unique = {row.device: row for row in rows}
            owners = {PersonId(row.person_id) for row in unique.values()}
            people = await self._deps.people.cards(connection, owners, caller.person_id)
        return wire.UnconfirmedDevices(
            devices=[
                wire.UnconfirmedDevice(
                    person=people[PersonId(row.person_id)],
                    device=row.device.hex(),
                    client_id=row.client_id,
                    label=row.label,
                    registered_ms=row.created_ms,
                )
                for row in unique.values()
                if row.person_id in people
            ]
        )
