"""Says whether a person's devices are locked as lost, and what the caller may do about it."""

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.admin.acts.acting import Acting
from copconnect.auth_service.trust.locking import Locking
from copconnect.database.engine import Database
from copconnect.ids import PersonId
from copconnect.principals import Caller


class Locked:
    """Answers GET /v1/people/{person_id}/lock. Stateless."""

    def __init__(self, database: Database, acting: Acting, locks: Locking) -> None:
        self._database = database
        self._acting = acting
        self._locks = locks

    async def of(self, caller: Caller, person_id: PersonId) -> wire.PhoneLock:
        """Return the lock on a person's devices, to somebody who may lock or unlock them."""
        async with self._database.reading() as connection:
            lock = await self._locks.lock_of(connection, person_id)
            unlocked = await self._locks.may_act(connection, person_id)
            may_unlock = lock is not None and await self._may(
                connection, caller, wire.UnlockDevices(person_id=person_id)
            )
            may_lock = (lock is not None or unlocked) and await self._may(
                connection, caller, wire.LockDevices(person_id=person_id)
            )
        shown = lock if may_lock or may_unlock else None
        return wire.PhoneLock(
            locked_ms=None if shown is None else shown.since_ms,
            by=None if shown is None else shown.by,
            may_lock=may_lock and unlocked,
            may_unlock=may_unlock,
        )

    async def _may(self, connection: AsyncConnection, caller: Caller, act: wire.Act) -> bool:
        try:
            await self._acting.judged(connection, caller, act)
        except errors.CopConnectError:
            return False
        return True
