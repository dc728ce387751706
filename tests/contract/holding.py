"""Legal holds as rows, as the acts of two admins leave them."""

from typing import Any

from copconnect.database.engine import Database
from copconnect.delivery.store import holds
from copconnect.ids import HoldId, PersonId, new_id


async def hold(database: Database, now_ms: int, **named: Any) -> HoldId:
    """Hold a conversation or a person (``conversation_id``, ``person_id``) from now on."""
    hold_id = HoldId(new_id())
    row: dict[str, Any] = {
        "hold_id": hold_id,
        "case_number": "WP 1",
        "reason": "Order of the court",
        "from_ms": now_ms,
        "members_from_ms": now_ms,
        "set_by": "a" * 32,
    }
    async with database.transaction() as connection:
        assert await holds.add(connection, row | named)
    return hold_id


async def lift(database: Database, hold_id: HoldId, now_ms: int) -> None:
    """Lift a hold."""
    async with database.transaction() as connection:
        assert await holds.lift(connection, hold_id, now_ms, PersonId("a" * 32))
