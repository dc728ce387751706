"""Acts of moderators about cases of reported messages, and about known pictures."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.admin.acts.kind import ActHandler, Codes, RequestedAct, Touched
from copconnect.conduct.guard.pictures import Pictures
from copconnect.database.engine import Transaction
from copconnect.directory.service import DirectoryService
from copconnect.reports.moderating import CaseAct, Moderating


class ModerationKinds:
    """The kinds about cases, by the type of the act."""

    def __init__(self, moderation: Moderating) -> None:
        self._moderation = moderation
        self.table: dict[type[wire.AdminAct], ActHandler] = {
            wire.AssignReport: self._kind(self._assign),
            wire.DecideReport: self._kind(self._decide),
            wire.DecideAppeal: self._kind(self._decide_appeal),
        }

    def _kind(self, perform: Callable[[Transaction, RequestedAct], Awaitable[Codes]]) -> ActHandler:
        return ActHandler("moderate", self._touches, perform, allows=self._moderation.allow)

    async def _touches(self, connection: AsyncConnection, act: CaseAct) -> Touched:
        reach = await self._moderation.reach(connection, act)
        return Touched(reach.paths, 1, [reach.person_id], reach.second)

    async def _assign(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._moderation.assign(connection, asked.by, asked.act)

    async def _decide(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._moderation.decide(connection, asked.by, asked.act, asked.second)

    async def _decide_appeal(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._moderation.decide_appeal(connection, asked.by, asked.act)


class PictureKinds:
    """The kinds about known pictures, by the type of the act. A mark concerns everybody who sends
    the picture, so that a second moderator always answers for it. Both moderate the unit of the
    person whose report showed it."""

    def __init__(
        self, directory: DirectoryService, moderation: Moderating, pictures: Pictures
    ) -> None:
        self._directory = directory
        self._moderation = moderation
        self._pictures = pictures
        self.table: dict[type[wire.AdminAct], ActHandler] = {
            wire.MarkPicture: ActHandler(
                "moderate", self._touches_new, self._mark, allows=self._moderation.allow
            ),
            wire.UnmarkPicture: ActHandler("moderate", self._touches_known, self._unmark),
        }

    async def _touches_new(self, connection: AsyncConnection, act: wire.MarkPicture) -> Touched:
        reach = await self._moderation.reach(connection, act)
        await self._pictures.check(connection, act)
        return await self._everybody(connection, reach.paths)

    async def _touches_known(self, connection: AsyncConnection, act: wire.UnmarkPicture) -> Touched:
        path = await self._pictures.path_of(connection, act.hash)
        return await self._everybody(connection, frozenset({path}))

    async def _everybody(self, connection: AsyncConnection, paths: frozenset[str]) -> Touched:
        people = await self._directory.count_people(connection)
        return Touched(paths, people, [])

    async def _mark(self, connection: Transaction, asked: RequestedAct) -> None:
        (path,) = (await self._moderation.reach(connection, asked.act)).paths
        await self._pictures.mark(connection, asked.by, asked.act, path)

    async def _unmark(self, connection: Transaction, asked: RequestedAct) -> None:
        act: Any = asked.act
        await self._pictures.unmark(connection, asked.by, act)
