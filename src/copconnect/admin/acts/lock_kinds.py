"""Acts that lock the devices of somebody who lost a phone, and that unlock them.

A colleague of the same unit may lock, because a colleague is nearer than an admin. Nobody may use a
lock to silence superiors: only an admin who could remove the devices of a person locks a person who
holds grants, and only a superior or an admin locks a person who may issue orders. Somebody who is
not an admin of the person locks one person a day. The person who asked for a lock may lift it, and
so may an admin who may remove the devices.
"""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import budgets, errors, wire
from copconnect.admin.acts.kind import ActHandler, RequestedAct, Touched
from copconnect.admin.rights import RightsTable
from copconnect.auth_service.trust.granting import Granting
from copconnect.auth_service.trust.locking import Locking
from copconnect.bus import AccountWakeup
from copconnect.clock import Clock
from copconnect.database.engine import Transaction
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId
from copconnect.rights import PersonChange, covers

_COMMANDING: tuple[wire.Right, ...] = ("issue_routine", "issue_urgent", "issue_flash")


class LockKinds:
    """The kinds, by the type of the act."""

    def __init__(
        self,
        clock: Clock,
        directory: DirectoryService,
        grants: Granting,
        rights: RightsTable,
        locks: Locking,
    ) -> None:
        self._clock = clock
        self._directory = directory
        self._grants = grants
        self._rights = rights
        self._locks = locks
        self.table: dict[type[wire.AdminAct], ActHandler] = {
            wire.LockDevices: ActHandler(
                "lock_devices", self._touches, self._lock, allows=self._may_lock
            ),
            wire.UnlockDevices: ActHandler(
                "lock_devices", self._touches, self._unlock, allows=self._may_unlock
            ),
        }

    async def _touches(self, connection: AsyncConnection, act: wire.LockAct) -> Touched:
        person_id = PersonId(act.person_id)
        path = await self._path(connection, person_id)
        granted = frozenset(await self._grants.held_paths(connection, person_id))
        change = PersonChange(person_id, frozenset({path}), granted)
        if granted:
            change = replace(change, needs=frozenset({"revoke_devices"}))
        return Touched(change.touched, 1, [person_id], changes=[change])

    async def _path(self, connection: AsyncConnection, person_id: PersonId) -> str:
        basis = (await self._directory.rights_bases(connection, [person_id])).get(person_id)
        if basis is None or basis.status == "removed":
            raise errors.NotFound
        return basis.path

    async def _may_lock(self, connection: AsyncConnection, by: PersonId, act: wire.LockAct) -> None:
        """Raise NotAllowed where the caller is not above a person who may issue orders."""
        person_id = PersonId(act.person_id)
        theirs = await self._rights.of(connection, person_id)
        if not any(theirs.has(one) for one in _COMMANDING):
            return
        path = await self._path(connection, person_id)
        own = await self._rights.of(connection, by)
        if not any(covers(one, path) for one in own.paths("lock_devices")):
            raise errors.NotAllowed(right="lock_devices", path=path)

    async def _may_unlock(
        self, connection: AsyncConnection, by: PersonId, act: wire.LockAct
    ) -> None:
        """Raise NotAllowed unless the caller asked for the lock or may remove the devices."""
        person_id = PersonId(act.person_id)
        lock = await self._locks.lock_of(connection, person_id)
        if lock is not None and lock.by == by:
            return
        own = await self._rights.of(connection, by)
        own.require("revoke_devices", [await self._path(connection, person_id)])

    async def _lock(self, connection: Transaction, asked: RequestedAct) -> None:
        person_id = PersonId(asked.act.person_id)
        if not _removes(asked):
            spender, now_ms = asked.by.person_id, self._clock.now_ms()
            await budgets.spend(connection, budgets.PHONES_LOCKED, spender, 1, now_ms)
        await self._locks.lock(connection, asked.by, person_id)
        await self._tell(connection, person_id)

    async def _unlock(self, connection: Transaction, asked: RequestedAct) -> None:
        person_id = PersonId(asked.act.person_id)
        # Somebody who locked a further phone lifts no lock of an admin.
        own_alone = not _removes(asked)
        await self._locks.unlock(connection, asked.by, person_id, own_alone=own_alone)
        await self._tell(connection, person_id)

    async def _tell(self, connection: Transaction, person_id: PersonId) -> None:
        """Wake the devices of admins who may unlock a person's devices: a lock came or ended."""
        path = await self._path(connection, person_id)
        admins = await self._rights.holders_over(connection, "revoke_devices", path)
        if admins:
            connection.after_commit(
                AccountWakeup(event="acts", person_ids=sorted(admins), client_ids=[])
            )


def _removes(asked: RequestedAct) -> bool:
    """Return whether the signer may remove the person's devices."""
    touched = asked.permit.people[PersonId(asked.act.person_id)].touched
    return asked.permit.held[0].lacking("revoke_devices", touched) is None
