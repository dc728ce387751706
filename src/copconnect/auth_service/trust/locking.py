"""Locks on the devices of a person who lost a phone.

A lock is a mark of the server, not a revocation. The server takes locked devices out of all rosters
and answers them as it answers devices that were signed out; the app then locks itself and keeps its
data (E6). One statement marks all devices that the person has at that time
(:func:`device_store.lock`). Every path reads the column ``ended_reason``, so no path mistakes a
locked device for one that may act. Removing the mark lists the devices again, as after a renewed
certificate. Either change wakes sleeping devices by a push, so that they ask the server at once.
Administration decides who may lock and unlock.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors
from copconnect.audit.acts import DevicesLocked, DevicesUnlocked
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.ports import Waking
from copconnect.auth_service.trust import device_store, record_store
from copconnect.auth_service.trust.changes import Changes
from copconnect.auth_service.trust.revoking import Revoking
from copconnect.auth_service.trust.verdicts.confirmers import Confirmers
from copconnect.database.engine import Transaction
from copconnect.ids import PersonId
from copconnect.principals import Ended, Lock, Signer


class Locking:
    """Locks and unlocks devices."""

    def __init__(self, deps: AuthDependencies, changes: Changes, revoking: Revoking) -> None:
        self._deps = deps
        self._changes = changes
        self._revoking = revoking
        self._waking: Waking

    def attach(self, waking: Waking) -> None:
        """Wake devices that are locked or unlocked; built after this."""
        self._waking = waking

    async def lock(self, connection: Transaction, by: Signer, person_id: PersonId) -> None:
        """Lock all devices that a person has, in the caller's transaction. The caller checked that
        it may be. Raises ActInvalid where there is none, or none that is not locked."""
        await record_store.touch(connection, [person_id])
        now = self._deps.clock.now_ms()
        locked = await device_store.lock(connection, person_id, by.person_id, now)
        if not locked:
            raise errors.ActInvalid(reason="the person has no device that is not locked")
        await self._revoking.ended(
            connection, dict.fromkeys(locked, device_store.LOCKED), {person_id}, set()
        )
        await self._waking.wake(connection, locked)
        await self._deps.audit.record(connection, by, DevicesLocked(person_id, locked))

    async def unlock(
        self, connection: Transaction, by: Signer, person_id: PersonId, *, own_alone: bool
    ) -> None:
        """Let a person's locked devices act again, in the caller's transaction; ``own_alone``: only
        devices that the signer locked. Raises ActInvalid where none is locked."""
        await record_store.touch(connection, [person_id])
        whose = by.person_id if own_alone else None
        unlocked = await device_store.unlock(connection, person_id, whose)
        if not unlocked:
            raise errors.ActInvalid(reason="no device of this person is locked")
        await self._changes.judge(connection, [], also=[person_id])
        await self._waking.wake(connection, unlocked)
        await self._deps.audit.record(connection, by, DevicesUnlocked(person_id, unlocked))

    async def lock_of(self, connection: AsyncConnection, person_id: PersonId) -> Lock | None:
        """Return the newest lock on a person's devices."""
        row = await device_store.locked(connection, person_id)
        return None if row is None else Lock(row.locked_ms, PersonId(row.locked_by))

    async def may_act(self, connection: AsyncConnection, person_id: PersonId) -> bool:
        """Return whether a person has a device that a lock would change."""
        rows = await device_store.open_devices(connection, [person_id])
        return any(row.ended_reason is None for row in rows)


class Endings:
    """Tells a device, and no other, why it ended."""

    def __init__(self, deps: AuthDependencies, confirmers: Confirmers) -> None:
        self._deps = deps
        self._confirmers = confirmers

    async def of(self, connection: AsyncConnection, rows: Collection[Any]) -> dict[bytes, Ended]:
        """Return by device why these clients ended; clients that may act are missing."""
        ended = [row for row in rows if row.ended_reason is not None]
        if not ended:
            return {}
        revoked = await record_store.revocations_of(connection, [row.device for row in ended])
        return {
            row.device: Ended(
                row.ended_reason, revoked.get(row.device), await self._lock(connection, row)
            )
            for row in ended
        }

    async def _lock(self, connection: AsyncConnection, row: Any) -> dict[str, str | int]:
        """Return who locked a device, since when, and whom its person asks to unlock it: people who
        may remove the person's devices, with the numbers that the person is shown."""
        if row.ended_reason != device_store.LOCKED:
            return {}
        person_id = PersonId(row.person_id)
        found = await self._confirmers.of(connection, person_id)
        cards = await self._deps.people.cards(connection, found, person_id)
        admins = [f"{one} {cards[one].number}".rstrip() for one in found if one in cards]
        return {
            "locked_by": row.locked_by,
            "locked_ms": row.locked_ms,
            "admins": ",".join(admins),
        }
