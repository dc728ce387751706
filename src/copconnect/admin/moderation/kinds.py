"""Acts of moderators about cases of reported messages."""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.admin.acts.kind import Asked, Codes, Kind, Touched
from copconnect.database.engine import Transaction
from copconnect.reports.moderating import CaseAct, Moderating


class ModerationKinds:
    """The kinds, by the type of the act."""

    def __init__(self, moderation: Moderating) -> None:
        self._moderation = moderation
        self.table: dict[type[wire.AdminAct], Kind] = {
            wire.AssignReport: self._kind(self._assign),
            wire.DecideReport: self._kind(self._decide),
            wire.DecideAppeal: self._kind(self._decide_appeal),
        }

    def _kind(self, perform: Callable[[Transaction, Asked], Awaitable[Codes]]) -> Kind:
        return Kind("moderate", self._touches, perform, allows=self._moderation.allow)

    async def _touches(self, connection: AsyncConnection, act: CaseAct) -> Touched:
        reach = await self._moderation.reach(connection, act)
        return Touched(reach.paths, 1, [reach.person_id], reach.second)

    async def _assign(self, connection: Transaction, asked: Asked) -> Codes:
        await self._moderation.assign(connection, asked.by, asked.act)
        return []

    async def _decide(self, connection: Transaction, asked: Asked) -> Codes:
        await self._moderation.decide(connection, asked.by, asked.act, asked.second)
        return []

    async def _decide_appeal(self, connection: Transaction, asked: Asked) -> Codes:
        await self._moderation.decide_appeal(connection, asked.by, asked.act)
        return []
