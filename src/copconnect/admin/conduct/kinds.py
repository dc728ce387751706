"""The acts about the code of conduct and the guard's policy. Both touch everybody, and two admins
answer for them."""

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.admin.acts.kind import ActHandler, RequestedAct, Touched
from copconnect.conduct.guard.serving import GuardService
from copconnect.conduct.service import ConductService
from copconnect.database.engine import Transaction
from copconnect.directory.service import DirectoryService
from copconnect.rights import WHOLE


class ConductKinds:
    """Their table, for :class:`copconnect.admin.acts.kinds.Kinds`."""

    def __init__(
        self, directory: DirectoryService, conduct: ConductService, guard: GuardService
    ) -> None:
        self._directory = directory
        self._conduct = conduct
        self._guard = guard
        self.table: dict[type[wire.AdminAct], ActHandler] = {
            wire.PublishConduct: ActHandler("edit_conduct", self._touches_text, self._publish),
            wire.SetGuardPolicy: ActHandler("edit_conduct", self._touches_policy, self._set_policy),
        }

    async def _touches_text(self, connection: AsyncConnection, act: wire.PublishConduct) -> Touched:
        await self._conduct.check(connection, act.texts, act.after)
        return await self._everybody(connection)

    async def _touches_policy(
        self, connection: AsyncConnection, act: wire.SetGuardPolicy
    ) -> Touched:
        ranks = await self._directory.seniorities(connection)
        await self._guard.check(connection, act.policy, ranks)
        return await self._everybody(connection)

    async def _everybody(self, connection: AsyncConnection) -> Touched:
        people = await self._directory.count_people(connection)
        return Touched(frozenset({WHOLE}), people, [])

    async def _publish(self, connection: Transaction, asked: RequestedAct) -> None:
        act: wire.PublishConduct = asked.act
        await self._conduct.publish(
            connection, asked.by, act.texts, act.after, asks_again=act.asks_again
        )

    async def _set_policy(self, connection: Transaction, asked: RequestedAct) -> None:
        ranks = await self._directory.seniorities(connection)
        await self._guard.set(connection, asked.by, asked.act.policy, ranks)
