"""Consequences of a change of somebody's records, in the transaction of the change.

One place for the order: verdicts of E0 first, then rosters (E2, D6), then the wake-ups that are
recorded with them. A crash before the commit leaves nothing; after it, every node learns of it
from the log of wake-ups.
"""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.auth_service.parts import Parts
from copconnect.auth_service.trust import record_store
from copconnect.auth_service.trust.confirmers import MOST_TOLD, Confirmers
from copconnect.auth_service.trust.judging import Judge
from copconnect.bus import AccountWakeup, AnyWakeup, TrustWakeup
from copconnect.ids import PersonId
from copconnect.wakeup_log import WakeupLog


class Changes:
    """Judges, lists and tells."""

    def __init__(
        self, parts: Parts, judge: Judge, confirmers: Confirmers, wakeup_log: WakeupLog
    ) -> None:
        self._confirmers = confirmers
        self._parts = parts
        self._judge = judge
        self._log = wakeup_log

    async def judge(
        self,
        connection: AsyncConnection,
        person_ids: Collection[PersonId],
        *,
        also: Collection[PersonId] = (),
        urgent: bool = False,
    ) -> list[AnyWakeup]:
        """Judge the devices of these people anew, and let conversations list whom they may.

        ``also``: people whose devices are others in any case, such as after a revocation. Returns
        the wake-ups to publish after the commit.
        """
        changed = await self._judge.judge(connection, {*person_ids, *also})
        reached = changed | set(also)
        if not reached:
            return []
        # Their devices' answers of /v1/me are others now.
        await record_store.touch(connection, changed)
        wakeups = await self._parts.memberships.devices_changed(
            connection, sorted(reached), urgent=urgent
        )
        return [*wakeups, *await self.tell(connection, reached)]

    async def tell(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[AnyWakeup]:
        """Tell people's devices that their account is another now."""
        told: list[AnyWakeup] = [
            AccountWakeup(event="clients", person_ids=sorted(person_ids), client_ids=[]),
            TrustWakeup(person_ids=sorted(person_ids)),
        ]
        await self.record(connection, told)
        return told

    async def registered(self, connection: AsyncConnection, person_id: PersonId) -> list[AnyWakeup]:
        """A person has a new device: list it if it is confirmed, else ask those who can confirm it
        (E2)."""
        wakeups = await self.judge(connection, [person_id])
        if wakeups:
            return wakeups
        return [
            *await self.tell(connection, [person_id]),
            *await self.tell_confirmers(connection, person_id),
        ]

    async def tell_confirmers(
        self, connection: AsyncConnection, person_id: PersonId
    ) -> list[AnyWakeup]:
        """Tell a person's devices, and those who can confirm one, that others wait now."""
        asked = await self._confirmers.of(connection, person_id, MOST_TOLD)
        told: list[AnyWakeup] = [
            AccountWakeup(
                event="unconfirmed", person_ids=sorted({person_id, *asked}), client_ids=[]
            )
        ]
        await self.record(connection, told)
        return told

    async def record(self, connection: AsyncConnection, wakeups: list[AnyWakeup]) -> None:
        """Keep wake-ups that must not be lost."""
        await self._log.record(connection, wakeups)
