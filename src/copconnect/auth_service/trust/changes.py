"""Consequences of a change of somebody's records, in the transaction of the change.

One place for the order: verdicts of E0 first, then rosters (E2, D6), then the wake-ups. A crash
before the commit leaves nothing; after it, every node learns of it from the log of wake-ups.
"""

from collections.abc import Collection

from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.trust import record_store
from copconnect.auth_service.trust.verdicts.confirmers import MOST_TOLD, Confirmers
from copconnect.auth_service.trust.verdicts.judging import Judge
from copconnect.bus import AccountWakeup, TrustWakeup
from copconnect.database.engine import Transaction
from copconnect.ids import PersonId


class Changes:
    """Judges, lists and tells."""

    def __init__(self, deps: AuthDependencies, judge: Judge, confirmers: Confirmers) -> None:
        self._confirmers = confirmers
        self._deps = deps
        self._judge = judge

    async def judge(
        self,
        connection: Transaction,
        person_ids: Collection[PersonId],
        *,
        also: Collection[PersonId] = (),
        urgent: bool = False,
    ) -> bool:
        """Judge the devices of these people again, and let conversations list whom they may.

        ``also``: people whose devices are others in any case, such as after a revocation. Returns
        whether anybody's devices are others now.
        """
        changed = await self._judge.judge(connection, {*person_ids, *also})
        reached = changed | set(also)
        if not reached:
            return False
        # Their devices' answers of /v1/me are others now.
        await record_store.touch(connection, changed)
        await self._deps.memberships().devices_changed(connection, sorted(reached), urgent=urgent)
        self.tell(connection, reached)
        return True

    def tell(self, connection: Transaction, person_ids: Collection[PersonId]) -> None:
        """Tell people's devices that their account is another now."""
        connection.after_commit(
            AccountWakeup(event="clients", person_ids=sorted(person_ids), client_ids=[]),
            TrustWakeup(person_ids=sorted(person_ids)),
        )

    async def registered(self, connection: Transaction, person_id: PersonId) -> None:
        """A person has a new device: list it if it is confirmed, else ask the people who can
        confirm it (E2)."""
        if await self.judge(connection, [person_id]):
            return
        self.tell(connection, [person_id])
        await self.tell_confirmers(connection, person_id)

    async def tell_confirmers(self, connection: Transaction, person_id: PersonId) -> None:
        """Tell a person's devices, and the people who can confirm one, that others wait now."""
        asked = await self._confirmers.of(connection, person_id, MOST_TOLD)
        people = sorted({person_id, *asked})
        connection.after_commit(
            AccountWakeup(event="unconfirmed", person_ids=people, client_ids=[])
        )
