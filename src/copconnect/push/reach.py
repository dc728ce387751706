"""How pushes reach devices, for the admins of the devices."""

from collections.abc import Collection

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.clock import Clock
from copconnect.ids import ClientId
from copconnect.push import store
from copconnect.push.rules import DAY_S

UNREACHED_MS = 1000 * DAY_S


class PushReachReader:
    """Reads what pushes to devices came to. Stateless."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def unreached(self) -> Select[tuple[ClientId]]:
        """Return a statement of the devices that no push has reached for a day."""
        return store.failing_before(self._clock.now_ms() - UNREACHED_MS)

    async def reach_of(
        self, connection: AsyncConnection, client_ids: Collection[ClientId]
    ) -> dict[ClientId, wire.PushReach]:
        """Return how pushes reach these devices; those without a subscription are missing."""
        now = self._clock.now_ms()
        found = await store.states(connection, client_ids)
        return {
            client_id: wire.PushReach(
                state=_state(row.success_ms, row.failing_since_ms, now), success_ms=row.success_ms
            )
            for client_id, row in found.items()
        }


def _state(success_ms: int | None, failing_since_ms: int | None, now_ms: int) -> wire.PushState:
    if failing_since_ms is not None:
        return "unreached" if failing_since_ms <= now_ms - UNREACHED_MS else "failing"
    return "new" if success_ms is None else "works"
